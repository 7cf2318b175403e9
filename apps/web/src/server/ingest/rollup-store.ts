/**
 * Adds a batch's rollup rows to the three tables, in the batch's transaction, so that sums are exact
 * whatever fails. All three are written directly: deriving the wider ones later would need a second watermark,
 * and a batch has few keys. Only one host writes a key (the host is part of it), and in the order of keys.
 */
import type { Queryable } from "../db.ts";
import { type Interner, rollupNameKey } from "./names.ts";
import { type RollupRow, type RollupTable, SUMS } from "./rollup.ts";
import type { RollupName } from "./rollup-name.ts";

const COLUMNS = {
  updates: "updates",
  opened: "opened",
  fwdPackets: "fwd_packets",
  fwdBytes: "fwd_bytes",
  revPackets: "rev_packets",
  revBytes: "rev_bytes",
  drops: "drops",
  retransmits: "retransmits",
} as const satisfies Record<(typeof SUMS)[number], string>;
const SUM_COLUMNS = SUMS.map((name) => COLUMNS[name]);

/** Parameters: bucket (ms), host, five arrays of the key, eight of the sums, one of sketches as text. */
function statement(table: RollupTable): string {
  const sums = SUM_COLUMNS.join(", ");
  const types = ["int4", "int4", "int4", "int2", "int2", ...SUM_COLUMNS.map(() => "int8"), "text"];
  const arrays = types.map((type, at) => `$${at + 3}::${type}[]`).join(", ");
  const added = SUM_COLUMNS.map((name) => `${name} = t.${name} + excluded.${name}`).join(", ");
  return `insert into ${table} as t
      (bucket, host_id, src_id, dst_id, dst_port, proto, verdict, ${sums}, rtt_sketch)
    select to_timestamp($1::float8 / 1000), $2::int4, src, dst, port, proto, verdict, ${sums}, sketch::int4[]
    from unnest(${arrays}) as r (src, dst, port, proto, verdict, ${sums}, sketch)
    on conflict (bucket, host_id, src_id, dst_id, dst_port, proto, verdict) do update set ${added},
      rtt_sketch = case when cardinality(excluded.rtt_sketch) = 0 then t.rtt_sketch
        else rtt_sketch_add(t.rtt_sketch, excluded.rtt_sketch) end`;
}

export type NameIds = ReadonlyMap<string, number>;

/** Outside the transaction: see names.ts. */
export function rollupNameIds(names: Interner<RollupName>, rows: Iterable<RollupRow>): Promise<NameIds> {
  const wanted = new Map<string, RollupName>();
  for (const row of rows) for (const name of [row.src, row.dst]) wanted.set(rollupNameKey(name), name);
  return names.ids(wanted);
}

export async function storeRollup(
  db: Queryable,
  table: RollupTable,
  at: { bucketMs: number; hostId: number },
  rows: readonly RollupRow[],
  ids: NameIds,
): Promise<void> {
  if (rows.length === 0) return;
  const idOf = (name: RollupName) => ids.get(rollupNameKey(name)) as number;
  const keyed = rows
    .map((row) => ({ row, src: idOf(row.src), dst: idOf(row.dst) }))
    .sort(
      (a, b) =>
        a.src - b.src ||
        a.dst - b.dst ||
        a.row.dstPort - b.row.dstPort ||
        a.row.proto - b.row.proto ||
        a.row.verdict - b.row.verdict,
    );
  await db.query({
    name: `add to ${table}`,
    text: statement(table),
    values: [
      at.bucketMs,
      at.hostId,
      keyed.map((k) => k.src),
      keyed.map((k) => k.dst),
      ...(["dstPort", "proto", "verdict"] as const).map((name) => keyed.map((k) => k.row[name])),
      ...SUMS.map((name) => keyed.map((k) => k.row[name])),
      keyed.map((k) => `{${k.row.sketch.join(",")}}`),
    ],
  });
}
