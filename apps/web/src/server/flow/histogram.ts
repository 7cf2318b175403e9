/**
 * Flow reports over time by verdict, and bytes: from rollups when they can answer the filter, else from the
 * flows themselves. Where no host reported at all, a gap.
 */
import type { Filter } from "@millrace/contract/filter";
import type { FlowHistogram, TimeRange } from "@millrace/contract/flow";
import type { Milliseconds } from "@millrace/contract/ids";
import { type Buckets, bucketsOf, rollupFor, totalFor } from "../bucket.ts";
import { type BucketCache, cacheFor } from "../bucket-cache.ts";
import { systemClock } from "../clock.ts";
import { findGaps } from "../host/service.ts";
import { type Statement, Values } from "../sql.ts";
import { readFilter } from "./filter.ts";
import * as repo from "./repo.ts";
import { rollupsAnswer } from "./rollup-answer.ts";
import { rollupCondition } from "./rollup-filter.ts";
import { COUNTED, updateCondition } from "./update-condition.ts";

type Row = { bucket: number; verdict: number; reports: number; bytes: number };
type Bucket = FlowHistogram["buckets"][number];
const COLUMN = ["forwarded", "dropped", "wouldDrop", "unknown"] as const;

export async function flowHistogram(input: { range: TimeRange; filter: string }): Promise<FlowHistogram> {
  const filter = readFilter(input.filter);
  const cut = bucketsOf(input.range);
  const byRollup = await rollupsAnswer(filter, input.range);
  const [rows, gaps] = await Promise.all([
    byRollup ? fromRollups(filter, cut) : fromFlows(filter, input.range, cut),
    findGaps(cut),
  ]);
  const buckets = Array.from({ length: cut.count }, (_, i) => empty(cut.fromMs + i * cut.bucketMs));
  for (const { bucket, verdict, reports, bytes } of rows) {
    const into = buckets[bucket];
    if (!into) continue;
    into[COLUMN[verdict] ?? "unknown"] += reports;
    into.bytes += bytes;
  }
  return { bucketMs: cut.bucketMs, buckets, gaps };
}

function fromFlows(filter: Filter, range: TimeRange, cut: Buckets): Promise<Row[]> {
  const values = new Values();
  const span = { fromUs: range.from * 1000, toUs: range.to * 1000 };
  return repo.rowsOf<Row>(overFlows({ condition: updateCondition(filter, span, values), values }, cut));
}

const caches = new WeakMap<object, BucketCache<Row[]>>();

async function fromRollups(filter: Filter, cut: Buckets): Promise<Row[]> {
  const { fromMs, bucketMs, count } = cut;
  const starts = Array.from({ length: count }, (_, i) => fromMs + i * bucketMs);
  const read = async (from: number, to: number) => {
    const values = new Values();
    const condition = rollupCondition(filter, values) ?? "true";
    const part = { bucketMs, fromMs: from, count: Math.round((to - from) / bucketMs) };
    const rows = new Map<number, Row[]>();
    for (const row of await repo.rowsOf<Row>(overRollup(condition, values, part))) {
      const start = from + row.bucket * bucketMs;
      rows.set(start, [...(rows.get(start) ?? []), row]);
    }
    return rows;
  };
  const question = JSON.stringify(filter.terms);
  const found = await cacheFor(caches, repo.source()).rows(
    question,
    bucketMs,
    starts,
    systemClock.now(),
    read,
  );
  return [...found].flatMap(([start, rows]) =>
    rows.map((row) => ({ ...row, bucket: Math.round((start - fromMs) / bucketMs) })),
  );
}

const empty = (at: number): Bucket => ({
  at: at as Milliseconds,
  ...{ forwarded: 0, dropped: 0, wouldDrop: 0, unknown: 0, bytes: 0 },
});

type Written = { condition: string; values: Values };

const bucketSql = (column: string, { fromMs, bucketMs }: Buckets, values: Values): string =>
  `floor((extract(epoch from ${column})::float8 * 1000 - ${values.add(fromMs, "float8")}) / ${values.add(bucketMs, "float8")})::int`;

function overFlows({ condition, values }: Written, cut: Buckets): Statement {
  const text = `select ${bucketSql("u.ts", cut, values)} as bucket, u.verdict, count(*)::float8 as reports,
      coalesce(sum(u.fwd_bytes + u.rev_bytes) filter (where u.counted), 0)::float8 as bytes
    from flow_updates u where ${condition} and ${COUNTED} group by 1, 2`;
  return { text, values: values.list };
}

function overRollup(condition: string, values: Values, cut: Buckets): Statement {
  const text = `select ${bucketSql("r.bucket", cut, values)} as bucket, r.verdict,
      sum(r.updates)::float8 as reports,
      sum(r.fwd_bytes + r.rev_bytes)::float8 as bytes
    from ${condition === "true" ? totalFor(cut.bucketMs) : rollupFor(cut.bucketMs)} r
    where r.bucket >= to_timestamp(${values.add(cut.fromMs / 1000, "float8")})
      and r.bucket < to_timestamp(${values.add((cut.fromMs + cut.count * cut.bucketMs) / 1000, "float8")})
      and ${condition} group by 1, 2`;
  return { text, values: values.list };
}
