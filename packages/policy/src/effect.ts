/**
 * What if: which of the flows that were recorded would have met another verdict under other policies. The same compiled rulesets
 * decide here as in the kernel. Where flows and policies come from, and how complete they are, is the caller's.
 */
import type { Policy } from "@millrace/contract/policy";
import { LAST_POLICY_NUMBER } from "@millrace/contract/rule-number";
import type { Verdict } from "@millrace/contract/verdict";
import { PolicySet } from "./compile.ts";
import type { PolicyDraft } from "./draft.ts";
import type { Attempt } from "./judge.ts";
import { FORWARDED_BY_NOTHING, type Judgement } from "./judgement.ts";
import { longestMatch, type RulesetEntry } from "./ruleset.ts";

/** A flow as policies meet it: an attempt at each of its ends that is a pod of ours, so one or two. */
export type JudgedFlow = readonly Attempt[];
export type Effect = { before: Judgement; after: Judgement };

/** Only flows whose verdict differs, each with its place among them; not those that another rule decides alike. */
export function* effectsOf(
  before: readonly Policy[],
  after: readonly Policy[],
  flows: Iterable<JudgedFlow>,
): Generator<Effect & { at: number }, void, void> {
  const comparison = new Comparison(before, after);
  let at = 0;
  for (const flow of flows) {
    const effect = comparison.effectOn(flow);
    if (effect) yield { at, ...effect };
    at++;
  }
}

/** The same flow by flow, for callers that have others to serve in between. */
export class Comparison {
  readonly #before: Replay;
  readonly #after: Replay;

  constructor(before: readonly Policy[], after: readonly Policy[]) {
    this.#before = new Replay(before);
    this.#after = new Replay(after);
  }

  effectOn(flow: JudgedFlow): Effect | undefined {
    const effect = { before: this.#before.judge(flow), after: this.#after.judge(flow) };
    return verdictWord(effect.before) === verdictWord(effect.after) ? undefined : effect;
  }
}

export function verdictWord({ verdict, wouldDrop }: Judgement): Verdict {
  if (verdict === "drop") return "dropped";
  return wouldDrop ? "would-drop" : "forwarded";
}

/**
 * As if the draft were applied: in place of the policy of that number, else beside all others. Its revision is the highest
 * there is.
 */
export function withDraft(
  policies: readonly Policy[],
  draft: PolicyDraft,
  number: number = LAST_POLICY_NUMBER,
): Policy[] {
  const revision = Math.max(1, ...policies.map((policy) => policy.revision));
  return [...policies.filter((policy) => policy.number !== number), { ...draft, number, revision }];
}

/** Of what both ends say the worst counts; of what is as bad the first that a policy said. */
const BADNESS: Readonly<Record<Verdict, number>> = { forwarded: 0, unknown: 0, "would-drop": 1, dropped: 2 };
function outweighs(one: Judgement, other: Judgement): boolean {
  const more = BADNESS[verdictWord(one)] - BADNESS[verdictWord(other)];
  return more > 0 || (more === 0 && other.rule === 0);
}

/** Ends whose rulesets are kept: some hundred bytes each. */
const MOST_KEPT = 1 << 16;

class Replay {
  readonly #policies: PolicySet;
  readonly #rulesets = new Map<string, RulesetEntry[]>();

  constructor(policies: readonly Policy[]) {
    this.#policies = new PolicySet(policies);
  }

  judge(flow: JudgedFlow): Judgement {
    return flow
      .map((attempt) => this.#judgeAt(attempt))
      .reduce((said, one) => (outweighs(one, said) ? one : said), FORWARDED_BY_NOTHING);
  }

  #judgeAt({ subject, direction, peer, protocol, port }: Attempt): Judgement {
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
