/** Policies as pages show them. How many endpoints each selects is counted by identities, which are far fewer. */
import type { NamedPoliciesInput, NamedPolicy, PolicyView } from "@millrace/contract/declared";
import { DOCUMENT_LIMITS } from "@millrace/contract/document";
import type { PolicyIdentity } from "@millrace/contract/policy";
import { selects } from "@millrace/policy/judge";
import * as repo from "./repo.ts";
import { identityOf } from "./subject.ts";

/** Beyond it a page would wait too long for its counts. */
const MOST_COUNTED = 20_000;

export async function listPolicies(): Promise<PolicyView[]> {
  const [rows, counted] = await Promise.all([
    repo.listPolicies(DOCUMENT_LIMITS.listed),
    repo.countInUse(MOST_COUNTED + 1),
  ]);
  const subjects = counted.length > MOST_COUNTED ? null : byNamespace(counted);
  return rows.map(({ reading, ...row }) => {
    const { tier, mode, isolates, rules } = reading;
    return {
      ...{ ...row, tier, mode, isolates, rules: rules.length },
      selected:
        subjects && countSelected({ ...reading, number: row.number, revision: row.revision }, subjects),
    };
  });
}

type Subject = { subject: PolicyIdentity; endpoints: number };
function byNamespace(rows: readonly repo.CountedFact[]): Map<string, Subject[]> {
  const grouped = new Map<string, Subject[]>();
  for (const { endpoints, ...fact } of rows) {
    const those = grouped.get(fact.namespace) ?? [];
    those.push({ subject: identityOf(fact), endpoints });
    grouped.set(fact.namespace, those);
  }
  return grouped;
}

function countSelected(policy: Parameters<typeof selects>[0], subjects: Map<string, Subject[]>): number {
  const candidates =
    policy.subject.namespaces === null
      ? (subjects.get(policy.namespace) ?? [])
      : [...subjects.values()].flat();
  let sum = 0;
  for (const { subject, endpoints } of candidates) if (selects(policy, subject)) sum += endpoints;
  return sum;
}

/** Those that there are or were, by number. */
export const namedPolicies = ({ numbers }: NamedPoliciesInput): Promise<NamedPolicy[]> =>
  repo.findNamed(numbers);
