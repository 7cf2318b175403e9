/** Into how many stretches a range is cut for a chart, and which rollup has them. Pure. */
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const WIDTHS = [
  ...[10 * SECOND, 30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 30 * MINUTE],
  ...[HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR, 7 * 24 * HOUR],
];
const MOST = 120;

export type Buckets = { bucketMs: number; fromMs: number; count: number };

/** Aligned to the width, so that the same minute is the same bucket on every chart. */
export function bucketsOf(range: { from: number; to: number }, most = MOST): Buckets {
  const fits = (width: number) => Math.ceil(range.to / width) - Math.floor(range.from / width) <= most + 1;
  const bucketMs = WIDTHS.find(fits) ?? (WIDTHS.at(-1) as number);
  const fromMs = Math.floor(range.from / bucketMs) * bucketMs;
  return { bucketMs, fromMs, count: Math.min(10 * MOST, Math.ceil((range.to - fromMs) / bucketMs)) };
}

export const rollupFor = (bucketMs: number): "rollup_10s" | "rollup_1m" | "rollup_1h" =>
  bucketMs < MINUTE ? "rollup_10s" : bucketMs < HOUR ? "rollup_1m" : "rollup_1h";
/** The same sums over all keys, by verdict. */
export const totalFor = (bucketMs: number): "total_10s" | "total_1m" | "total_1h" =>
  bucketMs < MINUTE ? "total_10s" : bucketMs < HOUR ? "total_1m" : "total_1h";
