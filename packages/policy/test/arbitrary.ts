/** Any policies and any two ends, from a universe small enough that they meet. */
import type {
  Policy,
  PolicyIdentity,
  PolicyRule,
  RulePeer,
  RulePort,
  Selector,
} from "@millrace/contract/policy";
import { addressText, lastOf, type Prefix, parsePrefix } from "@millrace/contract/prefix";
import fc from "fast-check";
import type { Attempt } from "../src/judge.ts";

const NAMESPACES = ["red", "blue", "green"] as const;
const aValue = fc.constantFrom("1", "2", "3");
const someLabels = fc.dictionary(fc.constantFrom("app", "tier", "x/y"), aValue, { maxKeys: 3 });

const aSelector: fc.Arbitrary<Selector> = fc.array(
  fc.record({
    key: fc.constantFrom("app", "tier", "x/y", "constructor"),
    operator: fc.constantFrom("In", "NotIn", "Exists", "DoesNotExist"),
    values: fc.array(aValue, { maxLength: 2 }),
  }),
  { maxLength: 2 },
);
const whom = fc.record({ pods: aSelector, namespaces: fc.option(aSelector, { freq: 1 }) });

const PREFIXES = [
  ...[
    "0.0.0.0/0",
    "10.0.0.0/8",
    "10.1.0.0/16",
    "10.1.2.0/24",
    "10.1.2.128/25",
    "10.1.2.3/32",
    "192.0.2.0/31",
  ],
  ...["::/0", "fd00::/8", "fd00:1::/32", "fd00:1::/64", "fd00:1::5/128"],
];
const aPrefix = fc.constantFrom(...PREFIXES);
/** The ends of each prefix, and what is beside them. */
const anAddress = fc.oneof(
  aPrefix.chain((text) => {
    const prefix = parsePrefix(text) as Prefix;
    const { family } = prefix;
    const most = family === 4 ? (1n << 32n) - 1n : (1n << 128n) - 1n;
    const near = [prefix.first, lastOf(prefix).value, prefix.first - 1n, lastOf(prefix).value + 1n];
    return fc.constantFrom(
      ...near.filter((value) => value >= 0n && value <= most).map((value) => addressText({ family, value })),
    );
  }),
  fc.ipV4(),
);
const aPeer: fc.Arbitrary<RulePeer> = fc.oneof(
  whom.map((peer) => ({ kind: "pods" as const, ...peer })),
  fc.record({
    kind: fc.constant("cidr" as const),
    cidr: aPrefix,
    except: fc.array(aPrefix, { maxLength: 2 }),
  }),
);

export const aPort = fc.oneof(fc.constantFrom(0, 79, 80, 81, 443, 8080, 65_534, 65_535), fc.nat(65_535));
export const aProtocol = fc.constantFrom(1, 6, 17, 58, 132, 47, 255);
const aRange = fc.tuple(aPort, aPort).map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) }));
const aRulePort: fc.Arbitrary<RulePort> = fc.record({
  protocol: fc.option(aProtocol),
  port: fc.option(
    fc.oneof(
      aRange,
      aPort.map((port) => ({ from: port, to: port })),
      fc.constantFrom("http", "dns", "constructor").map((name) => ({ name })),
    ),
    { freq: 4 },
  ),
});

const aDirection = fc.constantFrom("ingress" as const, "egress" as const);
const aRule: fc.Arbitrary<Omit<PolicyRule, "place">> = fc.record({
  direction: aDirection,
  action: fc.constantFrom("allow", "allow", "deny"),
  peers: fc.option(fc.array(aPeer, { maxLength: 3 }), { freq: 2 }),
  ports: fc.option(fc.array(aRulePort, { maxLength: 3 }), { freq: 4 }),
});
const aPolicy: fc.Arbitrary<Omit<Policy, "number">> = fc.record({
  revision: fc.integer({ min: 1, max: 3 }),
  namespace: fc.constantFrom(...NAMESPACES),
  name: fc.constant("any"),
  tier: fc.constantFrom("platform", "tenant", "tenant"),
  mode: fc.constantFrom("enforce", "enforce", "observe"),
  subject: fc.oneof(whom, fc.constant<Policy["subject"]>({ pods: [], namespaces: [] })),
  isolates: fc.uniqueArray(aDirection, { maxLength: 2 }),
  rules: fc
    .array(aRule, { maxLength: 5 })
    .map((rules) => rules.map((rule, at) => ({ ...rule, place: at + 1 })))
    .chain((rules) => fc.shuffledSubarray(rules, { minLength: rules.length })),
});
export const somePolicies: fc.Arbitrary<Policy[]> = fc
  .uniqueArray(fc.integer({ min: 1, max: 40 }), { maxLength: 7 })
  .chain((numbers) => fc.tuple(...numbers.map((number) => aPolicy.map((policy) => ({ ...policy, number })))));

export const anIdentity: fc.Arbitrary<PolicyIdentity> = fc.record({
  identity: fc.oneof(
    { weight: 8, arbitrary: fc.constant(300) },
    { weight: 1, arbitrary: fc.constantFrom(1, 2, 3, 4) },
  ),
  namespace: fc.constantFrom(...NAMESPACES),
  labels: someLabels,
  namespaceLabels: someLabels,
  ports: fc.dictionary(
    fc.constantFrom("http", "dns"),
    fc.record({ protocol: fc.constantFrom(6, 17, 132), port: aPort }),
  ),
});
export const anAttempt: fc.Arbitrary<Omit<Attempt, "protocol" | "port">> = fc.record({
  subject: anIdentity,
  direction: aDirection,
  peer: fc.record({
    identity: fc.option(anIdentity, { freq: 4 }),
    isHost: fc.oneof(
      { weight: 9, arbitrary: fc.constant(false) },
      { weight: 1, arbitrary: fc.constant(true) },
    ),
    address: anAddress,
  }),
});
