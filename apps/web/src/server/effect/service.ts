/**
 * What if: flows that were recorded, judged by the policies as they are and as they would be. Both ends by the labels that
 * they have now, so what can't be judged is counted beside. Nothing is written.
 */
import { setImmediate } from "node:timers/promises";
import type { TimeRange } from "@millrace/contract/flow";
import { Milliseconds } from "@millrace/contract/ids";
import type { Policy } from "@millrace/contract/policy";
import { parsePrefix } from "@millrace/contract/prefix";
import {
  NOT_JUDGED,
  type NotJudged,
  WHAT_IF_LIMITS,
  type WhatIfInput,
  type WhatIfOutput,
} from "@millrace/contract/what-if";
import { Comparison } from "@millrace/policy/effect";
import { readAll } from "../document/service.ts";
import { type RecentFlow, recentFlows } from "../flow/service.ts";
import { holdersOf, standingPolicies } from "../policy/service.ts";
import { findPools } from "../pool/service.ts";
import { type Names, namesFor } from "../workload/service.ts";
import { attemptsAt, type Known } from "./attempt.ts";
import { ChangeGroups } from "./group.ts";
import { wantedPolicies } from "./wanted.ts";

/** Judging is done beside everything else that this process serves: a while, then others. */
const SLICE_MS = 20;
const BUDGET_MS = 5000;

export async function whatIf({ documents, remove, range }: WhatIfInput): Promise<WhatIfOutput> {
  const { read, problems } = readAll(documents);
  if (problems.length > 0) return { ok: false, problems };
  const standing = await standingPolicies();
  const before = standing.map(({ policy }) => policy);
  const { policies: after, leftOut } = wantedPolicies(standing, read, remove);
  const { flows, fromUs, sampled, known, names } = await recorded(range);
  const { groups, judged, missed } = await compare(before, after, flows, known);
  return {
    ok: true,
    ...{ from: Milliseconds.parse(Math.ceil(fromUs / 1000)), to: range.to, sampled },
    ...{ judged, changed: groups.flows, leftOut },
    ...groups.changes(before, after, names),
    notJudged: NOT_JUDGED.flatMap((why) => {
      const flows = missed.get(why);
      return flows ? [{ why, flows }] : [];
    }),
  };
}

type Recorded = { flows: RecentFlow[]; fromUs: number; sampled: boolean; known: Known; names: Names };

async function recorded(range: TimeRange): Promise<Recorded> {
  const prefixes = (await findPools()).flatMap(({ prefix4, prefix6 }) =>
    [prefix4, prefix6].filter((prefix) => prefix !== null),
  );
  const read = await recentFlows(range, prefixes, WHAT_IF_LIMITS.flows);
  const { flows } = read;
  const addresses = new Set(flows.flatMap(({ src, dst }) => [src, dst]));
  const holders = await holdersOf([...addresses]);
  const names = await namesFor({
    workloads: flows.flatMap(({ srcWorkload, dstWorkload }) => [srcWorkload, dstWorkload]),
  });
  const pools = prefixes.flatMap((prefix) => parsePrefix(prefix) ?? []);
  return { ...read, known: { holders, pools, names }, names };
}

type Compared = { groups: ChangeGroups; judged: number; missed: ReadonlyMap<NotJudged, number> };

async function compare(
  before: readonly Policy[],
  after: readonly Policy[],
  flows: readonly RecentFlow[],
  known: Known,
): Promise<Compared> {
  const [comparison, groups, missed] = [
    new Comparison(before, after),
    new ChangeGroups(),
    new Map<NotJudged, number>(),
  ];
  const started = performance.now();
  let judged = 0;
  let pausedAt = started;
  for (const flow of flows) {
    if (performance.now() - pausedAt > SLICE_MS) {
      await setImmediate();
      pausedAt = performance.now();
    }
    const attempts = pausedAt - started > BUDGET_MS ? "time" : attemptsAt(flow, known);
    if (typeof attempts === "string") missed.set(attempts, (missed.get(attempts) ?? 0) + 1);
    else if (attempts.length > 0) {
      judged++;
      const effect = comparison.effectOn(attempts);
      if (effect) groups.add(flow, effect);
    }
  }
  return { groups, judged, missed };
}
