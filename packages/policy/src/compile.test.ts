import type { Policy, PolicyRule } from "@millrace/contract/policy";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anAttempt, aPort, aProtocol, somePolicies } from "../test/arbitrary.ts";
import { PolicySet } from "./compile.ts";
import { judge } from "./judge.ts";
import { FORWARDED_BY_NOTHING, hasPorts } from "./judgement.ts";
import { longestMatch } from "./ruleset.ts";

/** Where a judgement may change: both sides of the end of each range, and names' ports. */
const edges = (policies: readonly Policy[]): number[] =>
  policies
    .flatMap(({ rules }) => rules.flatMap(({ ports }) => ports ?? []))
    .flatMap(({ port }) => (port && "from" in port ? [port.from - 1, port.from, port.to, port.to + 1] : []))
    .filter((port) => port >= 0 && port <= 65_535);

describe("for any policies, the longest match", () => {
  const runs = process.env.MILLRACE_SOAK === "1" ? 100_000 : 2000;
  test("is the judgement, at each edge of each range and elsewhere", { timeout: 3_600_000 }, () => {
    fc.assert(
      fc.property(
        ...[somePolicies, anAttempt, fc.array(fc.tuple(aProtocol, aPort), { minLength: 8, maxLength: 8 })],
        (policies, ends, probes) => {
          const set = new PolicySet(policies);
          const { subject, direction, peer } = ends;
          const entries = set.ruleset(subject, direction, { ...peer, cidrClass: set.classOf(peer.address) });
          expect(entries[0]).toMatchObject({ protocol: null, port: null });
          const named = [subject, peer.identity].flatMap((one) => Object.values(one?.ports ?? {}));
          const ports = [...edges(policies), ...named.map(({ port }) => port)];
          const atEdges = ports.flatMap((port) => [6, 17, 132].map((protocol) => [protocol, port] as const));
          for (const [protocol, anyPort] of [...probes, ...atEdges]) {
            const port = hasPorts(protocol) ? anyPort : null;
            const meant = judge(policies, { ...ends, protocol, port });
            expect({ protocol, port, ...longestMatch(entries, protocol, port) }).toEqual({
              protocol,
              port,
              ...meant,
            });
          }
        },
      ),
      { numRuns: runs },
    );
  });

  test("is forwarded by nothing, whoever the peer is, where the set doesn't select the subject", () => {
    fc.assert(
      fc.property(somePolicies, anAttempt, (policies, { subject, direction, peer }) => {
        const set = new PolicySet(policies);
        if (set.selects(subject)[direction]) return;
        const cidrClass = set.classOf(peer.address);
        expect(set.ruleset(subject, direction, { ...peer, cidrClass })).toEqual([
          { protocol: null, port: null, judgement: FORWARDED_BY_NOTHING },
        ]);
      }),
      { numRuns: 1000 },
    );
  });
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
const checkout = {
  ...{ identity: 300, namespace: "shop", labels: {}, namespaceLabels: {} },
  ports: { http: { protocol: 6, port: 8080 } },
};
const stranger = { identity: null, isHost: false, cidrClass: 0 };
const tcp = (from: number, to = from) => ({ protocol: 6, port: { from, to } });

describe("a ruleset", () => {
  test("is one entry where only the isolation speaks", () => {
    expect(new PolicySet([policy(3, {})]).ruleset(checkout, "ingress", stranger)).toEqual([
      {
        protocol: null,
        port: null,
        judgement: { verdict: "drop", wouldDrop: false, rule: 768, revision: 7 },
      },
    ]);
  });
  test("says a range in as few prefixes as it takes, one entry a port", () => {
    const rules = [rule(1, { ports: [tcp(80), tcp(8000, 8003)] })];
    const entries = new PolicySet([policy(3, { rules })]).ruleset(checkout, "ingress", stranger);
    expect(entries.map(({ protocol, port, judgement }) => [protocol, port, judgement.rule])).toEqual([
      [null, null, 768],
      [6, { value: 80, bits: 16 }, 769],
      [6, { value: 8000, bits: 14 }, 769],
    ]);
  });
  test("keeps rules apart that say the same, since flows bear the rule's number", () => {
    const rules = [rule(1, { ports: [tcp(80)] }), rule(2, { ports: [tcp(81)] })];
    const entries = new PolicySet([policy(3, { rules })]).ruleset(checkout, "ingress", stranger);
    expect(entries.map(({ judgement }) => judgement.rule)).toEqual([768, 769, 770]);
  });
  test("has a name's port as the receiver has it", () => {
    const rules = [rule(1, { ports: [{ protocol: 6, port: { name: "http" } }] })];
    const set = new PolicySet([policy(3, { rules })]);
    expect(set.ruleset(checkout, "ingress", stranger)[1]?.port).toEqual({ value: 8080, bits: 16 });
    expect(set.ruleset({ ...checkout, ports: {} }, "ingress", stranger)).toHaveLength(1);
  });
  test("is quick to make for the largest policy that there can be", { timeout: 5000 }, () => {
    const ports = Array.from({ length: 64 }, (_, at) => tcp(at * 900, at * 900 + 500));
    const rules = Array.from({ length: 255 }, (_, at) =>
      rule(at + 1, {
        ports: ports.map((one) => ({ ...one, port: { from: one.port.from + at, to: one.port.to } })),
      }),
    );
    expect(
      new PolicySet([policy(3, { rules })]).ruleset(checkout, "ingress", stranger).length,
    ).toBeGreaterThan(64);
  });
});

describe("classes of addresses", () => {
  const cidr = (text: string, ...except: string[]) => ({ kind: "cidr" as const, cidr: text, except });
  const naming = (...peers: ReturnType<typeof cidr>[]) => [policy(3, { rules: [rule(1, { peers })] })];

  test("are one for each distinct prefix, of excepts too, and an address has the longest's", () => {
    const set = new PolicySet(
      naming(cidr("10.0.0.0/8", "10.1.0.0/16"), cidr("10.0.0.0/8"), cidr("fd00::/8")),
    );
    expect([...set.cidrClasses()]).toEqual([
      ["10.0.0.0/8", 1],
      ["10.1.0.0/16", 2],
      ["fd00::/8", 3],
    ]);
    expect(
      ["10.9.9.9", "10.1.0.0", "fd00::1", "11.0.0.1", "fe00::1", "nonsense"].map((a) => set.classOf(a)),
    ).toEqual([1, 2, 3, 0, 0, 0]);
  });
  test("keep their numbers from one set to the next, and no number passes to another prefix at once", () => {
    const before = new PolicySet(naming(cidr("10.0.0.0/8"), cidr("172.16.0.0/12")));
    const after = new PolicySet(naming(cidr("10.0.0.0/9"), cidr("172.16.0.0/12")), before);
    expect(Object.fromEntries(after.cidrClasses())).toEqual({ "10.0.0.0/9": 3, "172.16.0.0/12": 2 });
  });
  test("that are no prefixes are refused", () => {
    expect(() => new PolicySet(naming(cidr("10.0.0.1/8")))).toThrow("“10.0.0.1/8” is no address prefix");
  });
});
