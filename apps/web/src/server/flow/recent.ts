/**
 * The newest flows of a range with an end in one of some prefixes, each once, for what is judged anew. Read backwards in
 * windows that widen, as far as a number and a time allow. Not for pages: those search.
 */
import type { TimeRange } from "@millrace/contract/flow";
import { microseconds, type Statement, Values } from "../sql.ts";
import * as repo from "./repo.ts";
import { within } from "./update-condition.ts";

const BUDGET_MS = 4000;
const FIRST_WINDOW_US = 60_000_000;
const WIDER = 2;

export type RecentFlow = {
  flowId: string;
  /** The same for both observers. */
  pairKey: string;
  src: string;
  dst: string;
  dstPort: number;
  proto: number;
  openerKnown: boolean;
  lastSeenUs: number;
  srcWorkload: number | null;
  dstWorkload: number | null;
};
/** `fromUs`: so far back was read; `sampled`: not all that lie there. */
export type RecentFlows = { flows: RecentFlow[]; fromUs: number; sampled: boolean };

export async function recentFlows(
  { from, to }: TimeRange,
  prefixes: readonly string[],
  most: number,
): Promise<RecentFlows> {
  const range = { fromUs: from * 1000, toUs: to * 1000 };
  const found = new Map<string, RecentFlow>();
  let reachedUs = range.toUs;
  let isFull = false;
  await repo.readWithin(BUDGET_MS, async (rowsOf) => {
    for (let width = FIRST_WINDOW_US; reachedUs > range.fromUs && !isFull; width *= WIDER) {
      const span = { fromUs: Math.max(range.fromUs, reachedUs - width), toUs: reachedUs };
      const rows = await rowsOf<RecentFlow>(statement(span, prefixes, most + 1));
      for (const row of rows) if (!found.has(row.pairKey)) found.set(row.pairKey, row);
      reachedUs = span.fromUs;
      isFull = rows.length > most || found.size > most;
    }
  });
  return { flows: [...found.values()].slice(0, most), fromUs: reachedUs, sampled: isFull };
}

/** Of two accounts of a flow the one that knows who opened it, and of those the source's. */
function statement(span: repo.Span, prefixes: readonly string[], limit: number): Statement {
  const values = new Values();
  const inside = values.add(prefixes, "inet[]");
  const text = `
    select distinct on (u.pair_key) u.pair_key as "pairKey", u.flow_id as "flowId", host(u.src) as src, host(u.dst) as dst,
      u.dst_port as "dstPort", u.proto, u.opener_known as "openerKnown", ${microseconds("u.last_seen")} as "lastSeenUs",
      u.src_workload as "srcWorkload", u.dst_workload as "dstWorkload"
    from flow_updates u
    where ${within(span, "u", values)} and (u.src <<= any(${inside}) or u.dst <<= any(${inside}))
    order by u.pair_key, u.opener_known desc, u.observer, u.ts desc limit ${values.add(limit)}`;
  return { text, values: values.list };
}
