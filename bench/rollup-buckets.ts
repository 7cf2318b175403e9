/** Rollup rows of many batches added up to their buckets, so that each bucket is written once. For history.ts. */
import {
  admitted,
  keyText,
  ROLLUP_WIDTHS,
  type RollupRow,
  SUMS,
} from "../apps/web/src/server/ingest/rollup.ts";
import type { RollupCardinality } from "../apps/web/src/server/ingest/rollup-cardinality.ts";
import { merge } from "../apps/web/src/server/sketch.ts";

type Width = (typeof ROLLUP_WIDTHS)[number];
type Bucket = { width: Width; bucketMs: number; hostId: number; rows: Map<string, RollupRow> };
export type FullBucket = {
  table: Width["table"];
  bucketMs: number;
  hostId: number;
  rows: RollupRow[];
  hasTotal: boolean;
};

export class RollupBuckets {
  readonly #open = new Map<string, Bucket>();

  add(hostId: number, atMs: number, rows: readonly RollupRow[], cardinality: RollupCardinality): void {
    for (const width of ROLLUP_WIDTHS) {
      const bucketMs = Math.floor(atMs / width.ms) * width.ms;
      const name = `${width.table} ${hostId} ${bucketMs}`;
      const bucket = this.#open.get(name) ?? { width, bucketMs, hostId, rows: new Map<string, RollupRow>() };
      this.#open.set(name, bucket);
      for (const row of admitted(rows, name, cardinality)) addTo(bucket.rows, row);
    }
  }

  /** The buckets that nothing from this moment on falls into, and what the others hold so far. */
  take(untilMs: number): FullBucket[] {
    const taken: FullBucket[] = [];
    for (const [name, { width, bucketMs, hostId, rows }] of this.#open) {
      if (bucketMs + width.ms > untilMs && width.ms <= 60_000) continue;
      taken.push({ table: width.table, bucketMs, hostId, rows: [...rows.values()], hasTotal: true });
      this.#open.delete(name);
    }
    return taken;
  }
}

function addTo(rows: Map<string, RollupRow>, row: RollupRow): void {
  const text = keyText(row);
  const sum = rows.get(text);
  if (!sum) {
    rows.set(text, { ...row, sketch: [...row.sketch] });
    return;
  }
  for (const name of SUMS) sum[name] += row[name];
  sum.sketch = merge(sum.sketch, row.sketch);
}
