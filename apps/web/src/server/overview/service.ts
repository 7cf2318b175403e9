/**
 * Is the fleet well: the figures of a range beside the same span before it, what changed, what is worst.
 * Everything from rollups, so that it costs the same for five minutes and for a month.
 */
import type { TimeRange } from "@millrace/contract/flow";
import type { HostState } from "@millrace/contract/host";
import type { Overview } from "@millrace/contract/overview";
import { type Buckets, bucketsOf } from "../bucket.ts";
import { systemClock } from "../clock.ts";
import { completenessFor, findGaps, hostPresence, lengthOf } from "../host/service.ts";
import { merge, quantile } from "../sketch.ts";
import { tell } from "./change.ts";
import * as repo from "./repo.ts";

const WORST = 5;
const MOST_CHANGES = 12;
const MOST_BUCKETS = 60;

type Tile = Overview["bytesPerSecond"];
/** A figure of some buckets taken together; null when they can't tell. */
type Figure = (rows: repo.BucketRow[], seconds: number) => number | null;

export async function getOverview({ range }: { range: TimeRange }): Promise<Overview> {
  const cut = bucketsOf(range, MOST_BUCKETS);
  const earlier = { ...cut, fromMs: cut.fromMs - cut.count * cut.bucketMs };
  const [rows, gaps, gapsBefore, presences, completeness, changes, worst] = await Promise.all([
    repo.findBuckets(cut, cut.count, systemClock.now()),
    findGaps(cut),
    findGaps(earlier),
    hostPresence(),
    completenessFor(range),
    repo.findChanges(range.from, range.to, MOST_CHANGES),
    findWorst(cut, range),
  ]);
  const reported = {
    nowS: (range.to - cut.fromMs - lengthOf(gaps)) / 1000,
    beforeS: (cut.count * cut.bucketMs - lengthOf(gapsBefore)) / 1000,
  };
  const tile = (figure: Figure): Tile => tileOf(rows, { ...cut, ...reported }, range.to, figure);
  const states = [...presences.values()].map((presence) => presence.state);
  const count = (state: HostState) => states.filter((s) => s === state).length;
  return {
    bucketMs: cut.bucketMs,
    gaps,
    bytesPerSecond: tile(rate((row) => row.bytes)),
    flowsPerSecond: tile(rate((row) => row.opened)),
    dropsPerSecond: tile(rate((row) => row.drops)),
    rttP50Us: tile(rtt(0.5)),
    rttP99Us: tile(rtt(0.99)),
    retransmitShare: tile(retransmitShare),
    ...carriedOf(rows.filter((row) => row.bucket >= 0)),
    hosts: { ok: count("ok"), warn: count("warn"), bad: count("bad"), unknown: count("unknown") },
    changes: changes.map(tell),
    worst: {
      ...worst,
      hosts: worst.hosts.map((row) => ({ ...row, state: presences.get(row.host)?.state ?? "unknown" })),
    },
    completeness,
  };
}

const sum = (rows: repo.BucketRow[], of: (row: repo.BucketRow) => number): number =>
  rows.reduce((total, row) => total + of(row), 0);
const rate =
  (of: (row: repo.BucketRow) => number): Figure =>
  (rows, seconds) =>
    rows.length === 0 || seconds <= 0 ? null : sum(rows, of) / seconds;
const rtt =
  (share: number): Figure =>
  (rows) =>
    quantile(rows.map((row) => row.sketch).reduce(merge, [] as number[]), share);
const retransmitShare: Figure = (rows) => {
  const packets = sum(rows, (row) => row.packets);
  return packets === 0 ? null : sum(rows, (row) => row.retransmits) / packets;
};

function carriedOf(rows: repo.BucketRow[]): Pick<Overview, "pathTiers" | "wouldDrop"> {
  const [slow, fast] = [sum(rows, (row) => row.slow), sum(rows, (row) => row.fast)];
  return {
    pathTiers: slow + fast > 0 ? { slow, fast } : null,
    wouldDrop: sum(rows, (row) => row.wouldDrop),
  };
}

/** How long any host reported: a rate is of that time. */
type Reported = { nowS: number; beforeS: number };
/** The last bucket may have only begun: it counts for as much time as it had. */
function tileOf(rows: repo.BucketRow[], cut: Buckets & Reported, toMs: number, figure: Figure): Tile {
  const seconds = cut.bucketMs / 1000;
  const elapsed = (i: number) => Math.min(seconds, (toMs - cut.fromMs - i * cut.bucketMs) / 1000);
  const now = rows.filter((row) => row.bucket >= 0);
  const earlier = rows.filter((row) => row.bucket < 0);
  return {
    now: figure(now, cut.nowS),
    before: figure(earlier, cut.beforeS),
    line: Array.from({ length: cut.count }, (_, i) => ({
      at: cut.fromMs + i * cut.bucketMs,
      value: figure(
        now.filter((row) => row.bucket === i),
        elapsed(i),
      ),
    })),
  };
}

type Worst = Awaited<ReturnType<typeof readWorst>>;
/** Ranks change slowly and cost the most: everybody who looks at the same buckets shares them for a moment. */
const WORST_KEPT_MS = 15_000;
const MOST_KEPT = 50;
const kept = new Map<string, { readAtMs: number; worst: Promise<Worst> }>();

function findWorst(cut: Buckets, range: TimeRange): Promise<Worst> {
  const now = systemClock.now();
  const key = [repo.databaseName(), cut.fromMs, cut.bucketMs, cut.count].join(" ");
  const known = kept.get(key);
  if (known && now - known.readAtMs < WORST_KEPT_MS) return known.worst;
  const worst = readWorst(cut, range);
  worst.catch(() => kept.delete(key));
  if (kept.size >= MOST_KEPT) kept.delete(kept.keys().next().value as string);
  kept.set(key, { readAtMs: now, worst });
  return worst;
}

async function readWorst(cut: Buckets, range: TimeRange) {
  const [{ services, hosts, talkers }, reasons] = await Promise.all([
    repo.findRanks(cut, WORST),
    repo.worstReasons(range.from, range.to, WORST),
  ]);
  return {
    services: services.map(({ sketch, ...row }) => ({ ...row, rttP99Us: quantile(sketch, 0.99) })),
    reasons,
    hosts,
    talkers,
  };
}
