/**
 * What one host may add to the tables of names in an hour: an agent gone wild fills its own allowance, not
 * the database. Beyond it, ends stay unnamed and new endpoints are refused; both are counted.
 */
import type { Budget } from "./names.ts";

const NAMES_PER_HOUR = 20_000;
export const HOUR_MS = 3_600_000;
/** As long as the process lives. */
export const FOREVER = Number.POSITIVE_INFINITY;

export class NameBudgets {
  readonly #limit: number;
  readonly #periodMs: number;
  #period = 0;
  #taken = new Map<number, number>();

  constructor(limit = NAMES_PER_HOUR, periodMs = HOUR_MS) {
    this.#limit = limit;
    this.#periodMs = periodMs;
  }
  of(hostId: number, nowMs: number): Budget {
    const period = Math.floor(nowMs / this.#periodMs);
    if (period !== this.#period) {
      this.#period = period;
      this.#taken = new Map();
    }
    return {
      take: (names) => {
        const taken = this.#taken.get(hostId) ?? 0;
        const granted = Math.min(names, Math.max(0, this.#limit - taken));
        this.#taken.set(hostId, taken + granted);
        return granted;
      },
    };
  }
}
