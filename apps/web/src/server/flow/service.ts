/**
 * Flow history: rows of a range that match a filter, a page at a time, under one snapshot that the live stream
 * resumes from. Candidates come from SQL by the filter's witness, the whole filter decides over joined rows.
 */
import type { FlowSearchInput, FlowSearchOutput, TimeRange } from "@millrace/contract/flow";
import { Milliseconds } from "@millrace/contract/ids";
import type { z } from "zod";
import { completenessFor } from "../host/service.ts";
import type { Values } from "../sql.ts";
import { countFlows, type Matched } from "./count.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";
import { readFilter } from "./filter.ts";
import { columnsOf, filterSql } from "./filter-sql.ts";
import * as repo from "./repo.ts";
import { rollupsAnswer } from "./rollup-answer.ts";
import { rollupCondition } from "./rollup-filter.ts";
import { collectPage, type Page, type Search } from "./search.ts";
import { updateCondition } from "./update-condition.ts";

export { type RecentFlow, type RecentFlows, recentFlows } from "./recent.ts";
export { readWithin } from "./repo.ts";
export { endOf } from "./row.ts";

type Input = z.infer<typeof FlowSearchInput>;

export async function searchFlows(input: Input, signal?: AbortSignal): Promise<FlowSearchOutput> {
  const started = performance.now();
  const filter = readFilter(input.filter);
  const after = decodeCursor(input.cursor);
  const range = { fromUs: input.range.from * 1000, toUs: input.range.to * 1000 };
  const search: Search = { ...input, filter, range, after, started, signal };
  const complete = completenessFor(input.range);
  const counted = after ? null : countFlows(filter, range);
  for (const told of [complete, counted]) told?.catch(() => {}); // where it is awaited
  const { page, snapshot } = await repo.readSnapshot(async (on, snapshot) => ({
    page: await collectPage(on, search),
    snapshot,
  }));
  const matched = after ? after.matched : await matchedBy(page, counted);
  const completeness = await complete;
  return {
    rows: page.rows,
    nextCursor: page.next && encodeCursor({ ...page.next, matched }),
    snapshot: snapshot as FlowSearchOutput["snapshot"],
    matched,
    orderedFrom:
      page.orderedFromUs === null ? null : Milliseconds.parse(Math.ceil(page.orderedFromUs / 1000)),
    completeness,
    tookMs: Math.round(performance.now() - started),
  };
}

/** A first page that is also the last has counted them all; one that isn't knows at least its own. */
async function matchedBy(page: Page, counted: Promise<Matched> | null): Promise<Matched> {
  const least = { count: page.rows.length, capped: page.next !== null || page.orderedFromUs !== null };
  if (!least.capped || !counted) return least;
  const { count, capped } = await counted;
  return { count: Math.max(count, least.count), capped };
}

/** A filter as a condition over rollup rows `r`; null where only flows can tell (updateConditionFor). */
export async function rollupConditionFor(
  filterText: string,
  range: TimeRange,
  values: Values,
): Promise<string | null> {
  const filter = readFilter(filterText);
  return (await rollupsAnswer(filter, range)) ? rollupCondition(filter, values) : null;
}

/** A filter as a condition over updates `u` of a span. Whose word counts is the caller's to say. */
export const updateConditionFor = (filterText: string, span: repo.Span, values: Values): string =>
  updateCondition(readFilter(filterText), span, values);

/**
 * A filter as a condition over drop updates `d`. What only flows have (a state, an RTT, a NAT, a service asked for) no drop has; of
 * verdicts a drop has one.
 */
export function dropCondition(filterText: string, values: Values): string {
  const columns = {
    ...columnsOf("d"),
    ...{ srcNat: "null::inet", dstNat: "null::inet", srcNatPort: "null::int", dstNatPort: "null::int" },
    ...{ flowId: "null::uuid", vlan: "null::int", verdict: "1", tcpState: "null::int", rttUs: "null::int" },
    ...{ way: "null::int", slowPackets: "null::bigint", rule: "null::bigint", askedService: "null::int" },
    ...{ retransmits: "null::int", drops: "d.packets", packets: "d.packets", bytes: "d.bytes" },
  };
  return filterSql(readFilter(filterText).terms, columns, values);
}
