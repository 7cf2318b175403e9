/** What a policy may know of an identity, from what is stored of it. Pure. */
import { namedPorts } from "@millrace/contract/named-port";
import type { PolicyIdentity } from "@millrace/contract/policy";
import { NAMESPACE_NAME_LABEL } from "@millrace/contract/policy-protocol";
import type { Fact } from "./repo.ts";

export const identityOf = ({ namespaceLabels, ...fact }: Fact): PolicyIdentity => ({
  ...fact,
  namespaceLabels: { ...namespaceLabels, [NAMESPACE_NAME_LABEL]: fact.namespace },
  ports: namedPorts(fact.labels),
});
