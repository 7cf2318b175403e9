/**
 * What if: which of the flows that were recorded would have met another verdict under other policies. The same compiled rulesets
 * decide here as in the kernel. Where flows and policies come from, and how complete they are, is the caller's.
 */
import { LAST_POLICY_NUMBER, type Policy } from "@millrace/contract/policy";
import type { Verdict } from "@millrace/contract/verdict";
import { PolicySet } from "./compile.ts";
import type { PolicyDraft } from "./draft.ts";
import type { Attempt } from "./judge.ts";
import type { Judgement } from "./judgement.ts";
import { longestMatch, type RulesetEntry } from "./ruleset.ts";

export type Effect = {
  /** Which of the flows, in the order in which they came. */
  at: number;
  before: Judgement;
  after: Judgement;
};

/** Only flows whose verdict differs; not those that another rule decides alike. */
export function* effectsOf(
  before: readonly Policy[],
  after: readonly Policy[],
  flows: Iterable<Attempt>,
): Generator<Effect, void, void> {
  const [old, wanted] = [new Replay(before), new Replay(after)];
  let at = 0;
  for (const flow of flows) {
    const effect = { at: at++, before: old.judge(flow), after: wanted.judge(flow) };
    if (verdictWord(effect.before) !== verdictWord(effect.after)) yield effect;
  }
}

export function verdictWord({ verdict, wouldDrop }: Judgement): Verdict {
  if (verdict === "drop") return "dropped";
  return wouldDrop ? "would-drop" : "forwarded";
}

/**
 * As if the draft were applied: in place of the policy of its namespace and name, else beside all others. A new one is
 * numbered last, as it would be; its revision is the highest there is.
 */
export function withDraft(policies: readonly Policy[], draft: PolicyDraft): Policy[] {
  const isIt = (policy: Policy) => policy.namespace === draft.namespace && policy.name === draft.name;
  const number = policies.find(isIt)?.number ?? LAST_POLICY_NUMBER;
  const revision = Math.max(1, ...policies.map((policy) => policy.revision));
  return [...policies.filter((policy) => !isIt(policy)), { ...draft, number, revision }];
}

/** Ends whose rulesets are kept: some hundred bytes each. */
const MOST_KEPT = 1 << 16;

class Replay {
  readonly #policies: PolicySet;
  readonly #rulesets = new Map<string, RulesetEntry[]>();

  constructor(policies: readonly Policy[]) {
    this.#policies = new PolicySet(policies);
  }

  judge({ subject, direction, peer, protocol, port }: Attempt): Judgement {
    const sight = { ...peer, cidrClass: this.#policies.classOf(peer.address) };
    const key = [
      ...[subject.identity, direction, peer.identity?.identity ?? 0],
      ...[peer.isHost ? "host" : "", sight.cidrClass],
    ].join(" ");
    const kept = this.#rulesets.get(key);
    const entries = kept ?? this.#policies.ruleset(subject, direction, sight);
    if (!kept) {
      if (this.#rulesets.size >= MOST_KEPT) this.#rulesets.clear();
      this.#rulesets.set(key, entries);
    }
    return longestMatch(entries, protocol, port);
  }
}
