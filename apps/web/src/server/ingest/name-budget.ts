/**
 * What one host may add to the tables of names in an hour: an agent gone wild fills its own allowance, not
 * the database. Beyond it, ends stay unnamed and new endpoints are refused; both are counted.
 */
import type { Budget } from "./names.ts";

const NAMES_PER_HOUR = 20_000;
const HOUR_MS = 3_600_000;

export class NameBudgets {
  readonly #limit: number;
  #hour = 0;
  #taken = new Map<number, number>();

  constructor(limit = NAMES_PER_HOUR) {
    this.#limit = limit;
  }
  of(hostId: number, nowMs: number): Budget {
    const hour = Math.floor(nowMs / HOUR_MS);
    if (hour !== this.#hour) {
      this.#hour = hour;
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
