/**
 * What holds between an endpoint and a peer, by one policy set: each pair is compiled once, and equal rulesets have one
 * number. Pure but for the numbers, which outlive a set, so that the kernel's tables can be compared.
 */
import { FlowDirection, Verdict } from "@millrace/abi/generated/flow";
import { RESERVED_IDENTITIES } from "@millrace/contract/identity";
import type { PolicyIdentity } from "@millrace/contract/policy";
import type { PolicySet, RulesetEntry } from "@millrace/policy/compile";
import type { Pair, RuleEntry, Ruleset } from "../dataplane/dataplane.ts";

/** An endpoint whose policies are known; `facts` null: none select it, whoever it is. */
export type Subject = { endpointId: number; facts: PolicyIdentity | null };
/** Of an identity; null: it is nobody's by labels, undefined: not known yet. */
export type FactsOf = (identity: number) => PolicyIdentity | null | undefined;

/** Everything is forwarded, by no rule: as the kernel is told without a ruleset. */
const FORWARDS_ALL: Ruleset = {
  number: 0,
  entries: [{ protocol: null, port: null, verdict: Verdict.FORWARD, rule: 0, revision: 0 }],
};

export class RulesetNumbers {
  readonly #numbers = new Map<string, number>();
  #last = 0;

  /** `known`: what the kernel has. */
  constructor(known: readonly Ruleset[] = []) {
    for (const { number, entries } of known) {
      this.#numbers.set(textOf(entries), number);
      this.#last = Math.max(this.#last, number);
    }
  }
  numberOf(entries: readonly RuleEntry[]): number {
    const text = textOf(entries);
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    this.#numbers.set(text, ++this.#last);
    return this.#last;
  }
  /** The others are no longer in the kernel. Their numbers rest. */
  keep(used: ReadonlySet<number>): void {
    for (const [text, number] of this.#numbers) if (!used.has(number)) this.#numbers.delete(text);
  }
}

export class PairJudge {
  readonly #set: PolicySet;
  readonly #factsOf: FactsOf;
  readonly #numbers: RulesetNumbers;
  readonly #subjects: ReadonlyMap<number, Subject & { egress: boolean; ingress: boolean }>;
  readonly #compiled = new Map<string, Ruleset>();

  constructor(set: PolicySet, subjects: readonly Subject[], factsOf: FactsOf, numbers: RulesetNumbers) {
    this.#set = set;
    this.#factsOf = factsOf;
    this.#numbers = numbers;
    this.#subjects = new Map(
      subjects.map((subject) => {
        const selected = subject.facts ? set.selects(subject.facts) : { egress: false, ingress: false };
        return [subject.endpointId, { ...subject, ...selected }];
      }),
    );
  }

  /** By endpoint. */
  get subjects(): ReadonlyMap<number, { endpointId: number; egress: boolean; ingress: boolean }> {
    return this.#subjects;
  }
  /** In which some policy selects the endpoint. */
  directionsOf(endpointId: number): FlowDirection[] {
    const subject = this.#subjects.get(endpointId);
    return [
      ...(subject?.egress ? [FlowDirection.EGRESS] : []),
      ...(subject?.ingress ? [FlowDirection.INGRESS] : []),
    ];
  }

  /** Undefined while it isn't known who one of them is. */
  rulesetOf({ endpointId, peerIdentity, cidrClass, direction }: Pair): Ruleset | undefined {
    const subject = this.#subjects.get(endpointId);
    if (!subject) return undefined;
    const { facts } = subject;
    const isSelected = direction === FlowDirection.EGRESS ? subject.egress : subject.ingress;
    if (!isSelected || !facts) return FORWARDS_ALL;
    const identity = this.#factsOf(peerIdentity);
    if (identity === undefined) return undefined;
    const key = `${facts.identity} ${peerIdentity} ${cidrClass} ${direction}`;
    const known = this.#compiled.get(key);
    if (known) return known;
    const sight = { identity, isHost: peerIdentity === RESERVED_IDENTITIES.host, cidrClass };
    const way = direction === FlowDirection.EGRESS ? "egress" : "ingress";
    const entries = this.#set.ruleset(facts, way, sight).map(entryOf);
    const ruleset = forwardsAll(entries)
      ? FORWARDS_ALL
      : { number: this.#numbers.numberOf(entries), entries };
    this.#compiled.set(key, ruleset);
    return ruleset;
  }
}

/** As the kernel's look-up finds it. `port` 0 where the protocol has none. */
export function entryFor(
  entries: readonly RuleEntry[],
  protocol: number,
  port: number,
): RuleEntry | undefined {
  const lengthOf = (entry: RuleEntry) => (entry.protocol === null ? -1 : (entry.port?.bits ?? 0));
  let best: RuleEntry | undefined;
  for (const entry of entries) {
    if (entry.protocol !== null && entry.protocol !== protocol) continue;
    if (entry.port && port >>> (16 - entry.port.bits) !== entry.port.value >>> (16 - entry.port.bits))
      continue;
    if (!best || lengthOf(entry) > lengthOf(best)) best = entry;
  }
  return best;
}

function entryOf({ protocol, port, judgement }: RulesetEntry): RuleEntry {
  const { rule, revision, wouldDrop } = judgement;
  const passes = wouldDrop ? Verdict.WOULD_DROP : Verdict.FORWARD;
  return { protocol, port, verdict: judgement.verdict === "drop" ? Verdict.DROP : passes, rule, revision };
}
const forwardsAll = (entries: readonly RuleEntry[]): boolean =>
  entries.every(({ verdict, rule }) => verdict === Verdict.FORWARD && rule === 0);

/** Equal for equal rulesets, in whatever order the kernel gives them. */
const textOf = (entries: readonly RuleEntry[]): string =>
  entries
    .map(({ protocol, port, verdict, rule, revision }) =>
      [protocol ?? "", port?.value ?? "", port?.bits ?? "", verdict, rule, revision].join(":"),
    )
    .sort()
    .join(" ");
