/*
 * Packets that the kernel really drops, in a pod, on the host, before and after our hooks: reason, place,
 * direction, flow; and that a flood is one counter.
 */
import { NetnsKind } from "@millrace/abi/generated/endpoint";
import {
  DROP_KEY_SIZE,
  DROP_RECORD_SIZE,
  type DropKey,
  type DropRecord,
  type EventDrop,
  EventKind,
  readDropKey,
  readDropRecord,
  readEventDrop,
} from "@millrace/abi/generated/event";
import { FlowDirection } from "@millrace/abi/generated/flow";
import { ObserverCount } from "@millrace/abi/generated/observer";
import { netnsCookie } from "@millrace/native/native";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Actor } from "./actor.ts";
import { Belongings } from "./belongings.ts";
import { fillDropClasses, reasonNameOf, setOrdinaryPlace } from "./drop-classes.ts";
import { ENDPOINT_ID, keyOf } from "./expectations.ts";
import { Injector, ifindexOf } from "./injector.ts";
import { TestNetns, vethPair } from "./netns.ts";
import { Observer, u32, viewOf } from "./observer.ts";
import { addressBytes, PROTO, packet, withChecksums } from "./packet-builder.ts";
import { RingRecords } from "./ring.ts";
import { eventually, settled } from "./waiting.ts";

const POD = "10.9.0.2";
const PEER = "10.9.0.1";
const POD6 = "fd09::2";
const PEER6 = "fd09::1";

let mine: Belongings;
let observer: Observer;
let peer: TestNetns;
let ifindex: number;

beforeEach(() => {
  mine = new Belongings();
  observer = mine.use(
    new Observer("drops", { programs: ["endpoint_ingress", "endpoint_egress", "packet_dropped"] }),
  );
  peer = mine.use(new TestNetns("peer"));
  fillDropClasses(observer.object.map("drop_classes"));
  vethPair(observer.netns, peer, () => {
    ifindex = ifindexOf(observer.netns, "eth0");
    observer.addEndpoint(ENDPOINT_ID, ifindex);
    for (const way of ["ingress", "egress"] as const) observer.attach(way, ifindex);
  });
  observer.addNetns(observer.cookie, NetnsKind.POD, [ENDPOINT_ID]);
  observer.attachTracing("packet_dropped");
});
afterEach(() => mine[Symbol.dispose]());

interface Drop {
  key: DropKey;
  record: DropRecord;
  reason: string;
}

function drops(): Drop[] {
  const { count, keys, values } = observer.object.map("drops").readAll();
  return Array.from({ length: count }, (_, i) => {
    const key = readDropKey(viewOf(keys), i * DROP_KEY_SIZE);
    return {
      key,
      record: readDropRecord(viewOf(values), i * DROP_RECORD_SIZE),
      reason: reasonNameOf(key.reason),
    };
  });
}

const dropOf = (reason: string) =>
  eventually(`a drop by ${reason}`, () => drops().find((drop) => drop.reason === reason));

/** Those at a port: neighbour discovery has drops of its own. */
async function dropEvents(ring: RingRecords, sport: number): Promise<EventDrop[]> {
  const found = () =>
    ring.records
      .filter((view) => view.getUint32(0, true) === EventKind.DROP)
      .map((view) => readEventDrop(view, 0))
      .filter((event) => event.key.flow.sport === sport);
  await eventually(`a drop event of port ${sport}`, () => found().length > 0);
  return found();
}

const nft = (netns: TestNetns, chain: string, rule: string) => {
  netns.run("nft", "add", "table", "inet", "t");
  netns.run("nft", `add chain inet t ${chain} { type filter hook ${chain} priority 0; }`);
  netns.run("nft", `add rule inet t ${chain} ${rule}`);
};

test.each([
  { family: "IPv4", pod: POD, other: PEER },
  { family: "IPv6", pod: POD6, other: PEER6 },
])(
  "a datagram to a closed port of the pod: NO_SOCKET, ingress, with its flow ($family)",
  async ({ pod, other }) => {
    const ring = mine.use(new RingRecords(observer.object.map("events")));
    const sender = mine.use(await Actor.in(peer));
    await sender.do("udp", { host: pod, port: 4999, bytes: 33, count: 3 });
    const drop = await eventually("three drops", () =>
      drops().find((d) => d.reason === "NO_SOCKET" && d.record.packets === 3n),
    );
    const { sport } = drop.key.flow;
    const sentFlow = keyOf({
      saddr: pod,
      daddr: other,
      sport: 4999,
      dport: drop.key.flow.dport,
      proto: PROTO.udp,
    });
    expect(sport).toBe(4999);
    expect(drop.key).toMatchObject({
      flow: sentFlow,
      direction: FlowDirection.INGRESS,
      netnsCookie: observer.cookie,
      ifindex,
    });
    expect(drop.key.location).toBeGreaterThan(0n);
    const { record } =
      observer.flows().find((f) => f.key.dport === drop.key.flow.dport && f.key.proto === PROTO.udp) ?? {};
    expect(record?.drops).toBe(3n);
    expect(reasonNameOf(record?.dropReason ?? 0)).toBe("NO_SOCKET");

    const [event] = await dropEvents(ring, 4999);
    expect(event?.key).toEqual(drop.key);
    const ip = event?.headers.subarray(0, event.headerBytes) ?? new Uint8Array();
    expect((ip[0] ?? 0) >> 4).toBe(pod === POD ? 4 : 6);
    expect(ip.subarray(pod === POD ? 12 : 8).subarray(0, pod === POD ? 4 : 16)).toEqual(
      addressBytes(other).subarray(pod === POD ? 12 : 0),
    );
  },
);

test("what a firewall rule drops on the way out was never at the hook: egress, no flow, the endpoint known", async () => {
  nft(observer.netns, "output", "udp dport 53 drop");
  const sender = mine.use(await Actor.in(observer.netns));
  await sender.do("udp", { host: PEER, port: 53 });
  const { key } = await dropOf("NETFILTER_DROP");
  expect(key.direction).toBe(FlowDirection.EGRESS);
  expect(key.flow).toEqual(
    keyOf({ saddr: POD, daddr: PEER, sport: key.flow.sport, dport: 53, proto: PROTO.udp }),
  );
  expect(observer.flows().filter((flow) => flow.key.dport === 53)).toEqual([]);
});

test("what a firewall rule drops on the way in was at the hook: ingress, and its flow counts it", async () => {
  nft(observer.netns, "input", "tcp dport 80 drop");
  const client = mine.use(await Actor.in(peer));
  void client.do("open", { id: 1, host: POD, port: 80 }).catch(() => {});
  const { key } = await dropOf("NETFILTER_DROP");
  expect(key.direction).toBe(FlowDirection.INGRESS);
  expect(key.flow).toMatchObject({ sport: 80, proto: PROTO.tcp, endpointId: ENDPOINT_ID });
  const flow = observer.flows().find((f) => f.key.sport === 80);
  expect(flow?.record.drops).toBeGreaterThan(0n);
});

test("a full queue of the pod's own interface: QDISC_DROP, egress, all of its packets in one record", async () => {
  observer.netns.sh("tc qdisc replace dev eth0 root tbf rate 8kbit burst 1600 limit 1600");
  const sender = mine.use(await Actor.in(observer.netns));
  await sender.do("udp", { host: PEER, port: 7, bytes: 1000, count: 50 });
  const dropped = () => drops().filter((d) => d.key.flow.dport === 7);
  const [drop] = await eventually("drops of the queue", () => dropped().length > 0 && dropped());
  expect(drop?.key.direction).toBe(FlowDirection.EGRESS);
  expect(["QDISC_DROP", "QDISC_OVERLIMIT"]).toContain(drop?.reason);
  const flow = observer.flows().find((f) => f.key.dport === 7);
  const total = dropped().reduce((sum, d) => sum + d.record.packets, 0n);
  expect(flow?.record.counters[0]?.packets).toBe(50n);
  expect(flow?.record.drops).toBe(total);
  expect(total).toBeGreaterThan(40n);
  expect(total).toBeLessThan(50n);
});

test("a queue that cuts up large buffers: each piece is one drop, as the queue counts them, and the hull is none", async () => {
  setOrdinaryPlace(observer.object, "NOT_SPECIFIED", "tbf_enqueue");
  observer.netns.sh("tc qdisc replace dev eth0 root tbf rate 8mbit burst 3000 limit 3000");
  const server = mine.use(await Actor.in(peer));
  const client = mine.use(await Actor.in(observer.netns));
  await server.do("listen", { port: 8000, echo: false });
  await client.do("open", { id: 1, host: PEER, port: 8000 });
  await client.do("send", { id: 1, bytes: 200_000 });
  const dropped = () =>
    drops()
      .filter(({ key }) => key.direction === FlowDirection.EGRESS)
      .reduce((sum, { record }) => sum + record.packets, 0n);
  const ofQueue = () =>
    BigInt(/dropped (\d+)/.exec(observer.netns.sh("tc -s qdisc show dev eth0"))?.[1] ?? -1);
  await eventually(
    "hulls are counted as ordinary ends, and pieces are dropped",
    () => observer.observed(ObserverCount.DROPS_ORDINARY) > 0 && ofQueue() > 10n,
  );
  await client.do("reset", { id: 1 });
  const { ours, queue } = await settled("the drops", () => ({ ours: dropped(), queue: ofQueue() }));
  expect(ours).toBe(queue);
});

test("a late segment of a connection in TIME_WAIT is answered, and no loss: only the place tells", async () => {
  observer.netns.sh("ip link set eth0 address 02:02:02:02:02:02");
  const injector = mine.use(new Injector());
  const server = mine.use(await Actor.in(peer));
  const client = mine.use(await Actor.in(observer.netns));
  await server.do("listen", { port: 8000 });
  /** The reasons of what was dropped when the server's last segment comes once more. */
  const afterClose = async (id: number): Promise<string[]> => {
    const { localPort } = (await client.do("open", { id, host: PEER, port: 8000 })) as { localPort: number };
    await client.do("close", { id });
    const again = packet().ethernet().ip4(PEER, POD).tcp(8000, localPort, { ack: true, fin: true }).bytes();
    injector.inject(observer.netns, ifindex, withChecksums(again));
    return drops().flatMap(({ key, reason }) => (key.flow.sport === localPort ? [reason] : []));
  };
  expect(await afterClose(1)).toEqual(["NOT_SPECIFIED"]);
  setOrdinaryPlace(observer.object, "NOT_SPECIFIED", "tcp_v4_rcv");
  const before = observer.observed(ObserverCount.DROPS_ORDINARY);
  expect(await afterClose(2)).toEqual([]);
  expect(observer.observed(ObserverCount.DROPS_ORDINARY)).toBeGreaterThan(before);
});

test("a flood is one record and one event", async () => {
  const ring = mine.use(new RingRecords(observer.object.map("events")));
  const sender = mine.use(await Actor.in(peer));
  await sender.do("udp", { host: POD, port: 4999, count: 2000 });
  const drop = await eventually("2000 drops", () => drops().find((d) => d.record.packets === 2000n));
  expect(drop.record.bytes).toBe(2000n * BigInt(drop.record.bytes / drop.record.packets));
  expect(await dropEvents(ring, 4999)).toHaveLength(1);
});

test("on the host, a packet is ours by its address; others' are only counted", async () => {
  const hostCookie = netnsCookie(peer.path);
  observer.addNetns(hostCookie, NetnsKind.HOST);
  observer.object.map("addresses").update(addressBytes(POD), u32(ENDPOINT_ID));
  nft(peer, "input", "udp dport 53 drop");
  const pod = mine.use(await Actor.in(observer.netns));
  const host = mine.use(await Actor.in(peer));
  await host.do("udp", { host: "127.0.0.1", port: 53 });
  await pod.do("udp", { host: PEER, port: 53 });
  const { key } = await dropOf("NETFILTER_DROP");
  expect(key).toMatchObject({ netnsCookie: hostCookie, direction: FlowDirection.EGRESS });
  expect(key.flow).toEqual(
    keyOf({ saddr: POD, daddr: PEER, sport: key.flow.sport, dport: 53, proto: PROTO.udp }),
  );
  expect(observer.flows().find((f) => f.key.dport === 53)?.record.drops).toBe(1n);
  expect(drops().filter((d) => d.reason === "NETFILTER_DROP")).toHaveLength(1);
  expect(observer.observed(ObserverCount.DROPS_OF_OTHERS)).toBeGreaterThanOrEqual(1);
});

test("namespaces nobody registered are left alone, and ordinary ends make no record", async () => {
  const stranger = mine.use(new TestNetns("stranger"));
  const elsewhere = mine.use(await Actor.in(stranger));
  await elsewhere.do("udp", { host: "127.0.0.1", port: 9 });
  const server = mine.use(await Actor.in(peer));
  const client = mine.use(await Actor.in(observer.netns));
  await server.do("listen", { port: 8080 });
  await client.do("open", { id: 1, host: PEER, port: 8080 });
  await client.do("exchange", { id: 1, bytes: 100_000 });
  await client.do("close", { id: 1 });
  expect(drops().filter((drop) => drop.key.flow.dport === 8080)).toEqual([]);
  expect(drops().filter((drop) => drop.key.netnsCookie !== observer.cookie)).toEqual([]);
});

test("over a pod's own loopback: reported for the namespace, for no endpoint", async () => {
  const pod = mine.use(await Actor.in(observer.netns));
  await pod.do("udp", { host: "127.0.0.1", port: 9 });
  const { key } = await dropOf("NO_SOCKET");
  expect(key.flow.endpointId).toBe(0);
  expect(key.netnsCookie).toBe(observer.cookie);
});

test("a ping's answer is freed without a socket after the raw one had it, and a group nobody joined: no losses", async () => {
  for (const to of [PEER, PEER6]) observer.netns.run("ping", "-c", "2", "-i", "0.05", "-q", to);
  await eventually("ordinary ends are counted", () => observer.observed(ObserverCount.DROPS_ORDINARY) >= 4);
  expect(
    drops().filter((drop) => drop.key.flow.proto === PROTO.icmp || drop.key.flow.proto === PROTO.icmp6),
  ).toEqual([]);
});
