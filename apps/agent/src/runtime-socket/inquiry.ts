/**
 * What one runtime's socket told of the containers there are, and when to ask it again: at once for one that
 * is new, seldom for what was told, less and less often after failures. Never two questions at a time, and
 * nobody waits for an answer: news is announced.
 */
import type { Ask, Told } from "./told.ts";

const FAILED_MS = [1000, 2000, 5000, 15_000, 30_000];
/** A container may be on disk a moment before its runtime would list it. */
const MISSING_MS = [150, 300, 1000, 5000, 30_000];
/** Names and labels seldom change in a life. */
const REFRESH_MS = 300_000;

export type InquiryOptions = {
  ask: Ask;
  nowMs: () => number;
  /** Something is known, or unknown for another reason, than was before. */
  onNews: () => void;
};
type Entry = { told: Told | undefined; times: number; dueAtMs: number };

export class Inquiry {
  readonly #o: InquiryOptions;
  #entries = new Map<string, Entry>();
  #wanted = new Set<string>();
  #asking = false;
  #failures = 0;
  #retryAtMs = 0;
  /** Why nothing more is known; null while an answer may be on its way. */
  reason: string | null = null;

  constructor(options: InquiryOptions) {
    this.#o = options;
  }

  /** What is known now; in this sweep the container is there. */
  of(id: string): Told | undefined {
    this.#wanted.add(id);
    return this.#entries.get(id)?.told;
  }

  /** After a sweep: forgets those that have gone, asks for those that are due. */
  endSweep(): void {
    for (const id of this.#entries.keys()) if (!this.#wanted.has(id)) this.#entries.delete(id);
    const now = this.#o.nowMs();
    const due = [...this.#wanted].filter((id) => (this.#entries.get(id)?.dueAtMs ?? 0) <= now);
    this.#wanted = new Set();
    if (due.length === 0 || this.#asking || now < this.#retryAtMs) return;
    this.#asking = true;
    void this.#ask(due);
  }

  async #ask(ids: readonly string[]): Promise<void> {
    try {
      const told = await this.#o.ask(ids);
      this.#failures = 0;
      this.#take(ids, new Map(told.map((one) => [one.id, one])));
    } catch (error) {
      const wait = FAILED_MS[Math.min(this.#failures++, FAILED_MS.length - 1)] as number;
      this.#retryAtMs = this.#o.nowMs() + wait;
      this.#explain((error as Error).message);
    } finally {
      this.#asking = false;
    }
  }

  #take(ids: readonly string[], told: ReadonlyMap<string, Told>): void {
    let news = false;
    let missing = false;
    for (const id of ids) {
      const before = this.#entries.get(id);
      const now = told.get(id);
      const times = now ? 0 : (before?.times ?? 0) + 1;
      const wait = now ? REFRESH_MS : (MISSING_MS[Math.min(times, MISSING_MS.length) - 1] as number);
      this.#entries.set(id, { told: now ?? before?.told, times, dueAtMs: this.#o.nowMs() + wait });
      missing ||= now === undefined;
      news ||= now !== undefined && JSON.stringify(now) !== JSON.stringify(before?.told);
    }
    this.#explain(missing ? "its socket doesn't know the container" : null);
    if (news) this.#o.onNews();
  }
  #explain(reason: string | null): void {
    if (reason === this.reason) return;
    this.reason = reason;
    this.#o.onNews();
  }
}
