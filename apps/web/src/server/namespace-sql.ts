/** The namespace of an identity, as SQL: it is one of its labels, and without it the default. */
import type { Labels } from "@millrace/contract/identity";
import { DEFAULT_NAMESPACE, NAMESPACE_LABEL } from "@millrace/contract/policy-protocol";

/** Of the row of identities with that alias. */
export const namespaceOf = (alias: string): string =>
  `coalesce(${alias}.labels->>'${NAMESPACE_LABEL}', '${DEFAULT_NAMESPACE}')`;

/**
 * Labels that all of the namespace's with `labels` have, for the index on what labels hold. The default namespace's need not
 * have its label: ask for namespaceOf too.
 */
export const labelsWithin = (namespace: string, labels: Labels = {}): Labels =>
  namespace === DEFAULT_NAMESPACE ? labels : { ...labels, [NAMESPACE_LABEL]: namespace };
