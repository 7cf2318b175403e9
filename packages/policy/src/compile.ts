/**
 * Policies made ready for the kernel: which endpoints they are about, which classes of addresses they tell apart, and what holds
 * between two ends. Pure; it must say what judge.ts says, and compile.test.ts holds it to that.
 */
import {
  POLICY_TIERS,
  type Policy,
  type PolicyDirection,
  type PolicyIdentity,
  type PolicyRule,
  type RulePeer,
  ruleNumber,
} from "@millrace/contract/policy";
import { CidrClasses } from "./cidr-classes.ts";
import { namedPort, podsMatch, selects } from "./judge.ts";
import { FORWARDED_BY_NOTHING, type Judgement } from "./judgement.ts";
import { type Clause, type RulesetEntry, rulesetOf } from "./ruleset.ts";

export type { Judgement } from "./judgement.ts";
export type { RulesetEntry } from "./ruleset.ts";

/** The other end of a flow as the kernel sees it. No identity: outside, or nobody knows whose it is. isHost: the subject's own host. */
export type PeerSight = { identity: PolicyIdentity | null; isHost: boolean; cidrClass: number };

type CompiledPeer =
  | Extract<RulePeer, { kind: "pods" }>
  | { kind: "cidr"; cidr: number; except: readonly number[] };
type CompiledRule = { rule: PolicyRule; peers: readonly CompiledPeer[] | null };
type CompiledPolicy = { policy: Policy; rules: readonly CompiledRule[] };

/** Made once for each change. */
export class PolicySet {
  readonly #policies: readonly CompiledPolicy[];
  readonly #classes: CidrClasses;

  /**
   * `before`: the set whose classes the kernel's tables hold. A prefix keeps its number, and none of its numbers is given
   * to another prefix. Throws for a cidr that is none: the contract's schema lets none by.
   */
  constructor(policies: readonly Policy[], before?: PolicySet) {
    this.#classes = new CidrClasses(policies.flatMap(cidrsOf), before?.cidrClasses());
    this.#policies = policies
      .map((policy) => ({
        policy,
        rules: [...policy.rules].sort(byPlace).map((rule) => this.#compiled(rule)),
      }))
      .sort((one, other) => one.policy.number - other.policy.number);
  }

  /** Whether a flow in the direction may be judged otherwise than forwarded by nothing. */
  selects(subject: PolicyIdentity): { ingress: boolean; egress: boolean } {
    const about = this.#policies.filter(({ policy }) => selects(policy, subject));
    const speaksOf = (direction: PolicyDirection) =>
      about.some(
        ({ policy }) =>
          policy.isolates.includes(direction) || policy.rules.some((rule) => rule.direction === direction),
      );
    return { ingress: speaksOf("ingress"), egress: speaksOf("egress") };
  }

  /** Prefix text → class number ≥ 1, for the longest match; class 0 is everything else. */
  cidrClasses(): ReadonlyMap<string, number> {
    return this.#classes.numbers;
  }

  classOf(address: string): number {
    return this.#classes.classOf(address);
  }

  /** Always holds an entry {protocol: null, port: null}. Equal judgements give equal entries in equal order. */
  ruleset(subject: PolicyIdentity, direction: PolicyDirection, peer: PeerSight): RulesetEntry[] {
    if (peer.isHost && direction === "ingress")
      return [{ protocol: null, port: null, judgement: FORWARDED_BY_NOTHING }];
    const selecting = this.#policies.filter(({ policy }) => selects(policy, subject));
    const clauses = POLICY_TIERS.flatMap((tier) =>
      this.#clausesOf(
        selecting.filter(({ policy }) => policy.tier === tier),
        direction,
        peer,
      ),
    );
    return rulesetOf(clauses, (name) => namedPort(name, direction, subject, peer.identity));
  }

  /** In the order in which they are asked: what denies, what allows, what isolates. */
  #clausesOf(policies: readonly CompiledPolicy[], direction: PolicyDirection, peer: PeerSight): Clause[] {
    const within = this.#classes.within(peer.cidrClass);
    const rulesWith = (action: PolicyRule["action"], verdict: Judgement["verdict"]) =>
      policies.flatMap(({ policy, rules }) =>
        rules
          .filter(
            ({ rule, peers }) =>
              rule.action === action &&
              rule.direction === direction &&
              (peers === null || peers.some((one) => peerMatches(policy, one, peer, within))),
          )
          .map(({ rule }) => clauseOf(policy, rule.place, rule.ports, verdict)),
      );
    const isolating = policies.filter(({ policy }) => policy.isolates.includes(direction));
    return [
      ...rulesWith("deny", "drop"),
      ...rulesWith("allow", "forward"),
      ...isolating.map(({ policy }) => clauseOf(policy, 0, null, "drop")),
    ];
  }

  #compiled(rule: PolicyRule): CompiledRule {
    const peers = rule.peers?.map((peer) =>
      peer.kind === "pods"
        ? peer
        : {
            kind: "cidr" as const,
            cidr: this.#classes.numberOf(peer.cidr),
            except: peer.except.map((text) => this.#classes.numberOf(text)),
          },
    );
    return { rule, peers: peers ?? null };
  }
}

const byPlace = (one: PolicyRule, other: PolicyRule): number => one.place - other.place;

const cidrsOf = ({ rules }: Policy): string[] =>
  rules.flatMap(({ peers }) =>
    (peers ?? []).flatMap((peer) => (peer.kind === "cidr" ? [peer.cidr, ...peer.except] : [])),
  );

const clauseOf = (
  policy: Policy,
  place: number,
  ports: Clause["ports"],
  verdict: Judgement["verdict"],
): Clause => ({
  ports,
  enforced: policy.mode === "enforce",
  judgement: { verdict, wouldDrop: false, rule: ruleNumber(policy.number, place), revision: policy.revision },
});

function peerMatches(
  policy: Policy,
  peer: CompiledPeer,
  sight: PeerSight,
  within: ReadonlySet<number>,
): boolean {
  if (peer.kind === "pods") return sight.identity !== null && podsMatch(policy, peer, sight.identity);
  return within.has(peer.cidr) && !peer.except.some((except) => within.has(except));
}
