/**
 * Adds a batch's rollup rows to the three tables, in the batch's transaction, so that sums are exact
 * whatever fails; in one statement, since most rows are the same in all three. All three are written directly:
 * deriving the wider ones later would need a second watermark, and a batch has few keys. Only one host writes a
 * key (the host is part of it), and in the order of keys: batches don't wait for each other.
 */
import type { Queryable } from "../db.ts";
import { sketchText } from "../sketch.ts";
import { type Budget, type Interner, rollupNameKey } from "./names.ts";
import {
  ROLLUP_WIDTHS,
  type RollupRow,
  type RollupTable,
  type Shown,
  SUMS,
  type TotalRow,
} from "./rollup.ts";
import { OTHER, type RollupName } from "./rollup-name.ts";

const COLUMNS = {
  updates: "updates",
  opened: "opened",
  fwdPackets: "fwd_packets",
  fwdBytes: "fwd_bytes",
  revPackets: "rev_packets",
  revBytes: "rev_bytes",
  drops: "drops",
  retransmits: "retransmits",
  slowPackets: "slow_packets",
  fastPackets: "fast_packets",
} as const satisfies Record<(typeof SUMS)[number], string>;
export const SUM_COLUMNS = SUMS.map((name) => COLUMNS[name]);
const SUM_LIST = SUM_COLUMNS.join(", ");

/** Of one batch and one width. */
export type RollupPart = {
  readonly table: RollupTable;
  readonly bucketMs: number;
  readonly rows: readonly RollupRow[];
  /** The width's totals are still kept; their partitions go one by one. */
  readonly hasTotal: boolean;
};

const ADDED = SUM_COLUMNS.map((name) => `${name} = t.${name} + excluded.${name}`).join(", ");
/** Parameter 1 is the host, 2 to 4 are the widths' buckets (ms). */
const inserts = ROLLUP_WIDTHS.map(
  ({ table }, at) => `insert into ${table} as t
      (bucket, host_id, src_id, dst_id, dst_port, proto, verdict, ${SUM_LIST}, rtt_sketch)
    select to_timestamp($${at + 2}::float8 / 1000), $1::int4, src, dst, port, proto, verdict, ${SUM_LIST},
      sketch from r where widths & ${1 << at} <> 0
    on conflict (bucket, host_id, src_id, dst_id, dst_port, proto, verdict) do update set ${ADDED},
      rtt_sketch = case when cardinality(excluded.rtt_sketch) = 0 then t.rtt_sketch
        else rtt_sketch_add(t.rtt_sketch, excluded.rtt_sketch) end`,
);
/** Then arrays: which widths (bits), five of the key, those of the sums, sketches as text. */
const TYPES = ["int4", "int4", "int4", "int4", "int2", "int2", ...SUM_COLUMNS.map(() => "int8"), "text"];
const ARRAYS = TYPES.map((type, at) => `$${at + 2 + ROLLUP_WIDTHS.length}::${type}[]`).join(", ");
const STATEMENT = `with r as materialized (
    select widths, src, dst, port, proto, verdict, ${SUM_LIST}, sketch::int4[]
    from unnest(${ARRAYS}) as r (widths, src, dst, port, proto, verdict, ${SUM_LIST}, sketch)),
  ${inserts
    .slice(1)
    .map((text, at) => `wider${at} as (${text})`)
    .join(",\n  ")}
  ${inserts[0]}`;

/** Hosts share these rows: what one of them makes up must not break another's batch, so they stop at the largest. */
const SATURATED = SUM_COLUMNS.map(
  (name) => `${name} = least(t.${name}::numeric + excluded.${name}, 9223372036854775807)::int8`,
).join(", ");
/** A bucket's totals are in so many rows a verdict, each of a share of the hosts. */
export const SHARDS = 16;
const TOTAL_TYPES = ["int4", "int2", ...SUM_COLUMNS.map(() => "int8"), "text"];
const TOTAL_ARRAYS = TOTAL_TYPES.map((type, at) => `$${at + 2 + ROLLUP_WIDTHS.length}::${type}[]`).join(", ");
/** The widths' totals in the order of the widths, so that two hosts of a shard can't wait for each other. */
const totalInserts = ROLLUP_WIDTHS.map(
  ({ total }, at) => `insert into ${total} as t (bucket, shard, verdict, ${SUM_LIST}, rtt_sketch)
    select to_timestamp($${at + 2}::float8 / 1000), $1::int4, verdict, ${SUM_LIST}, sketch::int4[]
    from r where widths & ${1 << at} <> 0 order by verdict
    on conflict (bucket, shard, verdict) do update set ${SATURATED},
      rtt_sketch = rtt_sketch_add(t.rtt_sketch, excluded.rtt_sketch)`,
);
const TOTAL_STATEMENT = `with r as materialized (select * from unnest(${TOTAL_ARRAYS})
    as r (widths, verdict, ${SUM_LIST}, sketch)),
  ${totalInserts
    .slice(1)
    .map((text, at) => `wider${at} as (${text})`)
    .join(",\n  ")}
  ${totalInserts[0]}`;

export type NameIds = ReadonlyMap<string, number>;

/**
 * Outside the transaction: see names.ts. Names that the host's budget doesn't cover are absent; "other" costs
 * nothing.
 */
export async function rollupNameIds(
  names: Interner<RollupName>,
  shown: Shown,
  budget?: Budget,
): Promise<NameIds> {
  const wanted = new Map<string, RollupName>();
  for (const name of new Set([...shown.src, ...shown.dst])) wanted.set(rollupNameKey(name), name);
  const other = await names.ids(new Map([[rollupNameKey(OTHER), OTHER]]));
  return new Map([...other, ...(await names.ids(wanted, budget))]);
}

/** A width that isn't among the parts is left alone: its partition is gone. */
export async function storeRollups(
  db: Queryable,
  hostId: number,
  parts: readonly RollupPart[],
  ids: NameIds,
): Promise<void> {
  const keyed = inKeyOrder(parts, ids);
  if (keyed.length === 0) return;
  const bucketOf = (table: RollupTable) => parts.find((part) => part.table === table)?.bucketMs ?? 0;
  await db.query({
    name: "add to rollups",
    text: STATEMENT,
    values: [
      hostId,
      ...ROLLUP_WIDTHS.map(({ table }) => bucketOf(table)),
      ...(["widths", "src", "dst"] as const).map((name) => arrayOf(keyed.map((k) => k[name]))),
      ...(["dstPort", "proto", "verdict", ...SUMS] as const).map((name) =>
        arrayOf(keyed.map((k) => k.row[name])),
      ),
      arrayOf(keyed.map((k) => `"${sketchText(k.row.sketch)}"`)),
    ],
  });
}

/** After the rollups, in the same transaction; the last thing before its commit, as hosts of a shard wait here. */
export async function storeTotals(
  db: Queryable,
  hostId: number,
  parts: readonly RollupPart[],
  totals: readonly TotalRow[],
): Promise<void> {
  if (totals.length === 0 || parts.length === 0) return;
  const partOf = (table: RollupTable) => parts.find((part) => part.table === table);
  const bits = ROLLUP_WIDTHS.reduce((sum, { table }, at) => sum + (partOf(table)?.hasTotal ? 1 << at : 0), 0);
  await db.query({
    name: "add to totals",
    text: TOTAL_STATEMENT,
    values: [
      hostId % SHARDS,
      ...ROLLUP_WIDTHS.map(({ table }) => partOf(table)?.bucketMs ?? 0),
      totals.map(() => bits),
      totals.map((row) => row.verdict),
      ...SUMS.map((name) => totals.map((row) => row[name])),
      totals.map((row) => sketchText(row.sketch)),
    ],
  });
}

/** As Postgres reads it: the driver would quote and escape each number. */
const arrayOf = (elements: readonly (number | string)[]): string => `{${elements.join(",")}}`;

type Keyed = { readonly row: RollupRow; readonly widths: number; readonly src: number; readonly dst: number };

/** A row that several widths share is written once, with a bit for each. */
function inKeyOrder(parts: readonly RollupPart[], ids: NameIds): Keyed[] {
  const widths = new Map<RollupRow, number>();
  for (const [at, { table }] of ROLLUP_WIDTHS.entries())
    for (const row of parts.find((part) => part.table === table)?.rows ?? [])
      widths.set(row, (widths.get(row) ?? 0) | (1 << at));
  const idOf = (name: RollupName) => ids.get(rollupNameKey(name)) as number;
  return [...widths]
    .map(([row, bits]) => ({ row, widths: bits, src: idOf(row.src), dst: idOf(row.dst) }))
    .sort(
      (a, b) =>
        a.src - b.src ||
        a.dst - b.dst ||
        a.row.dstPort - b.row.dstPort ||
        a.row.proto - b.row.proto ||
        a.row.verdict - b.row.verdict,
    );
}
