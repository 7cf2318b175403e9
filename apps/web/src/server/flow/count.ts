/** How many flows match, within a time that a page may wait for: exact for what is quick, else a lower bound. */
import type { Filter } from "@millrace/contract/filter";
import { timestamp, Values } from "../sql.ts";
import { columnsOf, filterSql } from "./filter-sql.ts";
import { DECISION_SQL } from "./member.ts";
import * as repo from "./repo.ts";
import { decidedByUpdate, weakened, witnessTerms } from "./witness.ts";

export type Matched = { count: number; capped: boolean };
/** Enough to say "many". */
const MOST = 100_000;
/** The rows of a page don't wait long for a count that only says how many more there are. */
const BUDGET_MS = 8;
const FIRST_WINDOW_US = 10_000_000;
const WIDER = 8;

/** Over windows that reach further back each time, until the range is done or the time is up. */
export async function countFlows(filter: Filter, range: repo.Span): Promise<Matched> {
  let best: Matched = { count: 0, capped: true };
  await repo.readWithin(BUDGET_MS, async (rowsOf) => {
    for (let width = FIRST_WINDOW_US; best.capped && best.count < MOST; width *= WIDER) {
      const fromUs = Math.max(range.fromUs, range.toUs - width);
      const [row] = await rowsOf<{ count: number }>(countStatement(filter, { ...range, fromUs }));
      const count = row?.count ?? 0;
      best = { count: Math.min(count, MOST), capped: fromUs > range.fromUs || count > MOST };
    }
  });
  return best;
}

/**
 * Of two observers the counted one stands for the flow. Where the filter asks what only one of them may have
 * met (a verdict, a reason), both are asked, and tuples are counted.
 */
function countStatement(filter: Filter, span: repo.Span) {
  const values = new Values();
  const where = `u.ts >= ${values.add(timestamp(span.fromUs))} and u.ts < ${values.add(timestamp(span.toUs))}`;
  const simple = decidedByUpdate(filter.terms) && !filter.terms.some((t) => t.field === "observer");
  const text = simple
    ? `select count(*)::int as count from (select distinct u.flow_id from flow_updates u
       where ${where} and u.counted and ${filterSql(filter.terms, columnsOf("u"), values)} limit ${MOST + 1}) f`
    : `select count(distinct f.pair_key)::int as count from (select * from (${summed(filter, where, values)}) f
       where ${filterSql(filter.terms, columnsOf("f"), values)} limit ${MOST + 1}) f`;
  return { text, values: values.list };
}

const latest = (column: string): string =>
  `(max((floor(date_part('epoch', u.ts))::bigint << 32) | u.${column}::bigint)
    filter (where u.${column} is not null) & 4294967295)::int as ${column}`;

/** Updates as flows, with the columns that filters look at (columnsOf). */
export function summed(filter: Filter, where: string, values: Values): string {
  const witness = witnessTerms(filter.terms).map(weakened);
  const chosen =
    witness.length === 0
      ? "true"
      : `u.flow_id in (select u.flow_id from flow_updates u
    where ${where} and ${filterSql(witness, columnsOf("u"), values)})`;
  const sums = ["fwd_bytes", "rev_bytes", "fwd_packets", "rev_packets", "retransmits", "drops"].concat(
    "slow_packets",
  );
  const same = ["pair_key", "host_id", "src", "dst", "src_port", "dst_port", "proto", "vlan"].concat([
    ...["nat_src", "nat_dst", "nat_src_port", "nat_dst_port"],
  ]);
  return `select u.flow_id, ${same.map((c) => `min(u.${c}) as ${c}`).join(", ")},
    ${sums.map((c) => `sum(u.${c}) as ${c}`).join(", ")},
    (array[3,0,2,1])[max((array[1,3,2,0])[u.verdict + 1]) + 1] as verdict,
    nullif((${DECISION_SQL})[3], 0)::bigint as rule,
    ${["reason_id", "tcp_state", "rtt_us", "way", "src_workload", "dst_workload", "asked_service"].map(latest).join(", ")}
    from flow_updates u where ${where} and ${chosen} group by u.flow_id`;
}
