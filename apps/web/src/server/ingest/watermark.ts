/**
 * How far an incarnation's batches are settled: every sequence up to the watermark is stored, or its agent
 * said that it is lost. Pure; a gap holds the watermark back, whatever came after it.
 */
export type LostRange = { readonly first: number; readonly last: number };

/** `stored` and `lost` may be in any order and speak of sequences long settled. */
export function advance(acknowledged: number, stored: readonly number[], lost: readonly LostRange[]): number {
  const settled = [...stored.map((sequence) => ({ first: sequence, last: sequence })), ...lost].sort(
    (a, b) => a.first - b.first,
  );
  let reached = acknowledged;
  for (const range of settled) {
    if (range.first > reached + 1) break;
    reached = Math.max(reached, range.last);
  }
  return reached;
}
