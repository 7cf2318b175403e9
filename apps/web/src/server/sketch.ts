/**
 * A latency distribution in at most 160 counts: bucket i holds the round-trip times up to
 * FLOOR_US × GROWTH^i, so that a quantile is at most 5 % off between 10 µs and 80 s. Cut after the last count, in
 * the database also before the first; merging is adding, here and in SQL (rtt_sketch_add, rtt_sketch_merge). It keeps
 * no samples, minimum or maximum.
 */
export const SKETCH_ERROR = 0.05;
export const SKETCH_BUCKETS = 160;
const FLOOR_US = 10;
const GROWTH = (1 + SKETCH_ERROR) / (1 - SKETCH_ERROR);
const LOG_GROWTH = Math.log(GROWTH);

export type Sketch = readonly number[];

export function bucketOf(us: number): number {
  if (us <= FLOOR_US) return 0;
  return Math.min(SKETCH_BUCKETS - 1, Math.ceil(Math.log(us / FLOOR_US) / LOG_GROWTH));
}

/** bucketOf as SQL, for round-trip times that no sketch was kept of. */
export const sketchBucketSql = (us: string): string =>
  `least(${SKETCH_BUCKETS - 1}, ceil(ln(greatest(${us}, ${FLOOR_US})::float8 / ${FLOOR_US}) / ${LOG_GROWTH}))::int`;

/** The value that is within the error of everything in the bucket. */
export function estimate(bucket: number): number {
  return bucket === 0 ? FLOOR_US : FLOOR_US * GROWTH ** bucket * (1 - SKETCH_ERROR);
}

/** Adds one sample in place, growing the array as far as needed. */
export function addSample(sketch: number[], us: number): void {
  const bucket = bucketOf(us);
  while (sketch.length <= bucket) sketch.push(0);
  sketch[bucket] = (sketch[bucket] as number) + 1;
}

export function merge(a: Sketch, b: Sketch): number[] {
  const [longer, shorter] = a.length >= b.length ? [a, b] : [b, a];
  const merged = [...longer];
  for (const [bucket, count] of shorter.entries()) merged[bucket] = (merged[bucket] as number) + count;
  return merged;
}

/** As Postgres takes it for an integer[] that begins with the first count. */
export function sketchText(sketch: Sketch): string {
  const first = sketch.findIndex((count) => count !== 0);
  if (first < 0) return "{}";
  return `[${first + 1}:${sketch.length}]={${sketch.slice(first).join(",")}}`;
}

/** The value below which the share `q` of the samples lies; null without samples. */
export function quantile(sketch: Sketch, q: number): number | null {
  const total = sketch.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  const rank = Math.min(total - 1, Math.floor(q * total));
  let below = 0;
  for (const [bucket, count] of sketch.entries()) {
    below += count;
    if (below > rank) return estimate(bucket);
  }
  return null;
}
