// How long to wait before a service that ended is started again, and when to say that it keeps ending.
// Pure: time is an argument. It never gives up, because a database may well be away for an hour.

const firstMs = 200;
const longestMs = 10_000;
/** A service that ran this long was well: the next end is a new story. */
const settledMs = 60_000;

/** @typedef {{ failures: number }} History */

/** @param {History} history @param {number} ranMs how long the service ran before it ended
 *  @returns {{ history: History, waitMs: number }} */
export function afterEnd(history, ranMs) {
  const failures = ranMs >= settledMs ? 1 : history.failures + 1;
  return { history: { failures }, waitMs: Math.min(longestMs, firstMs * 2 ** (failures - 1)) };
}
