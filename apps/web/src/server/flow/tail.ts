/**
 * One client's live stream: first what was committed between its snapshot and now, then the shared ticks, of
 * both what its filter lets through. A row is the flow as it stands, so the same row twice does no harm, and
 * after any gap (a reconnect, a slow client) the stream goes on from the client's last snapshot.
 */
import type { Filter } from "@millrace/contract/filter";
import type { FlowRow, FlowTailOutput } from "@millrace/contract/flow";
import { metrics } from "../metrics.ts";
import { findBatches, findBatchMembers, isPast } from "./batch.ts";
import { readFilter } from "./filter.ts";
import { type Feed, findLately, live, rowsFor, type Tick } from "./live.ts";
import { LiveFlows } from "./live-flows.ts";
import { matches } from "./match.ts";
import * as repo from "./repo.ts";

/** As many rows as a screen can take in; the rest is counted. */
const MOST_PER_TICK = 200;
const MOST_CAUGHT_UP = 1000;
const CATCH_UP = { batches: 2000, rows: 50_000 };
/** An empty tick now and then, so that a reconnect needn't go far back. */
const QUIET_MS = 5000;

export async function* tailFlows(
  filterText: string,
  since: string | null,
  signal?: AbortSignal,
): AsyncGenerator<FlowTailOutput> {
  const filter = readFilter(filterText);
  const feed = live().join();
  let saidAt = performance.now();
  metrics().watchers.inc({ of: "flows" });
  try {
    for await (const tick of ticksOf(feed, since, signal)) {
      const out = shown(tick, filter);
      if (out.rows.length === 0 && out.notShown === 0 && performance.now() - saidAt < QUIET_MS) continue;
      saidAt = performance.now();
      metrics().liveRows.inc({ fate: "sent" }, out.rows.length);
      metrics().liveRows.inc({ fate: "left out" }, out.notShown);
      yield out;
    }
  } catch (error) {
    if (!signal?.aborted) throw error;
  } finally {
    feed.leave();
    metrics().watchers.dec({ of: "flows" });
  }
}

/** What came after `since`, without a gap: a tick that makes good for missed ones stands for all of them. */
async function* ticksOf(feed: Feed, since: string | null, signal?: AbortSignal): AsyncGenerator<Missed> {
  let at = await feed.start(signal);
  if (since) yield { ...(await catchUp(since, at)), caughtUp: true };
  for (;;) {
    const tick = await feed.next(signal);
    const now = tick ?? { ...(await catchUp(at, await feed.start(signal))), caughtUp: true };
    at = now.snapshot;
    yield now;
  }
}
type Missed = Tick & { caughtUp?: boolean };

function shown(tick: Missed, filter: Filter): FlowTailOutput {
  const most = tick.caughtUp ? MOST_CAUGHT_UP : MOST_PER_TICK;
  const fitting = filter.terms.length === 0 ? tick.rows : tick.rows.filter((row) => matches(filter, row));
  return {
    snapshot: tick.snapshot as FlowTailOutput["snapshot"],
    rows: fitting.slice(0, most),
    notShown: Math.max(0, fitting.length - most) + tick.skipped,
  };
}

/** The flows that moved between two snapshots, as they stand now, the newest of them. */
export async function catchUp(since: string, until: string): Promise<Tick> {
  return repo.readSnapshot(async (on) => {
    const nothing: Tick = { snapshot: until, rows: [] as FlowRow[], skipped: 0 };
    if (!(await isPast(on, since))) return nothing;
    const { batches, skippedRows } = await findBatches(on, since, until, CATCH_UP);
    const deltas = await findBatchMembers(on, batches);
    const moved = [...new Set(deltas.map((d) => d.flowId))];
    const flows = new LiveFlows();
    for (const member of await movedLately(on, deltas)) flows.put(member);
    const rows = await rowsFor(on, flows, new Set(moved));
    return { ...nothing, rows, skipped: skippedRows + moved.filter((id) => !flows.has(id)).length };
  });
}

/** What the moved flows counted lately, of as many as may be shown. */
async function movedLately(on: repo.Connection, deltas: Awaited<ReturnType<typeof findBatchMembers>>) {
  const newest = [...deltas].sort((a, b) => b.lastSeenUs - a.lastSeenUs).slice(0, MOST_CAUGHT_UP * 4);
  return findLately(on, newest);
}
