/**
 * What policies mean, as plainly as it can be said: the reference that the compiler (compile.ts) and the kernel are held to.
 * It asks every rule of every policy each time, so it is not for packets. In words: docs/policy.md.
 */
import { FIRST_IDENTITY, type Labels } from "@millrace/contract/identity";
import {
  POLICY_TIERS,
  type Policy,
  type PolicyDirection,
  type PolicyIdentity,
  type PolicyRule,
  type Requirement,
  type RulePeer,
  type RulePort,
  ruleNumber,
  type Selector,
} from "@millrace/contract/policy";
import { contains, parseAddress, parsePrefix } from "@millrace/contract/prefix";
import { FORWARDED_BY_NOTHING, hasPorts, type Judgement } from "./judgement.ts";

/** One end opens a flow to the other, seen from one of them: the subject. */
export type Attempt = {
  subject: PolicyIdentity;
  direction: PolicyDirection;
  /** The other end. No identity: outside, or nobody knows whose it is. isHost: the subject's own host. */
  peer: { identity: PolicyIdentity | null; isHost: boolean; address: string };
  /** IP protocol. */
  protocol: number;
  /** Where the opener sends to; null exactly for protocols without ports. */
  port: number | null;
};

export function judge(policies: readonly Policy[], attempt: Attempt): Judgement {
  if (attempt.peer.isHost && attempt.direction === "ingress") return FORWARDED_BY_NOTHING;
  const real = judgeAsEnforced(
    policies.filter((policy) => policy.mode === "enforce"),
    attempt,
  );
  if (real.verdict === "drop") return real;
  const withObserving = judgeAsEnforced(policies, attempt);
  return withObserving.verdict === "drop" ? { ...withObserving, verdict: "forward", wouldDrop: true } : real;
}

function judgeAsEnforced(policies: readonly Policy[], attempt: Attempt): Judgement {
  for (const tier of POLICY_TIERS) {
    const selecting = policies
      .filter((policy) => policy.tier === tier && selects(policy, attempt.subject))
      .sort((one, other) => one.number - other.number);
    const decided =
      firstMatch(selecting, "deny", attempt) ??
      firstMatch(selecting, "allow", attempt) ??
      isolation(selecting, attempt.direction);
    if (decided) return decided;
  }
  return FORWARDED_BY_NOTHING;
}

/** By the lowest policy number, then the lowest place. */
function firstMatch(
  policies: readonly Policy[],
  action: PolicyRule["action"],
  attempt: Attempt,
): Judgement | undefined {
  for (const policy of policies) {
    const [rule] = policy.rules
      .filter((rule) => rule.action === action && ruleMatches(policy, rule, attempt))
      .sort((one, other) => one.place - other.place);
    if (rule) return judgementOf(policy, rule.place, action === "deny" ? "drop" : "forward");
  }
  return undefined;
}

function isolation(policies: readonly Policy[], direction: PolicyDirection): Judgement | undefined {
  const policy = policies.find(({ isolates }) => isolates.includes(direction));
  return policy && judgementOf(policy, 0, "drop");
}

const judgementOf = (policy: Policy, place: number, verdict: Judgement["verdict"]): Judgement => ({
  verdict,
  wouldDrop: false,
  rule: ruleNumber(policy.number, place),
  revision: policy.revision,
});

function ruleMatches(policy: Policy, rule: PolicyRule, attempt: Attempt): boolean {
  const { peers, ports } = rule;
  return (
    rule.direction === attempt.direction &&
    (peers === null || peers.some((peer) => peerMatches(policy, peer, attempt.peer))) &&
    (ports === null || ports.some((port) => portMatches(port, attempt)))
  );
}

function peerMatches(policy: Policy, peer: RulePeer, { identity, address }: Attempt["peer"]): boolean {
  if (peer.kind === "pods") return identity !== null && podsMatch(policy, peer, identity);
  return isIn(address, peer.cidr) && !peer.except.some((except) => isIn(address, except));
}

function isIn(address: string, cidr: string): boolean {
  const prefix = parsePrefix(cidr);
  const parsed = parseAddress(address);
  return prefix !== undefined && parsed !== undefined && contains(prefix, parsed);
}

function portMatches({ protocol, port }: RulePort, attempt: Attempt): boolean {
  if (protocol !== null && protocol !== attempt.protocol) return false;
  if (port === null) return true;
  if (attempt.port === null || !hasPorts(attempt.protocol)) return false;
  if (!("name" in port)) return port.from <= attempt.port && attempt.port <= port.to;
  const named = namedPort(port.name, attempt.direction, attempt.subject, attempt.peer.identity);
  return named?.protocol === attempt.protocol && named.port === attempt.port;
}

/** What the end that is opened to calls so: the subject for ingress, its peer for egress. */
export function namedPort(
  name: string,
  direction: PolicyDirection,
  subject: PolicyIdentity,
  peer: PolicyIdentity | null,
): { protocol: number; port: number } | undefined {
  const receiver = direction === "ingress" ? subject : peer;
  return receiver && Object.hasOwn(receiver.ports, name) ? receiver.ports[name] : undefined;
}

/** Whether the policy is about it at all. */
export const selects = (policy: Policy, subject: PolicyIdentity): boolean =>
  podsMatch(policy, policy.subject, subject);

/** Reserved identities are no pods: not even a selector of everyone means them. */
export function podsMatch(
  policy: Policy,
  { pods, namespaces }: { pods: Selector; namespaces: Selector | null },
  identity: PolicyIdentity,
): boolean {
  const inNamespace =
    namespaces === null
      ? identity.namespace === policy.namespace
      : selectorMatches(namespaces, identity.namespaceLabels);
  return identity.identity >= FIRST_IDENTITY && inNamespace && selectorMatches(pods, identity.labels);
}

export const selectorMatches = (selector: Selector, labels: Labels): boolean =>
  selector.every((requirement) => requirementHolds(requirement, labels));

function requirementHolds({ key, operator, values }: Requirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
  }
}
