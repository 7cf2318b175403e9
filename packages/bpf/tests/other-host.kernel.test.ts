/*
 * Frames that reach a container and are meant for another: which of them are its own after all, and that
 * those which are not make no flow, and are still in the sum.
 */
import { EndpointClass } from "@millrace/abi/generated/endpoint";
import { FlowDirection } from "@millrace/abi/generated/flow";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Belongings } from "./belongings.ts";
import { ENDPOINT_ID, expectConserved } from "./expectations.ts";
import { ifindexOf } from "./injector.ts";
import { TestNetns } from "./netns.ts";
import { Observer } from "./observer.ts";
import { PROTO, packet } from "./packet-builder.ts";
import { settled } from "./waiting.ts";

const STRANGER = Uint8Array.of(2, 0, 0, 0, 0, 9);
const FROM = "10.60.0.1";
const TO = "10.60.0.3";

let mine: Belongings;
let observer: Observer;
let host: TestNetns;

beforeEach(() => {
  mine = new Belongings();
  observer = mine.use(new Observer("others", { ipv6: false }));
  host = mine.use(new TestNetns("bridge", { ipv6: false }));
});
afterEach(() => mine[Symbol.dispose]());

/** A container on the host's bridge: its namespace has eth0. */
function join(netns: TestNetns, port: string, address: string): void {
  netns.sh(`ip link add eth0 type veth peer name ${port} netns ${host.name}`);
  host.sh(`ip link set ${port} master br0 up`);
  netns.sh(`ip addr add ${address}/24 dev eth0`);
}

/** So that nobody has to ask, and the only frames are the test's. */
function neighbour(netns: TestNetns, address: string, of: TestNetns): void {
  const mac = /link\/ether (\S+)/.exec(of.sh("ip -o link show eth0"))?.[1];
  netns.sh(`ip neigh add ${address} lladdr ${mac} dev eth0 nud permanent`);
}

function observe(device: string): number {
  const ifindex = ifindexOf(observer.netns, device);
  observer.addEndpoint(ENDPOINT_ID, ifindex);
  for (const way of ["ingress", "egress"] as const) observer.attach(way, ifindex);
  return ifindex;
}

test("what a bridge floods to a container for another one is counted apart, in no flow, and in the sum", async () => {
  const [one, other] = [
    mine.use(new TestNetns("one", { ipv6: false })),
    mine.use(new TestNetns("other", { ipv6: false })),
  ];
  host.sh("ip link add br0 type bridge");
  host.sh("ip link set br0 up");
  join(one, "port1", FROM);
  join(observer.netns, "port2", "10.60.0.2");
  join(other, "port3", TO);
  const ifindex = observe("eth0");
  // The bridge learns nothing, as one whose entry has aged out, or whose table is full.
  for (const port of ["port1", "port2", "port3"])
    host.sh(`ip link set ${port} type bridge_slave learning off`);
  for (const netns of [one, observer.netns, other]) netns.sh("ip link set eth0 up");
  neighbour(one, TO, other);
  neighbour(other, FROM, one);
  one.sh(`ping -q -c 5 -i 0.01 ${TO}`);

  const { seen } = await settled("the counters", () => ({ seen: observer.endpoint(ifindex) }));
  const ingress = seen.counters[FlowDirection.INGRESS];
  expect(ingress?.[EndpointClass.OTHER_HOST]).toEqual({ packets: 10n, segments: 10n, bytes: 10n * 98n });
  expect(observer.flows().filter(({ key }) => key.proto === PROTO.icmp)).toEqual([]);
  expectConserved(observer, ifindex);
});

test("a frame for another address is nobody's here, whatever it holds", () => {
  observer.addEndpoint(ENDPOINT_ID);
  const frame = packet().ethernet(undefined, STRANGER).ip4(FROM, TO).udp(53, 4000).bytes();
  observer.send("ingress", frame);
  expect(observer.classes()).toEqual({ TOTAL: 1, OTHER_HOST: 1 });
  expect(observer.flows()).toEqual([]);
});

test("a port of the container's own bridge hands frames on to machines inside: they make flows", async () => {
  const far = mine.use(new TestNetns("far", { ipv6: false }));
  observer.netns.sh(`ip link add eth0 type veth peer name far0 netns ${far.name}`);
  observer.netns.sh("ip link add br0 type bridge");
  observer.netns.sh("ip link set eth0 master br0");
  observer.netns.sh("ip link set br0 address 02:00:00:00:00:44");
  observer.netns.sh(`ip addr add ${TO}/24 dev br0`);
  far.sh(`ip addr add ${FROM}/24 dev far0`);
  const ifindex = observe("eth0");
  for (const device of ["eth0", "br0"]) observer.netns.sh(`ip link set ${device} up`);
  far.sh("ip link set far0 up");
  far.sh(`ping -q -c 3 -i 0.01 -W 2 ${TO}`);
  const { ping } = await settled("the flow", () => ({
    ping: observer.flows().find(({ key }) => key.proto === PROTO.icmp),
  }));
  expect(ping?.record.counters.map(({ packets }) => packets)).toEqual([3n, 3n]);
  expect(observer.classes(ifindex).OTHER_HOST).toBeUndefined();
});

test("frames to a group or to all are the container's", () => {
  observer.addEndpoint(ENDPOINT_ID);
  for (const to of [new Uint8Array(6).fill(255), Uint8Array.of(1, 0, 94, 0, 0, 251)])
    observer.send(
      "ingress",
      packet().ethernet(undefined, to).ip4(FROM, "224.0.0.251").udp(5353, 5353).bytes(),
    );
  expect(observer.flow().record.counters[FlowDirection.INGRESS]?.packets).toBe(2n);
});
