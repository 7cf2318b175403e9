/*
 * What each kind of packet becomes: a flow with this key and these notes, or a class of the endpoint. Every
 * row is sent both ways; the flow must be the same.
 */
import { EndpointClass } from "@millrace/abi/generated/endpoint";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ENDPOINT_ID, expectConserved, type KeyText, keyOf } from "./expectations.ts";
import { Observer, TCX_NEXT } from "./observer.ts";
import { PROTO, packet } from "./packet-builder.ts";

const A = "10.1.0.1";
const B = "10.1.0.2";
const A6 = "fd00:1::1";
const B6 = "fd00:1::2";

let observer: Observer;
beforeAll(() => {
  observer = new Observer("parse");
});
beforeEach(() => observer.reset(ENDPOINT_ID));
afterAll(() => observer[Symbol.dispose]());

type Build = (from: string, to: string, fromPort: number, toPort: number) => Uint8Array;
interface Row {
  name: string;
  build: Build;
  key: Omit<KeyText, "saddr" | "daddr">;
  six?: boolean;
  notes?: Record<string, number>;
}

const eth = () => packet().ethernet();
const PORTS = { sport: 4000, dport: 443 };

const ROWS: Row[] = [
  {
    name: "TCP over IPv4",
    build: (a, b, p, q) => eth().ip4(a, b).tcp(p, q, { ack: true }).payload(10).bytes(),
    key: { ...PORTS, proto: PROTO.tcp },
  },
  {
    name: "UDP over IPv4",
    build: (a, b, p, q) => eth().ip4(a, b).udp(p, q).payload(3).bytes(),
    key: { ...PORTS, proto: PROTO.udp },
  },
  {
    name: "SCTP over IPv4",
    build: (a, b, p, q) => eth().ip4(a, b).sctp(p, q).bytes(),
    key: { ...PORTS, proto: PROTO.sctp },
  },
  {
    name: "ICMP echo over IPv4: the identifier is the source port both ways",
    build: (a, b, p) =>
      eth()
        .ip4(a, b)
        .icmp(p === 4000 ? 8 : 0, 0, 77)
        .payload(56)
        .bytes(),
    key: { sport: 77, dport: 0, proto: PROTO.icmp },
  },
  {
    name: "ICMP other than echo: type and code are the destination port both ways",
    build: (a, b) => eth().ip4(a, b).icmp(3, 1).payload(28).bytes(),
    key: { sport: 0, dport: (3 << 8) | 1, proto: PROTO.icmp },
  },
  {
    name: "another protocol over IPv4 has no ports",
    build: (a, b) => eth().ip4(a, b, { proto: 47 }).payload(20).bytes(),
    key: { proto: 47 },
  },
  {
    name: "IPv4 options are walked over",
    build: (a, b, p, q) => eth().ip4(a, b, { options: 40 }).tcp(p, q, { ack: true }).bytes(),
    key: { ...PORTS, proto: PROTO.tcp },
  },
  {
    name: "one VLAN tag",
    build: (a, b, p, q) => eth().vlan(42).ip4(a, b).udp(p, q).bytes(),
    key: { ...PORTS, proto: PROTO.udp, vlan: 42 },
    notes: { VLAN: 2 },
  },
  {
    name: "two VLAN tags: the outer one names the flow",
    build: (a, b, p, q) => eth().vlan(100, "qinq").vlan(42).ip4(a, b).udp(p, q).bytes(),
    key: { ...PORTS, proto: PROTO.udp, vlan: 100 },
    notes: { VLAN: 2 },
  },
  {
    name: "TCP over IPv6",
    six: true,
    build: (a, b, p, q) => eth().ip6(a, b).tcp(p, q, { ack: true }).payload(10).bytes(),
    key: { ...PORTS, proto: PROTO.tcp },
  },
  {
    name: "UDP over IPv6 in a VLAN",
    six: true,
    build: (a, b, p, q) => eth().vlan(9).ip6(a, b).udp(p, q).payload(10).bytes(),
    key: { ...PORTS, proto: PROTO.udp, vlan: 9 },
    notes: { VLAN: 2 },
  },
  {
    name: "ICMPv6 echo",
    six: true,
    build: (a, b, p) =>
      eth()
        .ip6(a, b)
        .icmp6(p === 4000 ? 128 : 129, 0, 5)
        .bytes(),
    key: { sport: 5, dport: 0, proto: PROTO.icmp6 },
  },
  {
    name: "ICMPv6 neighbour solicitation",
    six: true,
    build: (a, b) => eth().ip6(a, b).icmp6(135).payload(16).bytes(),
    key: { sport: 0, dport: 135 << 8, proto: PROTO.icmp6 },
  },
  {
    name: "IPv6 with no next header",
    six: true,
    build: (a, b) => eth().ip6(a, b).bytes(),
    key: { proto: 59 },
  },
  {
    name: "IPv6 extension headers: hop-by-hop, routing, destination options, authentication",
    six: true,
    build: (a, b, p, q) =>
      eth().ip6(a, b).extension(0).extension(43, 3).extension(60, 2).auth().tcp(p, q, { ack: true }).bytes(),
    key: { ...PORTS, proto: PROTO.tcp },
    notes: { EXTENSION_HEADER: 2 },
  },
  {
    name: "the most IPv6 extension headers that are walked",
    six: true,
    build: (a, b, p, q) => {
      let built = eth().ip6(a, b);
      for (let i = 0; i < 8; i++) built = built.extension(60);
      return built.udp(p, q).bytes();
    },
    key: { ...PORTS, proto: PROTO.udp },
    notes: { EXTENSION_HEADER: 2 },
  },
  {
    name: "one IPv6 extension header too many: no ports, and a note",
    six: true,
    build: (a, b, p, q) => {
      let built = eth().ip6(a, b);
      for (let i = 0; i < 9; i++) built = built.extension(60);
      return built.udp(p, q).bytes();
    },
    key: { proto: PROTO.dest },
    notes: { EXTENSION_HEADER: 2, EXTENSION_LIMIT: 2 },
  },
  {
    name: "an IPv6 fragment that is whole: offset 0 and no more",
    six: true,
    build: (a, b, p, q) => eth().ip6(a, b).fragment6(1, 0, false).udp(p, q).bytes(),
    key: { ...PORTS, proto: PROTO.udp },
    notes: { EXTENSION_HEADER: 2 },
  },
  {
    name: "Ethernet padding after a short datagram is no transport header",
    build: (a, b) => eth().ip4(a, b, { proto: PROTO.udp, totalLength: 24 }).payload(40).bytes(),
    key: { proto: PROTO.udp },
    notes: { L4_TRUNCATED: 2 },
  },
];

describe("a packet's flow, the same in both directions", () => {
  test.each(ROWS)("$name", ({ build, key, six, notes }) => {
    const [local, remote] = six ? [A6, B6] : [A, B];
    const out = build(local, remote, 4000, 443);
    const back = build(remote, local, 443, 4000);
    expect(observer.send("egress", out)).toBe(TCX_NEXT);
    expect(observer.send("ingress", back)).toBe(TCX_NEXT);

    const flow = observer.flow();
    expect(flow.key).toEqual(keyOf({ saddr: local, daddr: remote, ...key }));
    expect(flow.record.counters).toEqual([
      { packets: 1n, segments: 1n, bytes: BigInt(out.length) },
      { packets: 1n, segments: 1n, bytes: BigInt(back.length) },
    ]);
    expect(observer.classes()).toEqual({ TOTAL: 2 });
    expect(observer.notes()).toEqual(notes ?? {});
  });
});

const CLASSED: { name: string; bytes: Uint8Array; expected: keyof typeof EndpointClass }[] = [
  { name: "ARP", bytes: eth().arp().bytes(), expected: "NOT_IP" },
  { name: "an unknown EtherType", bytes: packet().ethernet(0x88cc).payload(50).bytes(), expected: "NOT_IP" },
  {
    name: "three VLAN tags",
    bytes: eth().vlan(1, "qinq").vlan(2).vlan(3).ip4(A, B).udp(1, 2).bytes(),
    expected: "NOT_IP",
  },
  {
    name: "IPv4 that says version 5",
    bytes: eth().ip4(A, B, { version: 5 }).udp(1, 2).bytes(),
    expected: "TRUNCATED",
  },
  {
    name: "IPv4 with a header of 4 words",
    bytes: eth().ip4(A, B, { headerWords: 4 }).udp(1, 2).bytes(),
    expected: "TRUNCATED",
  },
  {
    name: "IPv4 with a header longer than the datagram",
    bytes: eth().ip4(A, B, { headerWords: 15 }).udp(1, 2).bytes(),
    expected: "TRUNCATED",
  },
  {
    name: "IPv4 longer than the packet",
    bytes: eth().ip4(A, B, { totalLength: 1000 }).udp(1, 2).bytes(),
    expected: "TRUNCATED",
  },
  {
    name: "IPv4 of length 0",
    bytes: eth().ip4(A, B, { totalLength: 0 }).udp(1, 2).bytes(),
    expected: "TRUNCATED",
  },
  {
    name: "IPv6 that says version 4",
    bytes: eth().ip6(A6, B6, { version: 4 }).udp(1, 2).bytes(),
    expected: "TRUNCATED",
  },
  {
    name: "IPv6 longer than the packet",
    bytes: eth().ip6(A6, B6, { payloadLength: 9 }).udp(1, 2).bytes(),
    expected: "TRUNCATED",
  },
];

describe("a packet without a flow counts in one class, with its bytes", () => {
  test.each(CLASSED)("$name: $expected", ({ bytes, expected }) => {
    expect(observer.send("ingress", bytes)).toBe(TCX_NEXT);
    expect(observer.flows()).toEqual([]);
    expect(observer.classes()).toEqual({ TOTAL: 1, [expected]: 1 });
    expect(observer.counters("ingress", EndpointClass[expected]).bytes).toBe(BigInt(bytes.length));
    expectConserved(observer);
  });
});

describe("fragments", () => {
  const first4 = eth().ip4(A, B, { id: 500, moreFragments: true }).udp(4000, 53).payload(16).bytes();
  const later4 = (id: number) =>
    eth().ip4(A, B, { id, fragmentOffset: 24, proto: PROTO.udp }).payload(24).bytes();
  const first6 = eth().ip6(A6, B6).fragment6(900, 0, true).extension(60).udp(4000, 53).payload(16).bytes();
  const later6 = (id: number) => eth().ip6(A6, B6).fragment6(id, 32, false, 60).payload(16).bytes();

  test.each([
    {
      family: "IPv4",
      first: first4,
      later: later4(500),
      other: later4(501),
      otherProto: PROTO.udp,
      saddr: A,
      daddr: B,
    },
    {
      family: "IPv6",
      first: first6,
      later: later6(900),
      other: later6(901),
      otherProto: 60,
      saddr: A6,
      daddr: B6,
    },
  ])("later $family fragments find the ports of their first, and no other's", (row) => {
    for (const bytes of [row.first, row.later, row.other]) observer.send("egress", bytes);
    const keys = observer.flows().map((flow) => [flow.key, flow.record.counters[0]?.packets]);
    const known = keyOf({ saddr: row.saddr, daddr: row.daddr, sport: 4000, dport: 53, proto: PROTO.udp });
    const unknown = keyOf({ saddr: row.saddr, daddr: row.daddr, proto: row.otherProto });
    expect(keys).toHaveLength(2);
    expect(keys).toContainEqual([known, 2n]);
    expect(keys).toContainEqual([unknown, 1n]);
    expect(observer.notes()).toMatchObject({ FRAGMENT: 3, FRAGMENT_UNMATCHED: 1 });
    expectConserved(observer);
  });

  test("a fragment of another endpoint's datagram with the same identification is not matched", () => {
    observer.send("egress", first4);
    observer.addEndpoint(ENDPOINT_ID + 1);
    observer.send("egress", later4(500));
    expect(observer.notes()).toEqual({ FRAGMENT: 1, FRAGMENT_UNMATCHED: 1 });
  });
});
