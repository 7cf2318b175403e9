/**
 * Who may push now: a few batches at a time in all, one of each host, a bounded queue before them. What is
 * beyond is told to come back, before its body is read: memory is bounded by lanes and queue × the largest batch.
 * It decides nothing about the order of one host's batches: a host has one at a time.
 */
import { AppError } from "@millrace/contract/error";

export type LaneLimits = { readonly running: number; readonly waiting: number };

export class Lanes {
  readonly #limits: LaneLimits;
  readonly #hosts = new Set<number>();
  readonly #queue: (() => void)[] = [];
  #running = 0;
  #emptied: () => void = () => {};

  constructor(limits: LaneLimits) {
    this.#limits = limits;
  }
  get running(): number {
    return this.#running;
  }
  get waiting(): number {
    return this.#queue.length;
  }

  /** Takes the host's place, before its body is read. Throws BUSY; else call the answer when done. */
  enter(hostId: number): () => void {
    if (this.#hosts.has(hostId))
      throw new AppError("BUSY", `host ${hostId} has a batch on its way`, {
        publicMessage: "A batch of this host is being stored: one at a time",
      });
    if (this.#hosts.size >= this.#limits.running + this.#limits.waiting)
      throw new AppError("BUSY", `${this.#hosts.size} batches are on their way`, {
        publicMessage: "Too many batches at once",
      });
    this.#hosts.add(hostId);
    return () => {
      this.#hosts.delete(hostId);
      if (this.#hosts.size === 0) this.#emptied();
    };
  }

  /** Nobody is on the way any more. */
  async empty(): Promise<void> {
    if (this.#hosts.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#emptied = resolve;
    });
  }

  /** Runs when a lane is free; first come, first served. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#limits.running) await new Promise<void>((go) => this.#queue.push(go));
    else this.#running++;
    try {
      return await work();
    } finally {
      const next = this.#queue.shift();
      if (next) next();
      else this.#running--;
    }
  }
}
