/** Policies as pages show them. How many endpoints each selects is counted by identities, which are far fewer. */
import {
  type ByPolicyNumber,
  MOST_SUBJECTS,
  type NamedPoliciesInput,
  type NamedPolicy,
  type PolicyView,
  type WholePolicyView,
} from "@millrace/contract/declared";
import { DOCUMENT_LIMITS, type DocumentName, documentText } from "@millrace/contract/document";
import { AppError } from "@millrace/contract/error";
import type { Policy, PolicyIdentity } from "@millrace/contract/policy";
import { selects } from "@millrace/policy/judge";
import * as repo from "./repo.ts";
import { identityOf } from "./subject.ts";

/** Beyond it a page would wait too long for its counts. */
const MOST_COUNTED = 20_000;

export async function listPolicies(): Promise<PolicyView[]> {
  const [rows, subjects] = await Promise.all([
    repo.listPolicies(null, DOCUMENT_LIMITS.listed),
    subjectsByNamespace(),
  ]);
  return rows.map((row) => viewOf(row, subjects && selectedBy(policyOf(row), subjects)));
}

export async function getPolicy({ number }: ByPolicyNumber): Promise<WholePolicyView> {
  const [rows, subjects] = await Promise.all([repo.listPolicies(number, 1), subjectsByNamespace()]);
  const [row] = rows;
  if (!row) throw await noSuchPolicy(number);
  const selected = subjects && selectedBy(policyOf(row), subjects);
  const largest = (selected ?? []).toSorted((one, other) => other.endpoints - one.endpoints);
  const identities = selected?.map(({ subject }) => subject.identity);
  return {
    ...viewOf(row, selected),
    policy: policyOf(row),
    hosts: identities ? await repo.countHosts(identities, row.revision) : null,
    subjects: largest.slice(0, MOST_SUBJECTS).map(({ subject: { namespace, labels }, endpoints }) => ({
      ...{ namespace, labels, endpoints },
    })),
  };
}

/** Flows bear the numbers of policies that are gone: it is said what they were. */
async function noSuchPolicy(number: number): Promise<AppError> {
  const [was] = await repo.findNamed([number]);
  const why = was
    ? `policy ${number} was ${documentText(was as DocumentName)}, and is deleted`
    : `there is no policy ${number}`;
  return new AppError("NOT_FOUND", why, { publicMessage: why });
}

const policyOf = ({ reading, number, revision }: repo.ListRow): Policy => ({ ...reading, number, revision });

function viewOf({ reading, ...row }: repo.ListRow, selected: readonly Subject[] | null): PolicyView {
  const { tier, mode, isolates, rules } = reading;
  return {
    ...{ ...row, tier, mode, isolates, rules: rules.length },
    selected: selected?.reduce((sum, { endpoints }) => sum + endpoints, 0) ?? null,
  };
}

type Subject = { subject: PolicyIdentity; endpoints: number };
/** null: more than are counted. */
async function subjectsByNamespace(): Promise<Map<string, Subject[]> | null> {
  const rows = await repo.countInUse(MOST_COUNTED + 1);
  if (rows.length > MOST_COUNTED) return null;
  const grouped = new Map<string, Subject[]>();
  for (const { endpoints, ...fact } of rows) {
    const those = grouped.get(fact.namespace) ?? [];
    those.push({ subject: identityOf(fact), endpoints });
    grouped.set(fact.namespace, those);
  }
  return grouped;
}

function selectedBy(policy: Policy, subjects: ReadonlyMap<string, Subject[]>): Subject[] {
  const candidates =
    policy.subject.namespaces === null
      ? (subjects.get(policy.namespace) ?? [])
      : [...subjects.values()].flat();
  return candidates.filter(({ subject }) => selects(policy, subject));
}

/** All that hold now, each with the name of its document. */
export async function standingPolicies(): Promise<{ document: DocumentName; policy: Policy }[]> {
  return (await repo.listPolicies(null, DOCUMENT_LIMITS.listed)).map((row) => ({
    document: { kind: row.kind, namespace: row.namespace, name: row.name },
    policy: policyOf(row),
  }));
}

/** Those that there are or were, by number. */
export const namedPolicies = ({ numbers }: NamedPoliciesInput): Promise<NamedPolicy[]> =>
  repo.findNamed(numbers);
