/**
 * Switches faults on and off, idempotently and one at a time. What a fault is stands in fault.ts; bringing
 * back a container that one kills is the keeper's.
 */
import { FAULT_NAMES, FAULTS, type FaultAction, type FaultName } from "./fault.ts";
import type { Pods } from "./pods.ts";
import { isAlive, kill } from "./process-table.ts";
import type { ShopSettings } from "./settings.ts";
import { doStep, undoStep } from "./step.ts";
import { LabError } from "./subprocess.ts";

export class FaultSwitch {
  readonly #pods: Pods;
  readonly #changeSettings: (change: Partial<ShopSettings>) => Promise<void>;
  readonly #on = new Map<FaultName, FaultAction>();
  readonly #crashes = new Map<FaultName, NodeJS.Timeout>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(pods: Pods, changeSettings: (change: Partial<ShopSettings>) => Promise<void>) {
    this.#pods = pods;
    this.#changeSettings = changeSettings;
  }

  isOn(name: FaultName): boolean {
    return this.#on.has(name);
  }

  set(name: FaultName, on: boolean): Promise<void> {
    const change = this.#last.then(() => (on ? this.#switchOn(name) : this.#switchOff(name)));
    this.#last = change.catch(() => {});
    return change;
  }

  /** One that can't be taken back keeps no other on. */
  async allOff(): Promise<void> {
    const ends = await Promise.allSettled(FAULT_NAMES.map((name) => this.set(name, false)));
    const failed = ends.find((end) => end.status === "rejected");
    if (failed) throw failed.reason;
  }

  async #switchOn(name: FaultName): Promise<void> {
    if (this.#on.has(name)) return;
    const action = FAULTS[name].action((pod) => this.#pods.get(pod).plan);
    if (action.kind === "settings") await this.#changeSettings(action.on);
    else if (action.kind === "step") await doStep(action.step);
    else {
      const crash = () => this.#crash(action.pod, action.container);
      this.#crashes.set(name, setInterval(crash, action.everyMs));
      crash();
    }
    this.#on.set(name, action);
  }

  async #switchOff(name: FaultName): Promise<void> {
    const action = this.#on.get(name);
    if (!action) return;
    if (action.kind === "settings") await this.#changeSettings(action.off);
    else if (action.kind === "crash") {
      clearInterval(this.#crashes.get(name));
      this.#crashes.delete(name);
    } else {
      const failures = await undoStep(action.step);
      if (failures.length > 0)
        throw new LabError(`fault ${name} can't be taken back: ${failures.join("; ")}`);
    }
    this.#on.delete(name);
  }

  #crash(podName: string, containerName: string): void {
    const pod = this.#pods.all().find(({ plan }) => plan.name === podName);
    const running = pod?.containers.find(({ spec }) => spec.name === containerName)?.running;
    if (running && isAlive(running)) kill(running.pid, "SIGKILL");
  }
}
