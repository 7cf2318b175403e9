/** Flows that would change, put together where they are between the same two and change alike. Pure. */
import type { FlowId } from "@millrace/contract/ids";
import type { Policy } from "@millrace/contract/policy";
import { ruleParts } from "@millrace/contract/rule-number";
import { WHAT_IF_LIMITS, type WhatIfChange, type WhatIfVerdict } from "@millrace/contract/what-if";
import { type Effect, verdictWord } from "@millrace/policy/effect";
import type { Judgement } from "@millrace/policy/judgement";
import { endOf, type RecentFlow } from "../flow/service.ts";
import type { Names } from "../workload/service.ts";

type Group = { flows: number; newest: RecentFlow; effect: Effect };

export class ChangeGroups {
  readonly #groups = new Map<string, Group>();
  #flows = 0;

  /** How many flows were added. */
  get flows(): number {
    return this.#flows;
  }

  add(flow: RecentFlow, effect: Effect): void {
    this.#flows++;
    const key = keyOf(flow, effect);
    const group = this.#groups.get(key);
    if (!group) this.#groups.set(key, { flows: 1, newest: flow, effect });
    else {
      group.flows++;
      if (flow.lastSeenUs > group.newest.lastSeenUs) group.newest = flow;
    }
  }

  /** The largest first, no more than are told of. */
  changes(
    before: readonly Policy[],
    after: readonly Policy[],
    names: Names,
  ): { changes: WhatIfChange[]; more: number } {
    const largest = [...this.#groups.values()].sort((one, other) => other.flows - one.flows);
    const changes = largest.slice(0, WHAT_IF_LIMITS.changes).map(({ flows, newest, effect }) => ({
      ...{ flows, example: newest.flowId as FlowId, proto: newest.proto },
      src: endOf(newest.src, 0, newest.srcWorkload, names),
      dst: endOf(newest.dst, newest.dstPort, newest.dstWorkload, names),
      before: saidBy(before, effect.before),
      after: saidBy(after, effect.after),
    }));
    return { changes, more: largest.length - changes.length };
  }
}

/** Each of a service's pods is an end of its own; outside, each address. */
const keyOf = (flow: RecentFlow, { before, after }: Effect): string =>
  [
    ...[flow.srcWorkload ?? flow.src, flow.dstWorkload ?? flow.dst, flow.dstPort, flow.proto],
    ...[verdictWord(before), before.rule, verdictWord(after), after.rule],
  ].join(" ");

function saidBy(policies: readonly Policy[], judgement: Judgement): WhatIfVerdict {
  const { policy: number, place } = ruleParts(judgement.rule);
  const policy = policies.find((one) => one.number === number);
  return {
    verdict: verdictWord(judgement),
    by: policy ? { namespace: policy.namespace, name: policy.name, place } : null,
  };
}
