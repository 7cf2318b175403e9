/**
 * How long agents should wait before the next push: nothing while writes are quick, more the slower they
 * get, so that a slow database meets fewer and larger batches. Agents spool meanwhile; nothing is refused here.
 */
const QUICK_MS = 250;
const LONGEST_PAUSE_MS = 10_000;
/** Weight of the newest write in the mean. */
const WEIGHT = 0.2;
/** What a client is told to wait when the database is away. */
export const AWAY_PAUSE_MS = 2_000;
export const BUSY_PAUSE_MS = 250;

export class Pace {
  #meanMs = 0;

  wrote(ms: number): void {
    this.#meanMs += (ms - this.#meanMs) * WEIGHT;
  }
  get pauseMs(): number {
    if (this.#meanMs <= QUICK_MS) return 0;
    return Math.min(LONGEST_PAUSE_MS, Math.round(this.#meanMs * 2));
  }
}
