/**
 * How often a password may be tried: for one account from one address, and for it from everywhere. What one address
 * may do in all is better-auth's own limit. Kept in memory: the web process is one. No I/O.
 */
import { Lru } from "./lru.ts";

const WINDOW_MS = 60_000;
export const MOST_TRIES = { fromOne: 10, fromAll: 100 } as const;
/** Of about 200 bytes each; who makes names up pushes out old names, not those that are being tried. */
const MOST_KEPT = 20_000;

type Tries = { sinceMs: number; count: number };

export class SignInTries {
  readonly #tries = new Lru<string, Tries>(MOST_KEPT);

  /** Counts a try; false when there were too many. What succeeded is taken back by `forgive`. */
  take(account: string, address: string | null, nowMs: number): boolean {
    const [all, one] = [this.#of(allOf(account), nowMs), this.#of(oneOf(account, address), nowMs)];
    if (all.count >= MOST_TRIES.fromAll || one.count >= MOST_TRIES.fromOne) return false;
    all.count++;
    one.count++;
    return true;
  }

  forgive(account: string, address: string | null, nowMs: number): void {
    const [all, one] = [this.#of(allOf(account), nowMs), this.#of(oneOf(account, address), nowMs)];
    all.count = Math.max(0, all.count - one.count);
    one.count = 0;
  }

  #of(key: string, nowMs: number): Tries {
    const known = this.#tries.get(key);
    if (known && nowMs - known.sinceMs < WINDOW_MS) return known;
    const fresh = { sinceMs: nowMs, count: 0 };
    this.#tries.set(key, fresh);
    return fresh;
  }
}

const allOf = (account: string): string => JSON.stringify([account.toLowerCase()]);
const oneOf = (account: string, address: string | null): string =>
  JSON.stringify([account.toLowerCase(), address]);
