/**
 * What was summed up of a past stretch of time is kept for a while: a dashboard that is open asks for the same
 * buckets again and again, and only the newest change. Late data shows when what was kept has grown old.
 */
type Kept<Row> = { row: Row | null; readAtMs: number };
/** The last buckets still grow; older ones only by what comes late. */
const SETTLED_MS = 60_000;
const KEPT_MS = 300_000;
/** Of about 1.5 kB each. */
const MOST_KEPT = 5000;

export class BucketCache<Row> {
  readonly #kept = new Map<string, Kept<Row>>();

  /**
   * Rows of the buckets that begin at these times; `read` is asked for the span of those not known. `of` names
   * the question: rows of one answer no other.
   */
  async rows(
    of: string,
    bucketMs: number,
    starts: readonly number[],
    nowMs: number,
    read: (fromMs: number, toMs: number) => Promise<Map<number, Row>>,
  ): Promise<Map<number, Row>> {
    const keyOf = (start: number) => `${of} ${bucketMs} ${start}`;
    const known = (start: number) => {
      const kept = this.#kept.get(keyOf(start));
      return kept && nowMs - kept.readAtMs < KEPT_MS ? kept : undefined;
    };
    const missing = starts.filter((start) => !known(start));
    const [first, last] = [missing[0], missing.at(-1)];
    if (first === undefined || last === undefined) return present(starts, (start) => known(start)?.row);
    const found = await read(first, last + bucketMs);
    const rows = present(starts, (start) => found.get(start) ?? known(start)?.row);
    for (const start of starts)
      if (start >= first && start <= last && nowMs - start - bucketMs >= SETTLED_MS)
        this.#keep(keyOf(start), { row: found.get(start) ?? null, readAtMs: nowMs });
    return rows;
  }

  #keep(key: string, kept: Kept<Row>): void {
    if (this.#kept.size >= MOST_KEPT) this.#kept.delete(this.#kept.keys().next().value as string);
    this.#kept.set(key, kept);
  }
}

function present<Row>(
  starts: readonly number[],
  rowOf: (start: number) => Row | null | undefined,
): Map<number, Row> {
  const rows = new Map<number, Row>();
  for (const start of starts) {
    const row = rowOf(start);
    if (row) rows.set(start, row);
  }
  return rows;
}

/** One cache a database and kind of row: what was read of one must not answer for another. */
export function cacheFor<Row>(caches: WeakMap<object, BucketCache<Row>>, database: object): BucketCache<Row> {
  const cache = caches.get(database) ?? new BucketCache<Row>();
  caches.set(database, cache);
  return cache;
}
