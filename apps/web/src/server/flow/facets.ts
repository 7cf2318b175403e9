/**
 * The most frequent values of what one filters by, over the newest matching flows: as far back as can be
 * counted in a moment. `sampled` says when those aren't all.
 */
import type { FlowFacets, TimeRange } from "@millrace/contract/flow";
import { ruleParts, ruleText } from "@millrace/contract/rule-number";
import { PROTOCOLS, verdictOf, WAYS } from "@millrace/contract/verdict";
import { type Statement, Values } from "../sql.ts";
import { readFilter } from "./filter.ts";
import * as repo from "./repo.ts";
import { COUNTED, updateCondition } from "./update-condition.ts";

const BUDGET_MS = 200;
const FIRST_WINDOW_US = 30_000_000;
const WIDER = 8;
const MOST_FLOWS = 20_000;
const MOST_VALUES = 12;

type Facet = { field: string; title: string; sql: string; value?: (raw: string) => string };
const FACETS: readonly Facet[] = [
  { field: "verdict", title: "Verdict", sql: "f.verdict", value: (raw) => verdictOf(Number(raw)) },
  {
    field: "reason",
    title: "Drop reason",
    sql: "(select name from drop_reasons r where r.id = f.reason_id)",
  },
  {
    field: "tier",
    title: "Path tier",
    sql: "case when f.slow_packets * 2 < f.packets then 'fast' when f.slow_packets is not null then 'slow' end",
  },
  { field: "way", title: "Way", sql: "f.way", value: (raw) => WAYS[Number(raw)] ?? raw },
  { field: "rule", title: "Rule", sql: "f.rule", value: (raw) => ruleText(ruleParts(Number(raw))) },
  { field: "src.service", title: "Source service", sql: "s.service" },
  { field: "dst.service", title: "Destination service", sql: "d.service" },
  { field: "dst.port", title: "Destination port", sql: "f.dst_port" },
  { field: "proto", title: "Protocol", sql: "f.proto", value: (raw) => PROTOCOLS[Number(raw)] ?? raw },
  { field: "src.pod", title: "Source pod", sql: "s.pod" },
  { field: "dst.pod", title: "Destination pod", sql: "d.pod" },
  { field: "namespace", title: "Namespace", sql: "coalesce(d.namespace, s.namespace)" },
  { field: "observer", title: "Host", sql: "(select name from hosts h where h.id = f.host_id)" },
];

/** Instead of a facet: how many flows were looked at. */
const ALL = -1;

type RowsOf = <T extends object>(statement: Statement) => Promise<T[]>;
type Row = { facet: number; value: string; count: number; more: number };

export async function flowFacets(input: { range: TimeRange; filter: string }): Promise<FlowFacets> {
  const filter = readFilter(input.filter);
  const range = { fromUs: input.range.from * 1000, toUs: input.range.to * 1000 };
  const found: { rows: Row[]; sampled: boolean } = { rows: [], sampled: true };
  const isFull = () => found.rows.some((row) => row.facet === ALL && row.count >= MOST_FLOWS);
  const look = async (width: number, rowsOf: RowsOf) => {
    const fromUs = Math.max(range.fromUs, range.toUs - width);
    const values = new Values();
    const condition = updateCondition(filter, { ...range, fromUs }, values);
    found.rows = await rowsOf<Row>(facetStatement(condition, values));
    found.sampled = fromUs > range.fromUs || isFull();
  };
  // The first window is waited for: no facets at all would say that nothing is there.
  await look(FIRST_WINDOW_US, repo.rowsOf);
  await repo.readWithin(BUDGET_MS, async (rowsOf) => {
    for (let width = FIRST_WINDOW_US * WIDER; found.sampled && !isFull(); width *= WIDER)
      await look(width, rowsOf);
  });
  const { rows, sampled } = found;
  return FACETS.map(({ field, title, value }, facet) => {
    const own = rows.filter((row) => row.facet === facet);
    const values = own.map((row) => ({ value: value?.(row.value) ?? row.value, count: row.count }));
    return { field, title, values, more: own[0]?.more ?? 0, sampled };
  });
}

function facetStatement(condition: string, values: Values): Statement {
  const each = FACETS.map(
    ({ sql }, facet) => `
    (select ${facet} as facet, ${sql}::text as value, count(*)::int as count,
       greatest(count(*) over () - ${MOST_VALUES}, 0)::int as more
     from f left join workloads s on s.id = f.src_workload left join workloads d on d.id = f.dst_workload
     where ${sql} is not null group by 2 order by 3 desc, 2 limit ${MOST_VALUES})`,
  );
  const text = `with f as materialized (
      select distinct on (u.flow_id) u.flow_id, u.verdict, u.reason_id, u.proto, u.dst_port, u.host_id,
        u.src_workload, u.dst_workload, u.way, u.slow_packets, u.rule, u.fwd_packets + u.rev_packets as packets
      from flow_updates u where ${condition} and ${COUNTED}
      order by u.flow_id desc limit ${MOST_FLOWS})
    select ${ALL} as facet, '' as value, count(*)::int as count, 0 as more from f
    union all ${each.join(" union all ")}`;
  return { text, values: values.list };
}
