/**
 * Brings back containers that ended, as a kubelet would: level-triggered, it looks at what runs and never
 * trusts an event. It doesn't decide which containers there should be (pods.ts holds that).
 */
import type { Logger } from "pino";
import type { ContainerSlot, Pod, Pods } from "./pods.ts";
import { isAlive } from "./process-table.ts";

const LOOK_EVERY_MS = 250;
const LASTING_MS = 2_000;
const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 10_000;

/** After lives that lasted, the first delay; after each short one, twice as long as before. */
export const restartDelayMs = (shortLives: number): number =>
  Math.min(FIRST_DELAY_MS * 2 ** Math.max(0, shortLives - 1), LONGEST_DELAY_MS);

export type Kept = Pick<Pods, "all" | "inOrder" | "replaceContainer">;

export class Keeper {
  readonly #pods: Kept;
  readonly #log: Logger;
  readonly #due = new WeakMap<ContainerSlot, number>();
  readonly #work = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;

  constructor(pods: Kept, log: Logger) {
    this.#pods = pods;
    this.#log = log;
  }

  start(): void {
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
  }

  /** Resolves when no restart is under way any more. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await Promise.allSettled([...this.#work]);
  }

  #look(): void {
    const nowMs = performance.now(); // the clock of the machine may be set
    for (const pod of this.#pods.all()) {
      for (const slot of pod.containers) {
        if (!slot.spec.restart || (slot.running && isAlive(slot.running))) continue;
        this.#ended(pod, slot, nowMs);
      }
    }
  }

  #ended(pod: Pod, slot: ContainerSlot, nowMs: number): void {
    const due = this.#due.get(slot);
    if (due === undefined) {
      const lasted = slot.running !== undefined && nowMs - slot.running.startedAtMs >= LASTING_MS;
      slot.shortLives = lasted ? 0 : slot.shortLives + 1;
      this.#due.set(slot, nowMs + restartDelayMs(slot.shortLives));
      this.#log.info({ pod: pod.plan.name, container: slot.spec.name }, "container ended");
    } else if (nowMs >= due) {
      this.#due.set(slot, Number.POSITIVE_INFINITY);
      const work = this.#restart(pod, slot).finally(() => {
        this.#due.delete(slot);
        this.#work.delete(work);
      });
      this.#work.add(work);
    }
  }

  async #restart(pod: Pod, slot: ContainerSlot): Promise<void> {
    const names = { pod: pod.plan.name, container: slot.spec.name };
    try {
      await this.#pods.inOrder(pod.plan.name, async () => {
        // The pod may have been removed, or made anew under its name, while this waited its turn.
        if (!this.#timer || !this.#pods.all().includes(pod)) return;
        await this.#pods.replaceContainer(pod, slot);
        this.#log.info({ ...names, id: slot.running?.id }, "container is back");
      });
    } catch (error) {
      this.#log.warn({ ...names, error: (error as Error).message }, "container doesn't come back yet");
    }
  }
}
