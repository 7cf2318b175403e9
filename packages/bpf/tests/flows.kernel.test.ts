/*
 * The flow table's bookkeeping: who opened, what counts where, a table that is full, interfaces nobody
 * registered, and the proof that a broken counter is noticed.
 */
import { EndpointClass } from "@millrace/abi/generated/endpoint";
import { FlowOpener } from "@millrace/abi/generated/flow";
import { ObserverCount } from "@millrace/abi/generated/observer";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { conservationOf, ENDPOINT_ID, expectConserved, keyOf } from "./expectations.ts";
import { Observer, TCX_NEXT, type Way } from "./observer.ts";
import { PROTO, packet, type TcpFlags } from "./packet-builder.ts";

const A = "10.1.0.1";
const B = "10.1.0.2";
const ROOT_CGROUP = 1n;

let observer: Observer;
beforeAll(() => {
  observer = new Observer("flows");
});
beforeEach(() => observer.reset(ENDPOINT_ID));
afterAll(() => observer[Symbol.dispose]());

function udp(way: Way, sport = 4000, dport = 53, payload = 10): Uint8Array {
  const built = packet().ethernet();
  return way === "egress"
    ? built.ip4(A, B).udp(sport, dport).payload(payload).bytes()
    : built.ip4(B, A).udp(dport, sport).payload(payload).bytes();
}

function tcp(way: Way, flags: TcpFlags): Uint8Array {
  const built = packet().ethernet();
  return way === "egress"
    ? built.ip4(A, B).tcp(4000, 80, flags).bytes()
    : built.ip4(B, A).tcp(80, 4000, flags).bytes();
}

function echo(way: Way, type: number): Uint8Array {
  const [from, to] = way === "egress" ? [A, B] : [B, A];
  return packet().ethernet().ip4(from, to).icmp(type, 0, 5).bytes();
}

describe("who opened a flow", () => {
  const { LOCAL, REMOTE, UNKNOWN } = FlowOpener;
  test.each<[string, Way, Uint8Array, FlowOpener]>([
    ["a SYN sent", "egress", tcp("egress", { syn: true }), LOCAL],
    ["a SYN received", "ingress", tcp("ingress", { syn: true }), REMOTE],
    [
      "a SYN/ACK received first: the one who receives it",
      "ingress",
      tcp("ingress", { syn: true, ack: true }),
      LOCAL,
    ],
    ["a SYN/ACK sent first: the other", "egress", tcp("egress", { syn: true, ack: true }), REMOTE],
    ["TCP met mid-stream", "egress", tcp("egress", { ack: true }), UNKNOWN],
    ["a TCP reset", "egress", tcp("egress", { rst: true }), UNKNOWN],
    ["UDP sent", "egress", udp("egress"), LOCAL],
    ["UDP received", "ingress", udp("ingress"), REMOTE],
    ["an echo request sent", "egress", echo("egress", 8), LOCAL],
    ["an echo reply sent first: the other", "egress", echo("egress", 0), REMOTE],
    ["an ICMP error received", "ingress", echo("ingress", 3), REMOTE],
  ])("%s", (_name, way, bytes, opener) => {
    observer.send(way, bytes);
    expect(observer.flow().record.opener).toBe(opener);
  });
});

test("a later packet never changes the opener of UDP", () => {
  observer.send("ingress", udp("ingress"));
  observer.send("egress", udp("egress"));
  expect(observer.flow().record.opener).toBe(FlowOpener.REMOTE);
});

test("packets, segments and bytes are kept apart, by direction", () => {
  const [out, back] = [udp("egress", 1, 2, 1000), udp("ingress", 1, 2, 100)];
  observer.send("egress", out, { gsoSegs: 12, gsoSize: 90 });
  observer.send("egress", out);
  observer.send("ingress", back);
  const expected = [
    { packets: 2n, segments: 13n, bytes: 2n * BigInt(out.length) },
    { packets: 1n, segments: 1n, bytes: BigInt(back.length) },
  ];
  expect(observer.flow().record.counters).toEqual(expected);
  expect(observer.counters("egress", EndpointClass.TOTAL)).toEqual(expected[0]);
  expect(observer.counters("ingress", EndpointClass.TOTAL)).toEqual(expected[1]);
});

test("a packet to be segmented may have IP length 0: its flow is known all the same", () => {
  const big = packet()
    .ethernet()
    .ip4(A, B, { totalLength: 0 })
    .tcp(1, 2, { ack: true })
    .payload(2000)
    .bytes();
  const big6 = packet()
    .ethernet()
    .ip6("fd00::1", "fd00::2", { payloadLength: 0 })
    .tcp(1, 2, { ack: true })
    .payload(2000)
    .bytes();
  observer.send("egress", big, { gsoSegs: 2, gsoSize: 1400 });
  observer.send("egress", big6, { gsoSegs: 2, gsoSize: 1400 });
  expect(observer.flows().map((flow) => flow.key.sport)).toEqual([1, 1]);
});

test("the socket's cgroup is known from the first packet it sends", () => {
  observer.send("ingress", udp("ingress"));
  expect(observer.flow().record.cgroupId).toBe(0n);
  observer.send("egress", udp("egress"));
  expect(observer.flow().record.cgroupId).toBe(ROOT_CGROUP);
});

test("a flow's times begin at its first packet and move on with the later ones", () => {
  observer.send("egress", udp("egress"));
  const first = observer.flow().record;
  expect(first.firstSeenNs).toBeGreaterThan(0n);
  expect(first.lastSeenNs).toBeGreaterThanOrEqual(first.firstSeenNs);
  let last = first.lastSeenNs;
  while (last === first.lastSeenNs) {
    observer.send("egress", udp("egress"));
    last = observer.flow().record.lastSeenNs;
  }
  expect(observer.flow().record.firstSeenNs).toBe(first.firstSeenNs);
  expect(last).toBeGreaterThan(first.lastSeenNs);
});

test("when the table is full, known flows go on counting and new ones count as unattributed, exactly", () => {
  using small = new Observer("full", { flows: 4 });
  small.addEndpoint(ENDPOINT_ID);
  for (let round = 0; round < 3; round++)
    for (let port = 1; port <= 10; port++) small.send("egress", udp("egress", port));
  const flows = small.flows();
  expect(flows).toHaveLength(4);
  expect(flows.map((flow) => flow.record.counters[0]?.packets)).toEqual([3n, 3n, 3n, 3n]);
  expect(small.classes()).toEqual({ TOTAL: 30, TABLE_FULL: 18 });
  expectConserved(small);
});

test("an interface that nobody registered passes, is counted once as unknown, and opens no flow", () => {
  using stranger = new Observer("stranger");
  expect(stranger.send("egress", udp("egress"))).toBe(TCX_NEXT);
  expect(stranger.send("ingress", udp("ingress"))).toBe(TCX_NEXT);
  expect(stranger.flows()).toEqual([]);
  expect(stranger.observed(ObserverCount.UNKNOWN_ENDPOINT)).toBe(2);
});

test("the same tuple of two endpoints makes two flows", () => {
  observer.send("egress", udp("egress"));
  observer.addEndpoint(ENDPOINT_ID + 1);
  observer.send("egress", udp("egress"));
  const key = { saddr: A, daddr: B, sport: 4000, dport: 53, proto: PROTO.udp };
  const keys = observer.flows().map((flow) => flow.key);
  expect(keys).toHaveLength(2);
  expect(keys).toContainEqual(keyOf(key));
  expect(keys).toContainEqual(keyOf({ ...key, endpointId: ENDPOINT_ID + 1 }));
});

test("a counter that is broken on purpose breaks conservation", () => {
  using broken = new Observer("broken", { config: { breakCounter: 1 } });
  broken.addEndpoint(ENDPOINT_ID);
  for (let i = 0; i < 200; i++) broken.send("egress", udp("egress"));
  const { total, accounted } = conservationOf(broken);
  expect(total[0]?.packets).toBe(200n);
  expect(accounted[0]?.packets).toBeLessThan(200n);
});

test("the object says whether it was built from the agent's layouts", () => {
  const matches = (o: Observer) => o.object.program("abi_matches").testRun({ ctx: new Uint8Array(8) }).retval;
  using other = new Observer("abi", { config: { abiHash: 1n } });
  expect(matches(observer)).toBe(1);
  expect(matches(other)).toBe(0);
});
