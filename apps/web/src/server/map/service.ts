/**
 * What depends on what: edges between services, namespaces or hosts. From rollups where they can tell, so that it costs
 * the same for five minutes and for a month; else from the flows, over as much of the range's end as is summed up in a
 * moment.
 */
import type { TimeRange } from "@millrace/contract/flow";
import { Milliseconds } from "@millrace/contract/ids";
import type { FlowMap, MapEdge, MapInput } from "@millrace/contract/map";
import type { z } from "zod";
import { bucketsOf, rollupFor } from "../bucket.ts";
import { systemClock } from "../clock.ts";
import { readWithin, rollupConditionFor, updateConditionFor } from "../flow/service.ts";
import { completenessFor, findGaps } from "../host/service.ts";
import { quantile } from "../sketch.ts";
import { type Statement, Values } from "../sql.ts";
import { overFlows, overRollups } from "./edge-sql.ts";
import { nodeOf } from "./node.ts";
import * as repo from "./repo.ts";

type Input = z.infer<typeof MapInput>;
/** `fromMs`: the begin of what was summed up, which buckets may put before the range's. */
type Found = { rows: repo.EdgeRow[]; fromMs: number; since: number | null };

export async function getMap(input: Input): Promise<FlowMap> {
  const cut = bucketsOf(input.range, MOST_GAP_BUCKETS);
  const [{ rows, fromMs, since }, gaps, completeness] = await Promise.all([
    findEdges(input),
    findGaps(cut),
    completenessFor(input.range),
  ]);
  const silentMs = gaps.reduce((sum, gap) => sum + Math.max(0, gap.to - Math.max(gap.from, fromMs)), 0);
  const ids = new Set(rows.flatMap(({ src, dst }) => [src, dst]));
  return {
    by: input.by,
    nodes: [...ids].sort().map(nodeOf),
    edges: rows.map(edgeOf),
    rest: restOf(rows),
    seconds: Math.max(0, (input.range.to - fromMs - silentMs) / 1000),
    since: since === null ? null : Milliseconds.parse(since),
    completeness,
  };
}
const MOST_GAP_BUCKETS = 60;

async function findEdges(input: Input): Promise<Found> {
  const { by, measure, range, filter } = input;
  const values = new Values();
  const condition = await rollupConditionFor(filter, range, values);
  if (by === "host" || condition === null) return fromFlows(input);
  const { table, fromMs } = sumsFor(range, systemClock.now());
  const query = { by, measure, table, fromMs, toMs: range.to };
  return { rows: await repo.findEdges(overRollups(query, condition, values)), fromMs, since: null };
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Rollups as wide as the range's ends bear, of those that are kept for as long as it is ago. */
export function sumsFor(
  { from, to }: TimeRange,
  nowMs: number,
): { table: ReturnType<typeof rollupFor>; fromMs: number } {
  const isFine = to - from < 20 * MINUTE_MS && nowMs - from < DAY_MS;
  const width = isFine ? 10_000 : to - from < 3 * HOUR_MS ? MINUTE_MS : HOUR_MS;
  return { table: rollupFor(width), fromMs: Math.floor(from / width) * width };
}

/** The first window is waited for: no edge at all would say that nothing is there. */
const FIRST_WINDOW_MS = 30_000;
const WIDER = 10;
const BUDGET_MS = 800;

async function fromFlows({ by, measure, range, filter }: Input): Promise<Found> {
  const found: Found = { rows: [], fromMs: range.to, since: null };
  const look = async (width: number, rowsOf: (asked: Statement) => Promise<repo.EdgeRow[]>) => {
    const fromMs = Math.max(range.from, range.to - width);
    const values = new Values();
    const condition = updateConditionFor(filter, { fromUs: fromMs * 1000, toUs: range.to * 1000 }, values);
    found.rows = await rowsOf(overFlows({ by, measure }, condition, values));
    found.fromMs = fromMs;
  };
  await look(FIRST_WINDOW_MS, repo.findEdges);
  await readWithin(BUDGET_MS, async (rowsOf) => {
    for (let width = FIRST_WINDOW_MS * WIDER; found.fromMs > range.from; width *= WIDER)
      await look(width, rowsOf);
  });
  return { ...found, since: found.fromMs > range.from ? found.fromMs : null };
}

function edgeOf(row: repo.EdgeRow): MapEdge {
  const { src, dst, bytes, packets, opened, drops, retransmits, wouldDrop, slow, fast } = row;
  return {
    ...{ src, dst, bytes, packets, opened, drops, retransmits, wouldDrop },
    pathTiers: slow + fast > 0 ? { slow, fast } : null,
    rttP50Us: quantile(row.sketch ?? [], 0.5),
    rttP95Us: quantile(row.sketch ?? [], 0.95),
  };
}

function restOf(rows: readonly repo.EdgeRow[]): FlowMap["rest"] {
  const all = rows[0];
  if (!all) return { edges: 0, bytes: 0, opened: 0, drops: 0 };
  const drawn = (of: "bytes" | "opened" | "drops") => rows.reduce((sum, row) => sum + row[of], 0);
  return {
    edges: all.allEdges - rows.length,
    bytes: Math.max(0, all.allBytes - drawn("bytes")),
    opened: Math.max(0, all.allOpened - drawn("opened")),
    drops: Math.max(0, all.allDrops - drawn("drops")),
  };
}
