/*
 * What sockets tell: RTT where packets pass and where only the socket's turns are seen, retransmits, and
 * connections older than the observer.
 */
import { NetnsKind } from "@millrace/abi/generated/endpoint";
import { readSocketSample, SOCKET_SAMPLE_SIZE, type SocketSample } from "@millrace/abi/generated/socket";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Actor } from "./actor.ts";
import { Belongings } from "./belongings.ts";
import { ENDPOINT_ID, keyOf } from "./expectations.ts";
import { ifindexOf } from "./injector.ts";
import { TestNetns, vethPair } from "./netns.ts";
import { type Flow, Observer, viewOf, type Way } from "./observer.ts";
import { PROTO } from "./packet-builder.ts";
import { eventually } from "./waiting.ts";

const POD = "10.9.0.2";
const PEER = "10.9.0.1";
const PROGRAMS = [
  "endpoint_ingress",
  "endpoint_egress",
  "tcp_sockops",
  "tcp_sockets",
  "tcp_retransmit",
  "tcp_retransmit_answer",
  "tcp_state_changed",
];
const ESTABLISHED = 1;
const ROUND_TRIP_LIMIT_US = 1_000_000;

let mine: Belongings;
let observer: Observer;
let peer: TestNetns;
let pod: Actor;
let other: Actor;

beforeEach(async () => {
  mine = new Belongings();
  observer = mine.use(new Observer("sockets", { programs: PROGRAMS }));
  peer = mine.use(new TestNetns("peer"));
  vethPair(observer.netns, peer);
  observer.addNetns(observer.cookie, NetnsKind.POD, [ENDPOINT_ID]);
  pod = mine.use(await Actor.in(observer.netns));
  other = mine.use(await Actor.in(peer));
});
afterEach(() => mine[Symbol.dispose]());

function observe(...ways: Way[]): void {
  const ifindex = ifindexOf(observer.netns, "eth0");
  observer.addEndpoint(ENDPOINT_ID, ifindex);
  for (const way of ways) observer.attach(way, ifindex);
}

const flowTo = (port: number): Flow | undefined => observer.flows().find((flow) => flow.key.dport === port);

async function exchange(port: number, bytes = 10_000): Promise<void> {
  await other.do("listen", { port });
  await pod.do("open", { id: port, host: PEER, port });
  await pod.do("exchange", { id: port, bytes });
}

test("the egress hook reads the RTT off the sending socket", async () => {
  observe("ingress", "egress");
  await exchange(8001);
  const { rttUs = 0, rttMinUs = 0 } = flowTo(8001)?.record ?? {};
  expect(rttUs).toBeGreaterThan(0);
  expect(rttUs).toBeLessThan(ROUND_TRIP_LIMIT_US);
  expect(rttMinUs).toBeGreaterThan(0);
  expect(rttMinUs).toBeLessThanOrEqual(rttUs);
});

test("without egress packets in sight, the socket itself reports its RTT when it closes", async () => {
  observe("ingress");
  observer.attachSockops();
  await exchange(8002);
  await pod.do("close", { id: 8002 });
  const { record } = (await eventually("an RTT", () =>
    [flowTo(8002)].find((flow) => flow && flow.record.rttUs > 0),
  )) as Flow;
  expect(record.rttUs).toBeLessThan(ROUND_TRIP_LIMIT_US);
});

test("sockets of namespaces that are not ours are not touched", async () => {
  observe("ingress");
  observer.attachSockops();
  observer.object.map("netns").delete(observer.object.map("netns").nextKey() as Buffer);
  await exchange(8003);
  await pod.do("close", { id: 8003 });
  expect(flowTo(8003)?.record.rttUs).toBe(0);
});

test("retransmits count by segment, the sender's only, and stop with the loss", async () => {
  observe("ingress", "egress");
  observer.attachTracing("tcp_retransmit");
  await exchange(8004);
  expect(flowTo(8004)?.record.retransmits).toBe(0);
  peer.run("nft", "add table inet t");
  peer.run("nft", "add chain inet t input { type filter hook input priority 0; }");
  peer.run("nft", "add rule inet t input tcp dport 8004 meta length > 500 drop");
  await pod.do("send", { id: 8004, bytes: 1000 });
  await eventually("a retransmit", () => (flowTo(8004)?.record.retransmits ?? 0) >= 2);
  peer.run("nft", "delete table inet t");
});

test("an unanswered SYN/ACK counts as the server's retransmit", async () => {
  observe("ingress", "egress");
  observer.attachTracing("tcp_retransmit_answer");
  await pod.do("listen", { port: 8005 });
  peer.run("nft", "add table inet t");
  peer.run("nft", "add chain inet t input { type filter hook input priority 0; }");
  peer.run("nft", "add rule inet t input tcp sport 8005 drop");
  void other.do("open", { id: 1, host: POD, port: 8005 }).catch(() => {});
  await eventually("a retransmit", () =>
    observer.flows().some((flow) => flow.key.sport === 8005 && flow.record.retransmits >= 1),
  );
});

test("a server's socket has its cgroup before it sends a byte of its own", async () => {
  observe("ingress");
  observer.attachTracing("tcp_state_changed");
  await pod.do("listen", { port: 8006, echo: false });
  await other.do("open", { id: 1, host: POD, port: 8006 });
  const flow = await eventually("a cgroup", () =>
    observer.flows().find((f) => f.key.sport === 8006 && f.record.cgroupId > 0n),
  );
  expect(flow.record.counters[0]?.packets).toBe(0n);
});

test("connections older than the observer are read from the namespace's sockets, and only from it", async () => {
  await exchange(8007, 50_000);
  const output = observer.object.program("tcp_sockets").iterate({ netns: observer.netns.path });
  expect(output.length % SOCKET_SAMPLE_SIZE).toBe(0);
  const samples = Array.from(
    { length: output.length / SOCKET_SAMPLE_SIZE },
    (_, i): SocketSample => readSocketSample(viewOf(output), i * SOCKET_SAMPLE_SIZE),
  );
  expect(samples).toHaveLength(1);
  const [sample] = samples as [SocketSample];
  const { sport } = sample.key;
  expect(sample.key).toEqual(
    keyOf({ saddr: POD, daddr: PEER, sport, dport: 8007, proto: PROTO.tcp, endpointId: 0 }),
  );
  expect(sample).toMatchObject({ state: ESTABLISHED, netnsCookie: observer.cookie, retransmits: 0 });
  expect(sample.rttUs).toBeGreaterThan(0);
  expect(sample.bytesReceived).toBe(50_000n);
  expect(sample.bytesAcked).toBeGreaterThanOrEqual(50_000n);
  expect(sample.cgroupId).toBeGreaterThan(0n);
});
