import { FlowDirection, Verdict } from "@millrace/abi/generated/flow";
import type { Policy, PolicyIdentity, PolicyRule } from "@millrace/contract/policy";
import { PolicySet } from "@millrace/policy/compile";
import { describe, expect, test } from "vitest";
import type { Pair, PolicyTables } from "../dataplane/dataplane.ts";
import { entryFor, PairJudge, RulesetNumbers, type Subject } from "./pair-judge.ts";
import { isRight, Judgements, MOST, policyTables } from "./plan.ts";

const facts = (identity: number, app: string): PolicyIdentity => ({
  ...{ identity, namespace: "shop", labels: { app }, namespaceLabels: {}, ports: {} },
});
const rule = (place: number, rest: Partial<PolicyRule>): PolicyRule => ({
  ...{ place, direction: "ingress", action: "allow", peers: null, ports: null },
  ...rest,
});
const policy = (number: number, rest: Partial<Policy>): Policy => ({
  ...{ number, revision: 7, namespace: "shop", name: `p${number}`, tier: "tenant", mode: "enforce" },
  ...{ subject: { pods: [], namespaces: null }, isolates: ["ingress"], rules: [] },
  ...rest,
});
const app = (value: string) => [{ key: "app", operator: "In" as const, values: [value] }];

const WEB = facts(300, "web");
const CART = facts(301, "cart");
const known = new Map([WEB, CART].map((one) => [one.identity, one]));
const factsOf = (identity: number) => (identity < 256 ? null : known.get(identity));
const subjects: Subject[] = [
  { endpointId: 1, facts: CART },
  { endpointId: 2, facts: WEB },
  { endpointId: 3, facts: null },
];
/** Only web reaches cart, on TCP 80 to 83; of outside a range may, but for a part of it. */
const policies = [
  policy(1, {
    subject: { pods: app("cart"), namespaces: null },
    rules: [
      rule(1, {
        peers: [{ kind: "pods", pods: app("web"), namespaces: null }],
        ports: [{ protocol: 6, port: { from: 80, to: 83 } }],
      }),
      rule(2, { peers: [{ kind: "cidr", cidr: "198.51.100.0/24", except: ["198.51.100.64/26"] }] }),
    ],
  }),
];
const pair = (endpointId: number, peerIdentity: number, cidrClass = 0): Pair => ({
  ...{ endpointId, peerIdentity, cidrClass, direction: FlowDirection.INGRESS },
});
const planned = (pairs: Iterable<Pair>, numbers = new RulesetNumbers(), of = policies) => {
  const set = new PolicySet(of);
  const judge = new PairJudge(set, subjects, factsOf, numbers);
  return { set, judge, tables: policyTables(set, judge, pairs) };
};
const verdictIn = (tables: PolicyTables, one: Pair, protocol: number, port: number) => {
  const found = tables.judgements.find(
    (judgement) => judgement.endpointId === one.endpointId && judgement.peerIdentity === one.peerIdentity,
  );
  const ruleset = tables.rulesets.find(({ number }) => number === found?.ruleset);
  return entryFor(ruleset?.entries ?? [], protocol, port);
};

describe("the tables", () => {
  test("say of every endpoint that is known whether it is selected", () => {
    expect(planned([]).tables.subjects).toEqual([
      { endpointId: 1, egress: false, ingress: true },
      { endpointId: 2, egress: false, ingress: false },
      { endpointId: 3, egress: false, ingress: false },
    ]);
  });
  test("name each prefix once, as the kernel's addresses are", () => {
    const [wide, narrow, ipv4] = planned([]).tables.classes;
    expect(ipv4).toMatchObject({ prefixBits: 96, number: 0 }); // lest it be a part of ::/0
    expect(wide).toMatchObject({ prefixBits: 96 + 24 });
    expect(Buffer.from(narrow?.address ?? []).toString("hex")).toBe("00000000000000000000ffffc6336440");
    expect(narrow?.number).not.toBe(wide?.number);
  });
  test("hold what the pairs that are asked for may do, and leave out whom nobody knows", () => {
    const { tables } = planned([pair(1, 300), pair(1, 999), pair(9, 300), pair(1, 1), pair(2, 300)]);
    expect(
      tables.judgements.map(({ endpointId, peerIdentity, ruleset }) => [endpointId, peerIdentity, ruleset]),
    ).toEqual([
      [1, 300, 1],
      [1, 1, 0], // the host reaches its own
      [2, 300, 0],
    ]);
    expect(verdictIn(tables, pair(1, 300), 6, 83)).toMatchObject({
      verdict: Verdict.FORWARD,
      rule: 257,
      revision: 7,
    });
    expect(verdictIn(tables, pair(1, 300), 6, 84)).toMatchObject({ verdict: Verdict.DROP, rule: 256 });
    expect(verdictIn(tables, pair(1, 300), 17, 80)?.verdict).toBe(Verdict.DROP);
  });
  test("say what would be dropped by a policy that observes", () => {
    const observing = [{ ...(policies[0] as Policy), mode: "observe" as const }];
    const { tables } = planned([pair(1, 300)], undefined, observing);
    expect(verdictIn(tables, pair(1, 300), 6, 84)).toMatchObject({ verdict: Verdict.WOULD_DROP, rule: 256 });
    expect(verdictIn(tables, pair(1, 300), 6, 80)).toMatchObject({ verdict: Verdict.FORWARD, rule: 0 });
  });
  test("of pairs that hold the same share one ruleset", () => {
    const { set, tables } = planned([]);
    const numberOf = (address: string) => set.classOf(address);
    const pairs = ["198.51.100.1", "198.51.100.70", "203.0.113.1"].map((at) => pair(1, 2, numberOf(at)));
    const again = planned(pairs).tables;
    expect(tables.rulesets).toEqual([]);
    expect(again.judgements.map(({ ruleset }) => ruleset)).toEqual([1, 2, 2]);
    expect(again.rulesets).toHaveLength(2);
  });
  test("take as many pairs as there is room for, the first of them", () => {
    const many = function* () {
      for (let cidrClass = 0; cidrClass < MOST.judgements + 5; cidrClass++) yield pair(2, 300, cidrClass);
    };
    const { judgements } = planned(many()).tables;
    expect(judgements).toHaveLength(MOST.judgements);
    expect(judgements.at(-1)?.cidrClass).toBe(MOST.judgements - 1);
  });
});

test("more prefixes than the kernel can tell apart are refused whole, not enforced in part", () => {
  const cidrs = Array.from({ length: MOST.classes + 1 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`);
  const peers = cidrs.map((cidr) => ({ kind: "cidr" as const, cidr, except: [] }));
  expect(() => planned([], undefined, [policy(1, { rules: [rule(1, { peers })] })])).toThrow(
    "the policies of this host name 4097 prefixes; at most 4096 can be told apart",
  );
});

describe("what an earlier life left in the kernel", () => {
  const before = planned([pair(1, 300), pair(1, 2)]).tables;
  const shuffled = {
    ...before,
    subjects: [...before.subjects].reverse(),
    rulesets: before.rulesets.map(({ number, entries }) => ({ number, entries: [...entries].reverse() })),
  };
  test("holds when nothing in it would be otherwise, in whatever order it is read", () => {
    const { set, judge } = planned([], new RulesetNumbers(shuffled.rulesets));
    expect(isRight(shuffled, set, judge)).toBe(true);
  });
  test.each([
    ["another policy", [...policies, policy(2, { isolates: ["egress"] })]],
    ["a rule less", [{ ...(policies[0] as Policy), rules: [] }]],
    ["another revision", [{ ...(policies[0] as Policy), revision: 8 }]],
  ])("doesn't with %s", (_name, changed) => {
    const { set, judge } = planned([], new RulesetNumbers(shuffled.rulesets), changed);
    expect(isRight(shuffled, set, judge)).toBe(false);
  });
  test("nor when an endpoint is there that it doesn't name", () => {
    const set = new PolicySet(policies);
    const more = [...subjects, { endpointId: 4, facts: WEB }];
    const judge = new PairJudge(set, more, factsOf, new RulesetNumbers(shuffled.rulesets));
    expect(isRight(shuffled, set, judge)).toBe(false);
  });
});

test("a ruleset's number is given to no other, also after it has gone", () => {
  const numbers = new RulesetNumbers();
  const entries = (rule: number) => [
    { protocol: null, port: null, verdict: Verdict.DROP, rule, revision: 1 },
  ];
  expect([numbers.numberOf(entries(1)), numbers.numberOf(entries(2)), numbers.numberOf(entries(1))]).toEqual([
    1, 2, 1,
  ]);
  numbers.keep(new Set([1]));
  expect([numbers.numberOf(entries(3)), numbers.numberOf(entries(2)), numbers.numberOf(entries(1))]).toEqual([
    3, 4, 1,
  ]);
});

test("judgements that are there are taken once, and count with their rulesets", () => {
  const { tables } = planned([pair(1, 300)]);
  const judgements = new Judgements(tables);
  const [ruleset] = tables.rulesets;
  expect(judgements.add(pair(1, 300), ruleset ?? { number: 0, entries: [] })).toBe(true);
  expect(judgements.tables).toEqual({ judgements: tables.judgements, rulesets: tables.rulesets });
  const huge = {
    number: 9,
    entries: Array.from({ length: MOST.entries }, () => ruleset?.entries[0] as never),
  };
  expect(judgements.add(pair(1, 301), huge)).toBe(false);
});
