import type { PolicyIdentity } from "@millrace/contract/policy";
import { ruleNumber } from "@millrace/contract/rule-number";
import { readDocument } from "@millrace/policy/document";
import { judge } from "@millrace/policy/judge";
import { readService } from "@millrace/policy/service-document";
import { readEndpointSlice } from "@millrace/policy/slice-document";
import { describe, expect, test } from "vitest";
import { PORTS } from "./case.ts";
import {
  FORBIDDING,
  ISOLATING,
  isOfARun,
  nameOf,
  namespaceDocuments,
  namespacesOf,
  policyDocuments,
  type Rule,
  rulesOf,
  serviceDocuments,
} from "./documents.ts";

const names = namespacesOf("0a1b2c3d");
const servers = [
  { 4: "10.201.1.11", 6: "fd00:201:1::11" },
  { 4: "10.201.2.11", 6: undefined },
];

const documents = [
  ...namespaceDocuments(names),
  ...serviceDocuments(names, servers),
  ...policyDocuments(names),
];

test("every document is one that the control plane takes", () => {
  const readers: Record<string, (document: unknown) => { ok: boolean }> = {
    ...{ Namespace: readDocument, NetworkPolicy: readDocument, Policy: readDocument },
    ...{ Service: readService, EndpointSlice: readEndpointSlice },
  };
  const refused = documents.map((one) => readers[String(one.kind)]?.(one)).filter((read) => !read?.ok);
  expect(refused).toEqual([]);
  expect(documents.map((one) => nameOf(one).name)).toEqual([
    ...[names.client, names.server, "server-1", "server-1-4", "server-1-6", "server-2", "server-2-4"],
    ...["only-one-port", "not-this-port"],
  ]);
});

test("a run's documents are told from others', so that left ones can be removed", () => {
  for (const document of documents) expect(isOfARun(nameOf(document)), nameOf(document).name).toBe(true);
  expect(isOfARun({ kind: "Policy", namespace: "shop", name: "millrace-connectivity-x" })).toBe(false);
  expect(isOfARun({ kind: "Namespace", namespace: "", name: "shop" })).toBe(false);
});

describe("what the policies mean, by the language's own reference", () => {
  const numbers: Record<string, number> = { [ISOLATING.name]: 12, [FORBIDDING.name]: 13 };
  const policies = policyDocuments(names).map((document) => {
    const read = readDocument(document);
    if (!read.ok || read.value.kind !== "policy") throw new Error(JSON.stringify(read));
    return { ...read.value.policy, number: numbers[nameOf(document).name] ?? 0, revision: 1 };
  });
  const identity = (number: number, namespace: string): PolicyIdentity => ({
    ...{ identity: number, namespace, labels: {}, ports: {} },
    namespaceLabels: { "kubernetes.io/metadata.name": namespace },
  });
  const [client, server] = [identity(300, names.client), identity(301, names.server)];
  const address = "10.201.1.10";
  const rules = rulesOf(12, 13);
  const numberOf = ({ policy, place }: Rule) => ruleNumber(policy, place);

  test.each([6, 17])("protocol %i", (protocol) => {
    const to = (port: number) => ({ protocol, port });
    const received = {
      subject: server,
      direction: "ingress",
      peer: { identity: client, isHost: false, address },
    } as const;
    const sent = {
      subject: client,
      direction: "egress",
      peer: { identity: server, isHost: false, address },
    } as const;
    expect(judge(policies, { ...received, ...to(PORTS.open) })).toMatchObject({
      verdict: "forward",
      rule: numberOf(rules.admits),
    });
    expect(judge(policies, { ...sent, ...to(PORTS.open) })).toMatchObject({ verdict: "forward", rule: 0 });
    expect(judge(policies, { ...received, ...to(PORTS.closed) })).toMatchObject({
      verdict: "drop",
      rule: numberOf(rules.isolates),
    });
    expect(judge(policies, { ...sent, ...to(PORTS.closed) })).toMatchObject({ verdict: "forward" });
    expect(judge(policies, { ...sent, ...to(PORTS.forbidden) })).toMatchObject({
      verdict: "drop",
      rule: numberOf(rules.forbids),
    });
    expect(judge(policies, { ...received, ...to(PORTS.forbidden) })).toMatchObject({ verdict: "forward" });
  });
});
