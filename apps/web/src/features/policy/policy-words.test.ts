import type { Policy, PolicyRule } from "@millrace/contract/policy";
import { expect, test } from "vitest";
import { arrivalText, isolationText, ruleWords, subjectText } from "./policy-words.ts";

const policy = (over: Partial<Policy> = {}): Policy => ({
  ...{ number: 3, revision: 7, namespace: "shop", name: "web", tier: "tenant", mode: "enforce" },
  ...{ subject: { pods: [], namespaces: null }, isolates: [], rules: [], ...over },
});
const named = (...values: string[]) => [
  { key: "kubernetes.io/metadata.name", operator: "In" as const, values },
];
const rule = (over: Partial<PolicyRule>): PolicyRule => ({
  ...{ place: 1, direction: "ingress", action: "allow", peers: null, ports: null, ...over },
});

test.each([
  [{ selected: 1, inForce: 1 }, "in force on 1 host"],
  [{ selected: 12, inForce: 12 }, "in force on 12 hosts"],
  [{ selected: 2, inForce: 0 }, "in force on 0 of 2 hosts"],
])("how far a policy has come: %j is %s", (hosts, words) => expect(arrivalText(hosts)).toBe(words));

test("whom a policy is about is said by labels and namespaces", () => {
  const app = { key: "app", operator: "In" as const, values: ["web", "api"] };
  const old = { key: "legacy", operator: "DoesNotExist" as const, values: [] };
  expect(subjectText(policy())).toBe("all pods of shop");
  expect(subjectText(policy({ subject: { pods: [app, old], namespaces: [] } }))).toBe(
    "pods with app=web or api and no label legacy of all namespaces",
  );
  expect(subjectText(policy({ subject: { pods: [], namespaces: named("a", "b") } }))).toBe(
    "all pods of a or b",
  );
  const teams = [{ key: "team", operator: "NotIn" as const, values: ["x"] }];
  expect(subjectText(policy({ subject: { pods: [], namespaces: teams } }))).toBe(
    "all pods of namespaces with team other than x",
  );
});

test("a rule says who, and over which ports", () => {
  expect(ruleWords(rule({}), "shop")).toEqual({
    head: "May be reached by",
    peers: ["everybody, inside and outside"],
    ports: ["any protocol and port"],
  });
  const ports = [
    ...[
      { protocol: 6, port: { from: 80, to: 80 } },
      { protocol: 17, port: { from: 8000, to: 8100 } },
    ],
    ...[
      { protocol: 6, port: { name: "http" } },
      { protocol: 1, port: null },
      { protocol: null, port: null },
    ],
  ];
  const peers = [
    { kind: "pods" as const, pods: [], namespaces: named("ops") },
    { kind: "cidr" as const, cidr: "10.0.0.0/8", except: ["10.1.0.0/16"] },
  ];
  expect(ruleWords(rule({ direction: "egress", action: "deny", peers, ports }), "shop")).toEqual({
    head: "May not reach",
    peers: ["all pods of ops", "10.0.0.0/8 except 10.1.0.0/16"],
    ports: ["TCP 80", "UDP 8000–8100", "TCP port called http", "ICMP", "any protocol"],
  });
  expect(ruleWords(rule({ peers: [] }), "shop").peers).toEqual(["nobody"]);
});

test("isolation says what else is possible, and that observing does nothing", () => {
  expect(isolationText(policy())).toMatch(/left to other policies/);
  expect(isolationText(policy({ tier: "platform" }))).toMatch(/left to the tenants' policies/);
  expect(isolationText(policy({ isolates: ["egress", "ingress"] }))).toBe(
    "They may be reached by nobody else and reach nobody else, unless another tenant policy allows it.",
  );
  expect(isolationText(policy({ isolates: ["ingress"], mode: "observe" }))).toMatch(
    /^Enforced, they could be reached by nobody else/,
  );
});
