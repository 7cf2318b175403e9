/**
 * Policies as hosts ask for them: what holds for their own endpoints, and who the others are that they meet. What people
 * wrote is document/'s; which endpoint has which identity is network/'s. Who asked is told when an answer changes, and nobody else.
 */
import { AppError } from "@millrace/contract/error";
import type { Policy, PolicyIdentity } from "@millrace/contract/policy";
import {
  POLICY_ASK_LIMITS,
  type PolicyForInput,
  type PolicyForOutput,
  type PolicyPeersInput,
  type PolicyPeersOutput,
} from "@millrace/contract/policy-protocol";
import type { PolicyDraft } from "@millrace/policy/draft";
import { selects } from "@millrace/policy/judge";
import type { AgentHost } from "../agent-gateway/service.ts";
import * as repo from "./repo.ts";
import { identityOf } from "./subject.ts";

export { getPolicy, listPolicies, namedPolicies, standingPolicies } from "./view.ts";

/** The scope of policies that are about more than their own namespace; no namespace is called so. */
export const EVERYWHERE = "*";

/**
 * No lease: whose endpoints have which identities is known from what hosts publish, so a host is told as long as it has one.
 * It costs as much as there are policies in the identities' namespaces and for all.
 */
export async function policiesFor({ identities }: PolicyForInput): Promise<PolicyForOutput> {
  const revision = await repo.findRevision();
  const subjects = (await repo.findFacts(identities)).map(identityOf);
  const scopes = [...new Set([EVERYWHERE, ...subjects.map((subject) => subject.namespace)])];
  const candidates = subjects.length > 0 ? await repo.findPolicies(scopes) : [];
  const policies = candidates
    .map((row): Policy => ({ ...row.reading, number: row.number, revision: row.revision }))
    .filter((policy) => subjects.some((subject) => selects(policy, subject)));
  return bounded({ revision, policies, subjects });
}

/** race: first it is written who asks. What changes after the answer was read is then told to this host. */
export async function peersOf(
  { hostId }: AgentHost,
  { identities }: PolicyPeersInput,
): Promise<PolicyPeersOutput> {
  const leaseSeconds = POLICY_ASK_LIMITS.peersSeconds;
  if (identities.length === 0) return { peers: [], leaseSeconds };
  await repo.saveLeases(hostId, identities, leaseSeconds);
  return bounded({ peers: (await repo.findFacts(identities)).map(identityOf), leaseSeconds });
}

/** An agent reads no more than was agreed; it can ask in smaller parts. */
function bounded<T>(answer: T): T {
  const bytes = Buffer.byteLength(JSON.stringify(answer));
  if (bytes <= POLICY_ASK_LIMITS.answerBytes) return answer;
  const why = `the answer is ${bytes} bytes, the most is ${POLICY_ASK_LIMITS.answerBytes}: ask for fewer identities`;
  throw new AppError("TOO_LARGE", why, { publicMessage: why });
}

export type HeldAddress = { subject: PolicyIdentity; host: string; sinceUs: number };
/** By address: who has it now. */
export async function holdersOf(addresses: readonly string[]): Promise<Map<string, HeldAddress>> {
  const holders = await repo.findHolders(addresses);
  const facts = await repo.findFacts([...new Set(holders.map(({ identity }) => identity))]);
  const subjects = new Map(facts.map((fact) => [fact.identity, identityOf(fact)]));
  return new Map(
    holders.flatMap(({ address, identity, host, sinceUs }) => {
      const subject = subjects.get(identity);
      return subject ? [[address, { subject, host, sinceUs }]] : [];
    }),
  );
}

const AT_ONCE = 5000;

/** Policies, as they were before and as they are: hosts with an endpoint that any of them selects. */
export async function tellOfPolicies(policies: readonly PolicyDraft[]): Promise<void> {
  const hosts = new Set<number>();
  for (const [namespace, those] of byNamespace(policies)) {
    for (let after = 0; ; ) {
      const facts = await repo.findInUse(namespace, after, AT_ONCE);
      const selected = facts.filter((fact) => isSelected(those, identityOf(fact)));
      for (const hostId of await repo.findHostsWith(selected.map((fact) => fact.identity))) hosts.add(hostId);
      if (facts.length < AT_ONCE) break;
      after = facts.at(-1)?.identity ?? 0;
    }
  }
  await repo.tell([...hosts]);
}

/** null: those about several. */
function byNamespace(policies: readonly PolicyDraft[]): Map<string | null, PolicyDraft[]> {
  const grouped = new Map<string | null, PolicyDraft[]>();
  for (const policy of policies) {
    const namespace = policy.subject.namespaces === null ? policy.namespace : null;
    grouped.set(namespace, [...(grouped.get(namespace) ?? []), policy]);
  }
  return grouped;
}
/** Number and revision say nothing of whom it is about. */
const isSelected = (policies: readonly PolicyDraft[], subject: PolicyIdentity): boolean =>
  policies.some((policy) => selects({ ...policy, number: 1, revision: 1 }, subject));

/** Namespaces whose labels changed: hosts with an endpoint in one, and those that asked who somebody in one is. */
export async function tellOfNamespaces(names: readonly string[]): Promise<void> {
  const hosts = new Set<number>();
  for (const name of names) for (const hostId of await repo.findHostsOfNamespace(name)) hosts.add(hostId);
  await repo.tell([...hosts]);
}

export const sweepPolicies = (): Promise<void> => repo.deleteEndedLeases();
