// What the cases of testdata/ don't say: which rule is named, and who is nobody's pod.
import type { Policy, PolicyRule, RulePort } from "@millrace/contract/policy";
import { describe, expect, test } from "vitest";
import { type Attempt, judge, selectorMatches } from "./judge.ts";

const rule = (place: number, rest: Partial<PolicyRule> = {}): PolicyRule => ({
  ...{ place, direction: "ingress", action: "allow", peers: null, ports: null },
  ...rest,
});
const policy = (number: number, rest: Partial<Policy> = {}): Policy => ({
  ...{
    number,
    revision: 10 + number,
    namespace: "shop",
    name: `p${number}`,
    tier: "tenant",
    mode: "enforce",
  },
  ...{ subject: { pods: [], namespaces: null }, isolates: ["ingress"], rules: [] },
  ...rest,
});
const pod = { identity: 300, namespace: "shop", labels: {}, namespaceLabels: {}, ports: {} };
const attempt = (rest: Partial<Attempt> = {}): Attempt => ({
  ...{ subject: pod, direction: "ingress", protocol: 6, port: 80 },
  peer: { identity: { ...pod, identity: 301 }, isHost: false, address: "10.0.0.1" },
  ...rest,
});
const from = (identity: number): Attempt =>
  attempt({ peer: { identity: { ...pod, identity }, isHost: false, address: "10.0.0.1" } });

describe("the rule that is named", () => {
  const allowing = [rule(2), rule(1, { ports: [{ protocol: 17, port: null }] }), rule(3)];
  test("is the lowest that matches, of the lowest policy, whatever order they are given in", () => {
    const policies = [policy(9, { rules: [rule(1)] }), policy(4, { rules: allowing })];
    expect(judge(policies, attempt())).toEqual({
      verdict: "forward",
      wouldDrop: false,
      rule: 4 * 256 + 2,
      revision: 14,
    });
  });
  test("is the one that denies before any that allows", () => {
    const policies = [policy(4, { rules: allowing }), policy(9, { rules: [rule(7, { action: "deny" })] })];
    expect(judge(policies, attempt())).toEqual({
      verdict: "drop",
      wouldDrop: false,
      rule: 9 * 256 + 7,
      revision: 19,
    });
  });
  test("is place 0 of the lowest policy that isolates, where none allows", () => {
    const policies = [policy(9), policy(5), policy(4, { isolates: ["egress"] })];
    expect(judge(policies, attempt())).toMatchObject({ verdict: "drop", rule: 5 * 256, revision: 15 });
  });
  test("is 0 where no policy says anything", () => {
    expect(judge([policy(4, { namespace: "other" })], attempt())).toEqual({
      ...{ verdict: "forward", wouldDrop: false, rule: 0, revision: 0 },
    });
  });
  test("is the observing policy's where it would drop, and the real one's where that drops", () => {
    const observing = policy(2, { mode: "observe" });
    expect(judge([observing, policy(9, { isolates: [] })], attempt())).toEqual({
      ...{ verdict: "forward", wouldDrop: true, rule: 2 * 256, revision: 12 },
    });
    expect(judge([observing, policy(9)], attempt())).toEqual({
      ...{ verdict: "drop", wouldDrop: false, rule: 9 * 256, revision: 19 },
    });
  });
  test("is the platform's, whatever a tenant's policy with a lower number says", () => {
    const policies = [
      policy(1, { rules: [rule(1)] }),
      policy(9, { tier: "platform", rules: [rule(1, { action: "deny" })] }),
    ];
    expect(judge(policies, attempt())).toMatchObject({ verdict: "drop", rule: 9 * 256 + 1 });
  });
});

describe("a reserved identity", () => {
  const everyPod = { kind: "pods" as const, pods: [], namespaces: [] };
  const allowsPods = [policy(1, { rules: [rule(1, { peers: [everyPod] })] })];
  test.each([1, 2, 3, 4, 255])("%i is no pod, not even to a selector of everyone", (identity) => {
    expect(judge(allowsPods, from(identity)).verdict).toBe("drop");
  });
  test("ends where labels begin", () => expect(judge(allowsPods, from(256)).verdict).toBe("forward"));
  test("is in no policy's subject", () => {
    const open = attempt({ subject: { ...pod, identity: 3 } });
    expect(judge([policy(1, { subject: { pods: [], namespaces: [] } })], open).rule).toBe(0);
  });
});

test("an empty list of peers or ports is nobody and nothing, and none is everybody and everything", () => {
  expect(judge([policy(1, { rules: [rule(1, { peers: [] })] })], attempt()).verdict).toBe("drop");
  expect(judge([policy(1, { rules: [rule(1, { ports: [] })] })], attempt()).verdict).toBe("drop");
  expect(judge([policy(1, { rules: [rule(1)] })], attempt()).verdict).toBe("forward");
});

test.each<[string, RulePort, number, number | null, boolean]>([
  [
    "a range without a protocol is one of each that has ports",
    { protocol: null, port: { from: 80, to: 81 } },
    132,
    81,
    true,
  ],
  ["and of no other", { protocol: null, port: { from: 0, to: 65_535 } }, 1, null, false],
  [
    "a range of a protocol without ports is nothing",
    { protocol: 1, port: { from: 0, to: 65_535 } },
    1,
    null,
    false,
  ],
  ["a protocol without a port is all of it", { protocol: 47, port: null }, 47, null, true],
  ["neither is everything", { protocol: null, port: null }, 47, null, true],
  [
    "a name that nobody gave is nothing, whatever objects have",
    { protocol: null, port: { name: "constructor" } },
    6,
    80,
    false,
  ],
])("%s", (_, port, protocol, to, matches) => {
  const judged = judge([policy(1, { rules: [rule(1, { ports: [port] })] })], attempt({ protocol, port: to }));
  expect(judged.verdict).toBe(matches ? "forward" : "drop");
});

test("a label is one that was given, not what every object has", () => {
  const requirement = (operator: "Exists" | "DoesNotExist") => [{ key: "constructor", operator, values: [] }];
  expect(selectorMatches(requirement("Exists"), {})).toBe(false);
  expect(selectorMatches(requirement("DoesNotExist"), {})).toBe(true);
  expect(selectorMatches(requirement("Exists"), { constructor: "x" })).toBe(true);
});
