/*
 * Waiting for the kernel without guessing how long it takes: for a condition, or for two equal readings. The
 * deadline only ends a test that would hang.
 */
import { isDeepStrictEqual } from "node:util";

/** Looks until something is there, with a deadline that only ends a test that would hang. */
export async function eventually<T>(what: string, look: () => T | undefined | false): Promise<T> {
  const deadline = Date.now() + 15_000;
  for (;;) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`not within 15 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Reads until nothing has moved between two readings: neighbour discovery may come in at any time. */
export function settled<T>(what: string, read: () => T): Promise<T> {
  return eventually(`${what}, unmoved`, () => {
    const now = read();
    return isDeepStrictEqual(now, read()) && now;
  });
}
