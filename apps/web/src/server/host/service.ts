/** Which hosts are well, and what an answer about a time range rests on. The host pages' data is view.ts's. */
import type { Completeness, FlowHistogram } from "@millrace/contract/flow";
import type { Buckets } from "../bucket.ts";
import { type Clock, systemClock } from "../clock.ts";
import { type Coverage, completenessOf, type Presence, presenceOf } from "./presence.ts";
import * as repo from "./repo.ts";

/** A batch of the last second is still on its way. */
const UNDERWAY_MS = 5_000;
/** Probes an answer may cost: hosts × slots. */
const MOST_PROBES = 6_000;
const MOST_SLOTS = 60;
const LEAST_SLOTS = 4;

/** By the host's name. */
export async function hostPresence(clock: Clock = systemClock): Promise<Map<string, Presence>> {
  const now = clock.now();
  return new Map((await repo.findFacts()).map((host) => [host.name, presenceOf(host, now)]));
}

export async function completenessFor(range: repo.Range, clock: Clock = systemClock): Promise<Completeness> {
  const hosts = await repo.countHosts();
  const slots = Math.min(MOST_SLOTS, Math.max(LEAST_SLOTS, Math.floor(MOST_PROBES / Math.max(1, hosts))));
  const [coverage, losses, unattributed] = await Promise.all([
    repo.findCoverage(range, slots, clock.now() - UNDERWAY_MS),
    repo.findLosses(range),
    repo.findUnattributed(range),
  ]);
  const covered = coverage.map((row): Coverage => {
    const own = losses.filter((loss) => loss.hostId === row.hostId);
    return {
      host: row.host,
      expected: row.expected,
      answered: row.answered,
      answeredLast: row.answeredLast ?? false,
      lastHeardMs: row.lastHeardMs,
      lost: own.map(({ what, count }) => ({ what, count })),
      rows: own.reduce((sum, loss) => sum + loss.rows, 0),
    };
  });
  return completenessOf(covered, unattributed);
}

type Gap = FlowHistogram["gaps"][number];
/** Batches come once a second; a bucket that ended less than this ago may still get one. */
const SETTLED_MS = 12_000;

/** Stretches without a report of any host, or of the host given: a gap in a chart, and no time of a rate. */
export async function findGaps(cut: Buckets, hostId?: number): Promise<Gap[]> {
  const gaps: { from: number; to: number }[] = [];
  for (const bucket of await repo.findSilent(cut, systemClock.now() - SETTLED_MS, hostId)) {
    const from = cut.fromMs + bucket * cut.bucketMs;
    const last = gaps.at(-1);
    if (last?.to === from) last.to += cut.bucketMs;
    else gaps.push({ from, to: from + cut.bucketMs });
  }
  return gaps as Gap[];
}

export const lengthOf = (gaps: readonly Gap[]): number =>
  gaps.reduce((total, gap) => total + gap.to - gap.from, 0);
