/** The policies as they would be if documents were applied and others deleted. Pure. */
import { type DocumentName, documentText } from "@millrace/contract/document";
import type { Policy } from "@millrace/contract/policy";
import { LAST_POLICY_NUMBER } from "@millrace/contract/rule-number";
import type { PolicyDraft } from "@millrace/policy/draft";
import { withDraft } from "@millrace/policy/effect";
import type { ReadDocument } from "../document/service.ts";

export type StandingPolicy = { document: DocumentName; policy: Policy };
export type Wanted = {
  policies: Policy[];
  /** Documents that are no policies. */
  leftOut: string[];
};

export function wantedPolicies(
  standing: readonly StandingPolicy[],
  read: readonly ReadDocument[],
  removed: readonly DocumentName[],
): Wanted {
  const numberOf = (document: DocumentName) =>
    standing.find((one) => isSame(one.document, document))?.policy.number;
  const gone = new Set(removed.map(numberOf));
  let policies = standing.map(({ policy }) => policy).filter(({ number }) => !gone.has(number));
  // New ones would be numbered last, in this order.
  let next = LAST_POLICY_NUMBER - read.length;
  for (const document of read.filter(isPolicy))
    policies = withDraft(policies, document.reading as PolicyDraft, numberOf(document) ?? ++next);
  return { policies, leftOut: [...read, ...removed].filter((one) => !isPolicy(one)).map(documentText) };
}

const isPolicy = ({ kind }: DocumentName): boolean => kind === "Policy" || kind === "NetworkPolicy";
const isSame = (one: DocumentName, other: DocumentName): boolean =>
  one.kind === other.kind && one.namespace === other.namespace && one.name === other.name;
