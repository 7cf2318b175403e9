/**
 * When counters are read: once an interval, and sooner when flows have opened, so that they are on a screen
 * within a fraction of a second. Reading early is bounded by what reading costs and given up while the server
 * doesn't keep up. Decides only; owns no timer and no clock.
 */

/** The least time between two readings, whatever opens. */
const LEAST_MS = 200;
/** Early readings may take this share of the time: one that took 30 ms is not repeated within a second. */
const SHARE = 0.03;
/** Batches that wait for the server; beyond them an early one would only wait with them. */
const MOST_WAITING = 1;

export class Cadence {
  intervalMs: number;
  #startedMs = Number.NEGATIVE_INFINITY;
  #tookMs = 0;

  constructor(intervalMs: number) {
    this.intervalMs = intervalMs;
  }
  /** A reading is over; answers how long to wait before the next. */
  read(startedMs: number, endedMs: number): number {
    this.#startedMs = startedMs;
    this.#tookMs = endedMs - startedMs;
    return Math.max(0, this.intervalMs - this.#tookMs);
  }
  /** Flows have opened: within how many ms to read them. */
  opened(nowMs: number, waitingBatches: number): number {
    const busy = waitingBatches > MOST_WAITING;
    const apartMs = busy ? this.intervalMs : Math.max(LEAST_MS, this.#tookMs / SHARE);
    return Math.max(0, this.#startedMs + Math.min(apartMs, this.intervalMs) - nowMs);
  }
}
