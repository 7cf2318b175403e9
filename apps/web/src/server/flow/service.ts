/**
 * Flow history: rows of a range that match a filter, a page at a time, under one snapshot that the live stream
 * resumes from. Candidates come from SQL by the filter's witness, the whole filter decides over joined rows.
 */
import type { FlowRow, FlowSearchInput, FlowSearchOutput } from "@millrace/contract/flow";
import type { z } from "zod";
import { completenessFor } from "../host/view.ts";
import { countFlows, type Matched } from "./count.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";
import { readFilter } from "./filter.ts";
import * as repo from "./repo.ts";
import { collectPage, type Page, type Search } from "./search.ts";

type Input = z.infer<typeof FlowSearchInput>;

export async function searchFlows(input: Input, signal?: AbortSignal): Promise<FlowSearchOutput> {
  const started = performance.now();
  const filter = readFilter(input.filter);
  const after = decodeCursor(input.cursor);
  const range = { fromUs: input.range.from * 1000, toUs: input.range.to * 1000 };
  const search: Search = { ...input, filter, range, after, started, signal };
  const [{ page, snapshot }, counted, completeness] = await Promise.all([
    repo.readSnapshot(async (on, snapshot) => ({ page: await collectPage(on, search), snapshot })),
    after ? after.matched : countFlows(filter, range),
    completenessFor(input.range),
  ]);
  const matched = after ? counted : exactWhenComplete(page, counted);
  return {
    rows: page.rows,
    nextCursor: page.next && encodeCursor({ ...page.next, matched }),
    snapshot: snapshot as FlowSearchOutput["snapshot"],
    matched,
    completeness,
    tookMs: Math.round(performance.now() - started),
  };
}

/** A first page that is also the last has counted them all; one that isn't knows at least its own. */
function exactWhenComplete(page: Page, counted: Matched): Matched {
  if (!page.next && !page.capped) return { count: page.rows.length, capped: false };
  return { count: Math.max(counted.count, page.rows.length), capped: counted.capped };
}

export type { FlowRow };
