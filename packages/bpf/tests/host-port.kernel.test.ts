/*
 * Ports of the host that lead to a pod, with real packets: clients outside and a pod beside it reach it, it sees who they are,
 * and nothing is lost. What single packets look like is host-port-packets.kernel.test.ts's; that a socket is given the pod
 * when it connects, services.kernel.test.ts's.
 */
import { PathKind } from "@millrace/abi/generated/flow";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Actor } from "./actor.ts";
import { expectBooksBalance } from "./books.ts";
import { TestHost, type TestPod } from "./forwarder.ts";
import { FAR, Outside } from "./outside.ts";
import { addressBytes, PROTO } from "./packet-builder.ts";

const [PORT, POD_PORT] = [8080, 80];
const NARROW_MTU = 1300;
const families = ["ip4", "ip6"] as const;

let host: TestHost;
let outside: Outside;
let server: TestPod;
let beside: TestPod;
let actor: Actor;

beforeAll(async () => {
  host = new TestHost(1);
  outside = new Outside(host);
  server = host.addPod("a");
  beside = host.addPod("b");
  for (const proto of [PROTO.tcp, PROTO.udp]) host.publish(PORT, proto, server, POD_PORT);
  actor = await Actor.in(server.netns);
  for (const op of ["listen", "listenUdp"]) await actor.do(op, { port: POD_PORT, family: 6 });
});
afterAll(() => {
  actor[Symbol.dispose]();
  host[Symbol.dispose]();
  outside[Symbol.dispose]();
});

const addressOf = (family: (typeof families)[number]) => (family === "ip4" ? host.underlay4 : host.underlay6);

async function converse(client: Actor, to: string): Promise<void> {
  expect(await client.do("open", { id: 1, host: to, port: PORT })).toHaveProperty("localPort");
  await client.do("exchange", { id: 1, bytes: 2_000_000 });
  await client.do("close", { id: 1 });
  await client.do("udp", { host: to, port: PORT, bytes: 1200, count: 5, answer: true });
  await client.do("udp", { host: to, port: PORT, bytes: 5000, count: 5, answer: true });
}

test.each(families)("%s: a client outside is answered over TCP and UDP, also in pieces", async (family) => {
  using client = await Actor.in(outside.far);
  await converse(client, addressOf(family));
  const flows = host
    .flowsOf(server)
    .filter(({ key }) => Buffer.compare(key.daddr, addressBytes(FAR[family])) === 0);
  expect(new Set(flows.map(({ record }) => record.path.kind))).toEqual(new Set([PathKind.MASQUERADE]));
  expect(new Set(flows.map(({ key }) => key.proto))).toEqual(new Set([PROTO.tcp, PROTO.udp]));
  const bulk = flows.find(({ key }) => key.proto === PROTO.tcp)?.record;
  // All but the first few by the short way.
  expect(bulk?.path.slowPackets).toBeLessThan(Number(bulk?.counters[1]?.packets) / 2);
  expect(host.ownDrops()).toEqual({});
});

test("the pod sees the client's own address", async () => {
  using client = await Actor.in(outside.far);
  const { localPort } = await client.do("open", { id: 1, host: host.underlay4, port: PORT });
  expect(server.netns.sh(`ss -Htn state established sport = :${POD_PORT}`)).toContain(
    `${FAR.ip4}]:${localPort}`,
  );
  await client.do("close", { id: 1 });
});

test.each(families)(
  "%s: a pod of the same host is answered from the address that it asked",
  async (family) => {
    using client = await Actor.in(beside.netns);
    await converse(client, addressOf(family));
    expect(host.ownDrops()).toEqual({});
  },
);

test.each(families)("%s: another port of the host is the host's own", async (family) => {
  using own = await Actor.in(host.netns);
  await own.do("listen", { port: 9000, family: 6 });
  for (const netns of [outside.far, beside.netns]) {
    using client = await Actor.in(netns);
    await client.do("open", { id: 1, host: addressOf(family), port: 9000 });
    await client.do("exchange", { id: 1, bytes: 10_000 });
    await client.do("close", { id: 1 });
  }
});

describe("a narrow link outside", () => {
  beforeAll(() => {
    outside.router.sh(`ip link set f0 mtu ${NARROW_MTU}`);
    outside.far.sh(`ip link set eth0 mtu ${NARROW_MTU}`);
  });
  test.each(families)("%s: what the pod answers finds its way", async (family) => {
    using client = await Actor.in(outside.far);
    await client.do("open", { id: 1, host: addressOf(family), port: PORT });
    await client.do("exchange", { id: 1, bytes: 1_000_000 });
    await client.do("close", { id: 1 });
  });
});

test("what the pods' flows and classes add up to is what their interfaces count", async () => {
  for (const pod of [server, beside]) await expectBooksBalance(host, pod);
});
