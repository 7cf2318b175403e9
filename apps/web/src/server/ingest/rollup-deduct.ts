/**
 * Takes sums out of rollup rows again. What isn't under its own name any more was counted under "other", because
 * its bucket had all the keys it may have; what is in neither went with its partition.
 */
import type { Connection } from "../db.ts";
import { sketchText } from "../sketch.ts";
import { timestamp } from "../sql.ts";
import { type RollupTable, SUMS, type TotalTable } from "./rollup.ts";
import { OTHER } from "./rollup-name.ts";
import { SHARDS, SUM_COLUMNS } from "./rollup-store.ts";

/** By ids of rollup_names. */
export type Deduction = Record<(typeof SUMS)[number], number> & {
  readonly bucketMs: number;
  readonly hostId: number;
  readonly src: number;
  readonly dst: number;
  readonly dstPort: number;
  readonly proto: number;
  readonly verdict: number;
  readonly sketch: number[];
};

const KEY = ["bucket", "host_id", "src_id", "dst_id", "dst_port", "proto", "verdict"];
const KEY_TYPES = ["timestamptz", "int4", "int4", "int4", "int4", "int2", "int2"];
/** Not int8: what one host made up may add up to more, and would keep another's batch out that has to deduct it. */
const ARRAYS = [...KEY_TYPES, ...SUM_COLUMNS.map(() => "numeric"), "text"];
const GIVEN = `unnest(${ARRAYS.map((type, at) => `$${at + 1}::${type}[]`).join(", ")})
  with ordinality as d (${[...KEY, ...SUM_COLUMNS, "sketch", "n"].join(", ")})`;
/** A total that stopped at the largest may have less than is taken out again. */
const SUBTRACTED = SUM_COLUMNS.map((name) => `${name} = greatest(t.${name} - d.${name}, 0)::int8`).join(", ");
const ENOUGH = SUM_COLUMNS.map((name) => `t.${name} >= d.${name}`).join(" and ");
const EMPTY =
  "t.updates = 0 and t.drops = 0 and t.retransmits = 0 and t.fwd_packets = 0 and t.rev_packets = 0";
const same = (columns: readonly string[]): string =>
  columns.map((name) => `t.${name} = d.${name}`).join(" and ");

export async function deduct(
  connection: Connection,
  { table, total }: { table: RollupTable; total: TotalTable },
  deductions: readonly Deduction[],
): Promise<void> {
  const left = await fromKeys(connection, table, deductions);
  if (left.length > 0) await fromKeys(connection, table, await asOther(connection, left));
  await connection.query(
    `update ${total} t set ${SUBTRACTED}, rtt_sketch = rtt_sketch_add(t.rtt_sketch, d.sketch::int4[])
     from ${GIVEN} where t.bucket = d.bucket and t.shard = d.host_id and t.verdict = d.verdict`,
    valuesOf(byShard(deductions)),
  );
}

/** Returns what found no row that has it. */
async function fromKeys(
  connection: Connection,
  table: RollupTable,
  deductions: readonly Deduction[],
): Promise<Deduction[]> {
  const values = valuesOf(deductions);
  const { rows } = await connection.query<{ n: number }>(
    `update ${table} t set ${SUBTRACTED}, rtt_sketch = rtt_sketch_add(t.rtt_sketch, d.sketch::int4[])
     from ${GIVEN} where ${same(KEY)} and ${ENOUGH} returning d.n::int4 as n`,
    values,
  );
  await connection.query(`delete from ${table} t using ${GIVEN} where ${same(KEY)} and ${EMPTY}`, values);
  const done = new Set(rows.map((row) => row.n - 1));
  return deductions.filter((_, at) => !done.has(at));
}

async function asOther(connection: Connection, deductions: readonly Deduction[]): Promise<Deduction[]> {
  const { rows } = await connection.query<{ id: number }>(
    "select id from rollup_names where kind = $1 and name = $2",
    [OTHER.kind, OTHER.name],
  );
  const other = rows[0]?.id ?? 0;
  return merged(
    deductions.map((d) => ({ ...d, src: other, dst: other, dstPort: 0, proto: 0 })),
    ({ bucketMs, hostId, verdict }) => `${bucketMs} ${hostId} ${verdict}`,
  );
}

/** Totals stand by shards of hosts, in the host's place here. */
const byShard = (deductions: readonly Deduction[]): Deduction[] =>
  merged(
    deductions.map((d) => ({ ...d, hostId: d.hostId % SHARDS })),
    ({ bucketMs, hostId, verdict }) => `${bucketMs} ${hostId} ${verdict}`,
  );

/** An update takes one row of those that fit: what falls on one key is one. */
function merged(deductions: readonly Deduction[], keyOf: (d: Deduction) => string): Deduction[] {
  const byKey = new Map<string, Deduction>();
  for (const deduction of deductions) {
    const into = byKey.get(keyOf(deduction));
    if (!into) {
      byKey.set(keyOf(deduction), { ...deduction, sketch: [...deduction.sketch] });
      continue;
    }
    for (const name of SUMS) into[name] += deduction[name];
    for (const [at, count] of deduction.sketch.entries()) into.sketch[at] = (into.sketch[at] ?? 0) + count;
  }
  return [...byKey.values()];
}

function valuesOf(deductions: readonly Deduction[]): unknown[] {
  return [
    deductions.map((d) => timestamp(d.bucketMs * 1000)),
    ...(["hostId", "src", "dst", "dstPort", "proto", "verdict"] as const).map((name) =>
      deductions.map((d) => d[name]),
    ),
    ...SUMS.map((name) => deductions.map((d) => d[name])),
    deductions.map((d) => sketchText(Array.from(d.sketch, (count) => -(count ?? 0)))),
  ];
}
