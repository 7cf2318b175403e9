/*
 * Policy between real pods with real packets: on one host and between two, directly and through the overlay, under an
 * open connection. How the tables come to be is the agent's.
 */
import { EndpointClass } from "@millrace/abi/generated/endpoint";
import { type FlowCounters, type FlowRecord, PathKind, Verdict } from "@millrace/abi/generated/flow";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Actor } from "./actor.ts";
import { TestHost, type TestPod, wire } from "./forwarder.ts";
import { plus } from "./observer.ts";
import { addressBytes, PROTO } from "./packet-builder.ts";
import { TestPolicy, type TestRule } from "./policy-tables.ts";
import { sumOfClasses, sumOfFlows } from "./sums.ts";
import { eventually, settled } from "./waiting.ts";

const DENY: TestRule = { verdict: "DROP", rule: 256, revision: 1 };
const ALLOW: TestRule = { verdict: "FORWARD", rule: 257, revision: 2 };

let h1: TestHost;
let h2: TestHost;
let a: TestPod;
let b: TestPod;
let c: TestPod;
let policies: Map<TestHost, TestPolicy>;

beforeAll(() => {
  h1 = new TestHost(1);
  h2 = new TestHost(2);
  wire(h1, h2);
  [a, b, c] = [h1.addPod("a", { mtu: 1450 }), h1.addPod("b", { mtu: 1450 }), h2.addPod("c", { mtu: 1450 })];
  policies = new Map([h1, h2].map((host) => [host, new TestPolicy(host)]));
});
beforeEach(() => {
  for (const host of [h1, h2]) {
    for (const name of ["flows", "drops"]) {
      const map = host.object.map(name);
      for (let key = map.nextKey(); key; key = map.nextKey()) map.delete(key);
    }
    host.policySet = 0;
    host.commit();
  }
});
afterAll(() => {
  h1[Symbol.dispose]();
  h2[Symbol.dispose]();
});

/** `to` may be reached by `from` as the rule says, and by nobody else; all others are free. */
function admit(on: TestHost, to: TestPod, from: TestPod, rule: TestRule): void {
  const policy = (policies.get(on) as TestPolicy).begin();
  for (const pod of on.pods) policy.subject(pod.endpointId, ...(pod === to ? (["ingress"] as const) : []));
  policy.judge(to.endpointId, "ingress", { identity: from.identity }, [rule]).hold();
}

const flowTo = (host: TestHost, pod: TestPod, peer: string, port: number) =>
  host
    .flowsOf(pod)
    .find(({ key }) => key.sport === port && Buffer.compare(key.daddr, addressBytes(peer)) === 0);

describe.each([
  ["on one host", () => [h1, b] as const, undefined],
  ["between hosts, through the overlay: the identity comes in the tunnel", () => [h2, c] as const, "OVERLAY"],
  ["between hosts, directly: the identity comes with the route", () => [h2, c] as const, "DIRECT"],
] as const)("%s", (_name, where, kind) => {
  beforeAll(() => {
    if (kind === undefined) return;
    h1.reach(h2, PathKind[kind]);
    h2.reach(h1, PathKind[kind]);
    for (const address of [a.ip4, a.ip6])
      h2.route(address, 128, {
        ...{ kind: PathKind[kind], remote: 1 },
        identity: kind === "DIRECT" ? a.identity : 0,
      });
  });

  test.each(["ip4", "ip6"] as const)(
    "%s: a change cuts an open connection off, and a change lets it go on where it was",
    async (family) => {
      const [host, to] = where();
      const port = family === "ip4" ? 7004 : 7006;
      admit(host, to, a, ALLOW);
      using server = await Actor.in(to.netns);
      using client = await Actor.in(a.netns);
      await server.do("listen", { port, family: family === "ip4" ? 4 : 6 });
      expect(await client.do("open", { id: 1, host: to[family], port })).toHaveProperty("localPort");
      await client.do("exchange", { id: 1, bytes: 500_000 });
      expect(host.ownDrops()).toEqual({});
      expect(flowTo(host, to, a[family], port)?.record.path).toMatchObject({
        ...{ verdict: Verdict.FORWARD, rule: 257, peerIdentity: a.identity },
      });

      const changed = performance.now();
      admit(host, to, a, DENY);
      await client.do("send", { id: 1, bytes: 1000 });
      await eventually("packets are dropped", () => (host.ownDrops().POLICY ?? 0) > 0);
      console.info(`${_name}, ${family}: cut off within ${(performance.now() - changed).toFixed(1)} ms`);
      expect(flowTo(host, to, a[family], port)?.record.path).toMatchObject({
        ...{ verdict: Verdict.DROP, rule: 256, revision: 1 },
      });

      admit(host, to, a, ALLOW);
      await client.do("exchange", { id: 1, bytes: 500_000 });
      await client.do("close", { id: 1 });
      expect(flowTo(host, to, a[family], port)?.record.path.verdict).toBe(Verdict.FORWARD);
    },
  );

  test("who isn't allowed gets no connection, and hears nothing", async () => {
    const [host, to] = where();
    admit(host, to, a, DENY);
    expect(() => a.netns.sh(`ping -c 1 -W 1 ${to.ip4}`)).toThrow();
    expect(host.ownDrops()).toEqual({ POLICY: 1 });
    admit(host, to, a, ALLOW);
    a.netns.sh(`ping -c 1 -W 2 ${to.ip4}`);
    to.netns.sh(`ping -c 1 -W 2 ${a.ip6}`);
  });

  test("what was dropped is in nobody's received packets, and what was sent in the sender's", async () => {
    const [host, to] = where();
    const before = await settled("the receiver's books", () => received(host, to));
    admit(host, to, a, DENY);
    expect(() => a.netns.sh(`ping -c 5 -i 0.05 -W 1 ${to.ip4}`)).toThrow();
    expect(echoes(host, to)).toMatchObject({ received: 0n, drops: 5n });
    expect(echoes(h1, a).sent).toBe(5n);
    admit(host, to, a, ALLOW);
    a.netns.sh(`ping -c 3 -i 0.05 -W 2 ${to.ip4}`);
    expect(echoes(host, to)).toMatchObject({ received: 3n, drops: 5n });
    const after = await settled("the receiver's books", () => received(host, to));
    const total = minus(after.total, before.total);
    expect(total.packets).toBeGreaterThanOrEqual(3n);
    expect(minus(after.accounted, before.accounted)).toEqual(total);
  });
});

/** Of each program's that asked there is a flow. */
function echoes(host: TestHost, pod: TestPod): { sent: bigint; received: bigint; drops: bigint } {
  const records = host.flowsOf(pod).filter(({ key }) => key.proto === PROTO.icmp);
  const sum = (of: (record: FlowRecord) => bigint | undefined) =>
    records.reduce((all, { record }) => all + (of(record) ?? 0n), 0n);
  return {
    sent: sum(({ counters }) => counters[0]?.packets),
    received: sum(({ counters }) => counters[1]?.packets),
    drops: sum(({ drops }) => drops),
  };
}

const TOTAL = EndpointClass.TOTAL;
const minus = (a: FlowCounters, b: FlowCounters): FlowCounters => ({
  packets: a.packets - b.packets,
  segments: a.segments - b.segments,
  bytes: a.bytes - b.bytes,
});
/** What a pod's endpoint counted as received, and what of it stands in flows and classes. */
function received(host: TestHost, pod: TestPod): { total: FlowCounters; accounted: FlowCounters } {
  const endpoint = host.endpoint(pod);
  const flows = sumOfFlows(host.flowsOf(pod), 1);
  return {
    total: endpoint.counters[1]?.[TOTAL] as FlowCounters,
    accounted: plus(flows, sumOfClasses(endpoint, 1, TOTAL)),
  };
}

test("the host reaches a pod that nobody may reach", () => {
  for (const address of [h1.underlay4, h1.underlay6])
    h1.route(address, 128, { kind: PathKind.HOST, identity: 1 });
  admit(h1, b, a, DENY);
  policies.get(h1)?.judge(b.endpointId, "ingress", { identity: 1 });
  h1.netns.sh(`ping -c 1 -W 2 -I ${h1.underlay4} ${b.ip4}`);
  expect(() => a.netns.sh(`ping -c 1 -W 1 ${b.ip4}`)).toThrow();
});
