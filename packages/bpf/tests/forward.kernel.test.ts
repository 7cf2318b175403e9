/*
 * The dataplane carries real packets between real pods: on one host, between hosts directly and through the overlay,
 * to and from the host itself. What it counts is what the pods' interfaces count.
 */

import { PathKind, Verdict } from "@millrace/abi/generated/flow";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Actor } from "./actor.ts";
import { expectBooksBalance } from "./books.ts";
import { TestHost, type TestPod, wire } from "./forwarder.ts";
import { addressBytes } from "./packet-builder.ts";

let h1: TestHost;
let h2: TestHost;
let a: TestPod;
let b: TestPod;
let c: TestPod;

beforeAll(() => {
  h1 = new TestHost(1);
  h2 = new TestHost(2);
  wire(h1, h2);
  a = h1.addPod("a", { mtu: 1450 });
  b = h1.addPod("b", { mtu: 1450 });
  c = h2.addPod("c", { mtu: 1450 });
});
afterAll(() => {
  h1[Symbol.dispose]();
  h2[Symbol.dispose]();
});

const ping = (from: TestPod, to: string, size = 56) =>
  from.netns.sh(`ping -c 3 -i 0.2 -W 2 -M do -s ${size} ${to}`);

async function exchange(from: TestPod, to: TestPod, host: string, port: number): Promise<void> {
  using server = await Actor.in(to.netns);
  using client = await Actor.in(from.netns);
  const family = host.includes(":") ? 6 : 4;
  await server.do("listen", { port, family });
  await server.do("listenUdp", { port, family });
  expect(await client.do("open", { id: 1, host, port })).toHaveProperty("localPort");
  await client.do("exchange", { id: 1, bytes: 3_000_000 });
  await client.do("close", { id: 1 });
  await client.do("udp", { host, port, bytes: 1200, count: 5, answer: true });
}

const tcpFlow = (host: TestHost, pod: TestPod, peer: string, port: number) =>
  host
    .flowsOf(pod)
    .find(
      ({ key }) =>
        key.proto === 6 && key.dport === port && Buffer.compare(key.daddr, addressBytes(peer)) === 0,
    );

describe.each([
  ["on one host", 7001, () => b, undefined],
  ["between hosts, directly", 7002, () => c, PathKind.DIRECT],
  ["between hosts, through the overlay", 7003, () => c, PathKind.OVERLAY],
] as const)("%s", (_name, port, other, kind) => {
  beforeAll(() => {
    if (!kind) return;
    h1.reach(h2, kind);
    h2.reach(h1, kind);
  });
  test.each(["ip4", "ip6"] as const)("%s: echo, TCP and UDP arrive whole", async (family) => {
    const to = other();
    ping(a, to[family]);
    await exchange(a, to, to[family], port);
    const flow = tcpFlow(h1, a, to[family], port);
    expect(flow?.record.path.kind).toBe(kind ?? PathKind.LOCAL);
    expect(flow?.record.path.verdict).toBe(Verdict.FORWARD);
    expect(h1.ownDrops()).toEqual({});
    expect(h2.ownDrops()).toEqual({});
  });
});

test("the host reaches its pods, and they it", () => {
  h1.netns.sh(`ping -c 1 -W 2 ${a.ip4}`);
  h1.netns.sh(`ping -c 1 -W 2 ${a.ip6}`);
  ping(a, h1.underlay4);
  ping(a, h1.underlay6);
});

test.each([
  ["a", () => [h1, a] as const],
  ["b", () => [h1, b] as const],
  ["c", () => [h2, c] as const],
])("what pod %s's flows and classes add up to is what its interface counts", async (_name, which) => {
  await expectBooksBalance(...which());
});
