/** Edges of the map in one statement, from rollups or from the flows themselves: both give the same columns. */
import type { MapGroup, MapMeasure } from "@millrace/contract/map-choice";
import { VERDICT_NUMBER } from "@millrace/contract/verdict";
import { SKETCH_BUCKETS, sketchBucketSql } from "../sketch.ts";
import type { Statement, Values } from "../sql.ts";
import { NAME_NODE, WORKLOAD_NODE } from "./node.ts";

/** More can't be read in a drawing, nor asked for every few seconds. */
export const MOST_EDGES = 200;

const WOULD_DROP = VERDICT_NUMBER["would-drop"];
const SUMS = ["bytes", "packets", "opened", "drops", "retransmits", "slow", "fast", "wouldDrop"]
  .map((name) => `sum("${name}")::float8 as "${name}"`)
  .join(", ");

/** The largest edges of `e`, each with what all of them come to. */
function largest(measure: MapMeasure): string {
  return `top as materialized (
    select e.*, (count(*) over ())::int as "allEdges", sum(e.bytes) over () as "allBytes",
      sum(e.opened) over () as "allOpened", sum(e.drops) over () as "allDrops"
    from e order by e."${measure}" desc, e.bytes desc, e.src, e.dst limit ${MOST_EDGES})`;
}

type RollupQuery = {
  by: Exclude<MapGroup, "host">;
  measure: MapMeasure;
  table: string;
  fromMs: number;
  toMs: number;
};

/** `condition` is over rollup rows `r`. Sketches are merged for the edges that are drawn: most of the work is theirs. */
export function overRollups(query: RollupQuery, condition: string, values: Values): Statement {
  const during = `r.bucket >= to_timestamp(${values.add(query.fromMs / 1000, "float8")})
    and r.bucket < to_timestamp(${values.add(query.toMs / 1000, "float8")})`;
  const rows = `${query.table} r`;
  const text = `with r as materialized (
      select r.src_id, r.dst_id, sum(r.fwd_bytes + r.rev_bytes) as bytes,
        sum(r.fwd_packets + r.rev_packets) as packets, sum(r.opened) as opened, sum(r.drops) as drops,
        sum(r.retransmits) as retransmits, sum(r.slow_packets) as slow, sum(r.fast_packets) as fast,
        coalesce(sum(r.updates) filter (where r.verdict = ${WOULD_DROP}), 0) as "wouldDrop"
      from ${rows} where ${during} and ${condition} group by 1, 2),
    n as materialized (
      select n.id, ${NAME_NODE[query.by]} as node from rollup_names n
      where n.id in (select src_id from r union select dst_id from r)),
    e as (
      select s.node as src, d.node as dst, ${SUMS}
      from r join n s on s.id = r.src_id join n d on d.id = r.dst_id group by 1, 2),
    ${largest(query.measure)},
    k as (
      select t.src, t.dst, rtt_sketch_merge(r.rtt_sketch) as sketch
      from ${rows} join n s on s.id = r.src_id join n d on d.id = r.dst_id
        join top t on t.src = s.node and t.dst = d.node
      where ${during} and ${condition} group by 1, 2)
    select top.*, k.sketch from top left join k using (src, dst)
    order by top."${query.measure}" desc, top.bytes desc, top.src, top.dst`;
  return { text, values: values.list };
}

/** What says nothing that the flow's other observer doesn't is left out, as rollups leave it out (ingest/rollup.ts). */
const TELLS = `(u.counted or u.drops > 0 or u.retransmits > 0 or u.verdict = ${WOULD_DROP})`;
/** A packet that came while the agent read may be among the slow ones already. */
const FAST = "greatest(u.fwd_packets + u.rev_packets - u.slow_packets, 0)";

/** Without an opening that was seen, the flow's first update is one; agents report each second. */
const OPENED = `case when u.opens > 0 then u.opens
  when u.first_seen > u.ts - interval '1 second' then 1 else 0 end`;

type FlowQuery = { by: MapGroup; measure: MapMeasure };

/** `condition` is over updates `u`, their time included. */
export function overFlows({ by, measure }: FlowQuery, condition: string, values: Values): Statement {
  const counted = (sum: string) => `coalesce(sum(${sum}) filter (where u.counted), 0)`;
  const node = WORKLOAD_NODE[by];
  const text = `with u as materialized (
      select u.src_workload, u.dst_workload,
        case when u.counted and u.rtt_us > 0 then ${sketchBucketSql("u.rtt_us")} else -1 end as rtt,
        count(*) filter (where u.counted) as samples, ${counted("u.fwd_bytes + u.rev_bytes")} as bytes,
        ${counted("u.fwd_packets + u.rev_packets")} as packets,
        ${counted(OPENED)} as opened,
        sum(u.drops) as drops, sum(u.retransmits) as retransmits, ${counted("u.slow_packets")} as slow,
        ${counted(`case when u.slow_packets is null then 0 else ${FAST} end`)} as fast,
        count(*) filter (where u.verdict = ${WOULD_DROP}) as "wouldDrop"
      from flow_updates u where ${condition} and ${TELLS} group by 1, 2, 3),
    n as materialized (
      select w.id, ${node} as node from workloads w left join hosts h on h.id = w.host_id
      where w.id in (select src_workload from u union select dst_workload from u)),
    b as (
      select coalesce(s.node, 'outside') as src, coalesce(d.node, 'outside') as dst, u.*
      from u left join n s on s.id = u.src_workload left join n d on d.id = u.dst_workload),
    e as (select src, dst, ${SUMS} from b group by 1, 2),
    ${largest(measure)},
    k as (
      select t.src, t.dst, b.rtt, sum(b.samples)::int as samples
      from b join top t using (src, dst) where b.rtt >= 0 group by 1, 2, 3),
    m as (
      select k.src, k.dst, array_agg(coalesce(x.samples, 0) order by i) as sketch
      from (select distinct src, dst from k) k cross join generate_series(0, ${SKETCH_BUCKETS - 1}) i
        left join k x on x.src = k.src and x.dst = k.dst and x.rtt = i group by 1, 2)
    select top.*, m.sketch from top left join m using (src, dst)
    order by top."${measure}" desc, top.bytes desc, top.src, top.dst`;
  return { text, values: values.list };
}
