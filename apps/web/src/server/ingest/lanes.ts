/**
 * Who may push now: a few batches at a time in all, one of each host, a bounded queue before them. What is
 * beyond is told to come back, before its body is read: memory is bounded by lanes and queue × the largest batch. Who
 * hangs up leaves its batch here, and its place stays taken until that is done.
 * It decides nothing about the order of one host's batches: a host has one at a time.
 */
import { AppError } from "@millrace/contract/error";

export type LaneLimits = { readonly running: number; readonly waiting: number };

export class Lanes {
  readonly #limits: LaneLimits;
  /** By what each holds its place: its request, and its batch in the queue or at work. */
  readonly #hosts = new Map<number, number>();
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
    this.#hold(hostId);
    return () => this.#leave(hostId);
  }
  #hold(hostId: number): void {
    this.#hosts.set(hostId, (this.#hosts.get(hostId) ?? 0) + 1);
  }
  #leave(hostId: number): void {
    const left = (this.#hosts.get(hostId) ?? 0) - 1;
    if (left > 0) this.#hosts.set(hostId, left);
    else this.#hosts.delete(hostId);
    if (this.#hosts.size === 0) this.#emptied();
  }

  /** Nobody is on the way any more. */
  async empty(): Promise<void> {
    if (this.#hosts.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#emptied = resolve;
    });
  }

  /** Runs when a lane is free; first come, first served. */
  async run<T>(hostId: number, work: () => Promise<T>): Promise<T> {
    this.#hold(hostId);
    if (this.#running >= this.#limits.running) await new Promise<void>((go) => this.#queue.push(go));
    else this.#running++;
    try {
      return await work();
    } finally {
      const next = this.#queue.shift();
      if (next) next();
      else this.#running--;
      this.#leave(hostId);
    }
  }
}
