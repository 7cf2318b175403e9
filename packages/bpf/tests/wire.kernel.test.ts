/*
 * The real hooks on real devices with real traffic: what a container's interface counts is what we count,
 * and what only a live stack shows (VLAN acceleration, segmentation, devices without link headers).
 */
import { EndpointClass } from "@millrace/abi/generated/endpoint";
import type { FlowCounters } from "@millrace/abi/generated/flow";
import { links } from "@millrace/native/native";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Actor } from "./actor.ts";
import { Belongings } from "./belongings.ts";
import { ENDPOINT_ID, expectConserved, keyOf } from "./expectations.ts";
import { Injector, ifindexOf, silentDevice } from "./injector.ts";
import { TestNetns, vethPair } from "./netns.ts";
import { Observer } from "./observer.ts";
import { PROTO, packet } from "./packet-builder.ts";
import { settled } from "./waiting.ts";

const POD = "10.9.0.2";
const PEER = "10.9.0.1";
const PEER6 = "fd09::1";

let mine: Belongings;
let observer: Observer;
let peer: TestNetns;

/** The pod's eth0, observed both ways from before its first packet; so is what `offloads` sets. */
function observeEth0(offloads: () => void = () => {}): number {
  vethPair(observer.netns, peer, () => {
    offloads();
    const ifindex = ifindexOf(observer.netns, "eth0");
    observer.addEndpoint(ENDPOINT_ID, ifindex);
    for (const way of ["ingress", "egress"] as const) observer.attach(way, ifindex);
  });
  return ifindexOf(observer.netns, "eth0");
}

beforeEach(() => {
  mine = new Belongings();
  observer = mine.use(new Observer("wire"));
  peer = mine.use(new TestNetns("peer"));
});
afterEach(() => mine[Symbol.dispose]());

function deviceCounters(): Pick<FlowCounters, "packets" | "bytes">[] {
  const stats64 = links(observer.netns.path).find((l) => l.name === "eth0")?.stats64 ?? {};
  return ["tx", "rx"].map((way) => ({
    packets: stats64[`${way}_packets`] ?? 0n,
    bytes: stats64[`${way}_bytes`] ?? 0n,
  }));
}

async function mixedTraffic(): Promise<void> {
  const server = mine.use(await Actor.in(peer));
  const client = mine.use(await Actor.in(observer.netns));
  for (const [family, host] of [
    [4, PEER],
    [6, PEER6],
  ] as const) {
    await server.do("listen", { port: 8000 + family, family });
    await server.do("listenUdp", { port: 9000 + family, family });
    await client.do("open", { id: family, host, port: 8000 + family });
    await client.do("exchange", { id: family, bytes: 3_000_000 });
    await client.do("close", { id: family });
    await client.do("udp", { host, port: 9000 + family, bytes: 5000, count: 20, answer: true });
    observer.netns.sh(`ping -q -c 3 -i 0.01 ${host}`);
  }
}

test.each(["on", "off"])(
  "with segmentation offload %s, the interface's packets and bytes equal ours, and ours equal the flows",
  async (offload) => {
    const ifindex = observeEth0(() => {
      observer.netns.sh(`ethtool -K eth0 tso ${offload} gso ${offload}`);
      peer.sh(`ethtool -K veth0 tso ${offload} gso ${offload}`);
    });
    await mixedTraffic();

    const { seen, device } = await settled("the counters", () => ({
      seen: (["egress", "ingress"] as const).map((way) =>
        observer.counters(way, EndpointClass.TOTAL, ifindex),
      ),
      device: deviceCounters(),
    }));
    expect(seen.map(({ packets, bytes }) => ({ packets, bytes }))).toEqual(device);
    expectConserved(observer, ifindex);
    const [out] = seen;
    if (offload === "on") expect(out?.segments).toBeGreaterThan(out?.packets as bigint);
    else expect(out?.segments).toBe(out?.packets);
    expect(Number(out?.segments)).toBeGreaterThan(6_000_000 / 1500);
    expect(observer.notes(ifindex).FRAGMENT).toBeGreaterThan(100);
    expect(observer.notes(ifindex).FRAGMENT_UNMATCHED).toBeUndefined();
  },
);

const TCP_HEADERS = 14n + 20n + 32n;

/** What the interface counts of a transfer, once pieces are counted as pieces, each with headers of its own. */
function inPieces({ packets, segments, bytes }: FlowCounters): Pick<FlowCounters, "packets" | "bytes"> {
  return { packets: segments, bytes: bytes + (segments - packets) * TCP_HEADERS };
}

/** From the pod or to it; the counters of that direction, ours and the interface's. */
async function transfer(ifindex: number, way: "egress" | "ingress") {
  const [from, to, host] = way === "egress" ? [observer.netns, peer, PEER] : [peer, observer.netns, POD];
  const server = mine.use(await Actor.in(to));
  const client = mine.use(await Actor.in(from));
  await server.do("listen", { port: 8000, echo: false });
  await client.do("open", { id: 1, host, port: 8000 });
  await client.do("send", { id: 1, bytes: 400_000 });
  await client.do("close", { id: 1 });
  return settled("the counters", () => ({
    seen: observer.counters(way, EndpointClass.TOTAL, ifindex),
    device: deviceCounters()[way === "egress" ? 0 : 1],
  }));
}

test("a queue that cuts buffers up behind our hook: the interface counts our segments", async () => {
  const ifindex = observeEth0();
  observer.netns.sh("tc qdisc replace dev eth0 root tbf rate 1gbit burst 1600 limit 10mb");
  const { seen, device } = await transfer(ifindex, "egress");
  expect(seen.segments).toBeGreaterThan(seen.packets + 50n);
  expect(device).toEqual(inPieces(seen));
  expectConserved(observer, ifindex);
});

test("a device that merges what it receives before our hook: the interface counts our segments", async () => {
  const ifindex = observeEth0(() => {
    observer.netns.sh("ethtool -K eth0 gro on");
    peer.sh("ethtool -K veth0 tso off gso off");
  });
  const { seen, device } = await transfer(ifindex, "ingress");
  expect(seen.segments).toBeGreaterThan(seen.packets + 50n);
  const { packets, bytes } = inPieces(seen);
  // A veth that merges counts what it received without the link header; one that doesn't counts it with.
  expect(device).toEqual({ packets, bytes: bytes - packets * 14n });
  expectConserved(observer, ifindex);
});

test("a received frame with a tag inside is counted without it, as the stack hands it on", () => {
  const injector = mine.use(new Injector());
  observer = mine.use(new Observer("tagged", { ipv6: false }));
  const ifindex = silentDevice(observer.netns);
  observer.addEndpoint(ENDPOINT_ID, ifindex);
  observer.attach("ingress", ifindex);
  const frame = packet().ethernet().vlan(7).ip4(PEER, POD).udp(53, 4000).bytes();
  injector.inject(observer.netns, ifindex, frame);
  const { key, record } = observer.flow();
  expect(key).toEqual(keyOf({ saddr: POD, daddr: PEER, sport: 4000, dport: 53, proto: PROTO.udp, vlan: 7 }));
  expect(record.counters[1]?.bytes).toBe(BigInt(frame.length - 4));
});

test("a device without a link header: packets begin with IP", () => {
  observeEth0();
  for (const [netns, remote, host] of [
    [observer.netns, PEER, 2],
    [peer, POD, 1],
  ] as const) {
    netns.sh("ip link add tun9 type vxlan dstport 4790 gpe external");
    netns.sh(`ip addr add 10.77.0.${host}/32 dev tun9`);
    netns.sh("ip link set tun9 up");
    netns.sh(`ip route add 10.77.0.${3 - host}/32 encap ip id 5 dst ${remote} dev tun9`);
  }
  const tunnel = ifindexOf(observer.netns, "tun9");
  observer.addEndpoint(ENDPOINT_ID + 1, tunnel);
  for (const way of ["ingress", "egress"] as const) observer.attach(way, tunnel);
  observer.netns.sh("ping -q -c 2 -i 0.01 10.77.0.1");
  const inner = observer
    .flows()
    .find((f) => f.key.endpointId === ENDPOINT_ID + 1 && f.key.proto === PROTO.icmp);
  expect(inner?.key.family).toBe(4);
  expect(inner?.record.counters.map((c) => [c.packets, c.bytes])).toEqual([
    [2n, 2n * 84n],
    [2n, 2n * 84n],
  ]);
  expect(observer.classes(tunnel).NOT_IP).toBeUndefined();
  const outer = observer.flows().find((f) => f.key.endpointId === ENDPOINT_ID && f.key.dport === 4790);
  expect(outer?.record.counters[0]?.packets).toBe(2n);
});

test("macvlan: the container's interface has no other side on the host, and counts as well", () => {
  peer.sh("ip link add base type veth peer name far");
  for (const device of ["base", "far"]) peer.sh(`ip link set ${device} up`);
  peer.sh(`ip link add link base name mv0 netns ${observer.netns.name} type macvlan mode bridge`);
  peer.sh("ip link add link base name mv1 type macvlan mode bridge");
  const ifindex = ifindexOf(observer.netns, "mv0");
  observer.addEndpoint(ENDPOINT_ID, ifindex);
  for (const way of ["ingress", "egress"] as const) observer.attach(way, ifindex);
  observer.netns.sh("ip addr add 10.50.0.2/24 dev mv0");
  peer.sh("ip addr add 10.50.0.1/24 dev mv1");
  peer.sh("ip link set mv1 up");
  observer.netns.sh("ip link set mv0 up");
  observer.netns.sh("ping -q -c 3 -i 0.01 10.50.0.1");
  const ping = observer.flows().find((flow) => flow.key.proto === PROTO.icmp);
  expect(ping?.record.counters.map((c) => [c.packets, c.bytes])).toEqual([
    [3n, 3n * 98n],
    [3n, 3n * 98n],
  ]);
});
