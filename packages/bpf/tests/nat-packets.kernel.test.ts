/*
 * Masquerading, packet by packet: what leaves under the host's address, how its answers and the errors about it come back,
 * and what is left alone. That packets really travel so is nat.kernel.test.ts's.
 */
import { EndpointNote } from "@millrace/abi/generated/endpoint";
import {
  encodeFlowRetireRequest,
  FLOW_RETIRE_REQUEST_SIZE,
  PathKind,
  Verdict,
} from "@millrace/abi/generated/flow";
import {
  encodeTranslationSweep,
  readTranslationSweep,
  TRANSLATION_SWEEP_SIZE,
} from "@millrace/abi/generated/nat";
import { ObserverCount } from "@millrace/abi/generated/observer";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { checksummed, checksumProblems } from "./checksums.ts";
import { expectPodConserved } from "./expectations.ts";
import { TestHost, type TestPod } from "./forwarder.ts";
import { type Flow, sumU64, viewOf } from "./observer.ts";
import { addressBytes, PROTO, packet } from "./packet-builder.ts";
import { NOW, retire } from "./retirement.ts";

const NEXT = -1;
const DROP = 2;
const REDIRECT = 7;
const [FIRST, LAST] = [20_000, 31_999];
const ETHERNET = 14;
const SPORT = 40_000;
const DPORT = 443;

/** Both families alike: addresses, and how their headers are built and read. */
const FAMILIES = {
  IPv4: {
    ...{
      pod: "10.201.1.7",
      host: "10.200.0.1",
      out: "192.0.2.1",
      other: "192.0.2.2",
      router: "198.51.100.9",
    },
    ...{
      aside: "203.0.113.1",
      header: 20,
      source: 12,
      destination: 16,
      addressBytes: 4,
      ttl: 8,
      icmp: PROTO.icmp,
    },
    errors: { unreachable: [3, 3], "too big": [3, 4], "time exceeded": [11, 0] },
    build: (from: string, to: string) => packet().ethernet().ip4(from, to),
    icmpOf: (at: ReturnType<typeof packet>, type: number, code = 0, id = 0) => at.icmp(type, code, id),
    echo: [8, 0],
  },
  IPv6: {
    ...{ pod: "fd00:201:1::7", host: "fd00:200::1", out: "2001:db8::1", other: "2001:db8::2" },
    ...{ router: "2001:db8:9::9", aside: "2001:db8:a::1" },
    ...{ header: 40, source: 8, destination: 24, addressBytes: 16, ttl: 7, icmp: PROTO.icmp6 },
    errors: { unreachable: [1, 4], "too big": [2, 0], "time exceeded": [3, 0] },
    build: (from: string, to: string) => packet().ethernet().ip6(from, to),
    icmpOf: (at: ReturnType<typeof packet>, type: number, code = 0, id = 0) => at.icmp6(type, code, id),
    echo: [128, 129],
  },
} as const;
type Family = (typeof FAMILIES)[keyof typeof FAMILIES];
const families = Object.entries(FAMILIES) as [keyof typeof FAMILIES, Family][];
const KINDS = ["TCP", "UDP", "echo"] as const;
type Kind = (typeof KINDS)[number];
const table = families.flatMap(([name, family]) =>
  KINDS.map((kind) => [`${name} ${kind}`, family, kind] as const),
);

let host: TestHost;
let pod: TestPod;
beforeAll(() => {
  host = new TestHost(1);
  for (const [device, four, six] of [
    ["up0", "10.200.0.1/24", "fd00:200::1/64"],
    ["up1", "10.199.0.1/24", "fd00:199::1/64"],
  ] as const) {
    host.netns.sh(`ip link add ${device} type veth peer name ${device}far`);
    host.netns.sh(`ip link set ${device}far up`);
    host.netns.sh(`ip addr add ${four} dev ${device}`);
    host.netns.sh(`ip -6 addr add ${six} dev ${device} nodad`);
    host.netns.sh(`ip link set ${device} up`);
  }
  host.netns.sh("ip route add default via 10.200.0.254");
  host.netns.sh("ip -6 route add default via fd00:200::fe");
  host.netns.sh("ip route add 203.0.113.0/24 dev up1");
  host.netns.sh("ip -6 route add 2001:db8:a::/48 dev up1");
  host.useUplink("up0");
});
beforeEach(() => {
  host.clear("flows", "endpoints", "drops", "fragments", "translations");
  pod = host.addLoopbackPod(FAMILIES.IPv4.pod, FAMILIES.IPv6.pod);
  host.masquerade(FIRST, LAST);
});
afterAll(() => host[Symbol.dispose]());

/** What a pod sends. */
function request(family: Family, kind: Kind, to: string = family.out, sport = SPORT, bytes = 40): Buffer {
  const ip = family.build(family.pod, to);
  if (kind === "TCP") return checksummed(ip.tcp(sport, DPORT, { syn: true, seq: 7 }).payload(bytes).bytes());
  if (kind === "UDP") return checksummed(ip.udp(sport, DPORT).payload(bytes).bytes());
  return checksummed(family.icmpOf(ip, family.echo[0], 0, sport).payload(bytes).bytes());
}
/** What answers it, to the host's address and port. */
function answer(family: Family, kind: Kind, port: number, from: string = family.out, sport = DPORT): Buffer {
  const ip = family.build(from, family.host);
  if (kind === "TCP")
    return checksummed(ip.tcp(sport, port, { syn: true, ack: true, ackSeq: 8 }).payload(21).bytes());
  if (kind === "UDP") return checksummed(ip.udp(sport, port).payload(21).bytes());
  return checksummed(family.icmpOf(ip, family.echo[1], 0, port).payload(21).bytes());
}
const out = (bytes: Buffer) => host.run("pod_egress", bytes);
const back = (bytes: Buffer) => host.run("wire_ingress", bytes);
const addressAt = (family: Family, frame: Buffer, end: "source" | "destination", at = ETHERNET) =>
  frame.subarray(at + family[end], at + family[end] + family.addressBytes);
const bytesOf = (address: string) =>
  Buffer.from(address.includes(":") ? addressBytes(address) : addressBytes(address).slice(12));
/** Of the sender, or an echo's identifier. */
const portOf = (family: Family, kind: Kind, frame: Buffer, end: "source" | "destination", at = ETHERNET) =>
  frame.readUInt16BE(at + family.header + (kind === "echo" ? 4 : end === "source" ? 0 : 2));
const flowTo = (remote: string): Flow | undefined =>
  host.flowsOf(pod).find(({ key }) => Buffer.compare(key.daddr, addressBytes(remote)) === 0);
const notes = (which: EndpointNote) => Number(host.endpoint(pod).notes[which]);
/** Sends a packet out and gives the port it left with. */
function leave(family: Family, kind: Kind, to: string = family.out, sport = SPORT): number {
  const { answer, packet } = out(request(family, kind, to, sport));
  expect(answer).toBe(REDIRECT);
  return portOf(family, kind, packet, "source");
}

describe.each(table)("%s", (_name, family, kind) => {
  test("leaves under the host's address and a port of the range, one hop less, with checksums that hold", () => {
    const sent = request(family, kind);
    const { answer, packet } = out(sent);
    expect(answer).toBe(REDIRECT);
    expect(addressAt(family, packet, "source")).toEqual(bytesOf(family.host));
    expect(addressAt(family, packet, "destination")).toEqual(bytesOf(family.out));
    const port = portOf(family, kind, packet, "source");
    expect(port).toBeGreaterThanOrEqual(FIRST);
    expect(port).toBeLessThanOrEqual(LAST);
    expect(packet[ETHERNET + family.ttl]).toBe((sent[ETHERNET + family.ttl] as number) - 1);
    expect(checksumProblems(packet)).toEqual([]);
    expect(packet.subarray(-40)).toEqual(sent.subarray(-40));
    const path = flowTo(family.out)?.record.path;
    expect(path).toMatchObject({ kind: PathKind.MASQUERADE, verdict: Verdict.FORWARD, natPort: port });
    expect(path?.natAddress).toEqual(addressBytes(family.host));
    expectPodConserved(host, pod);
  });

  test("is answered, and the pod sees its own address and port", () => {
    const port = leave(family, kind);
    const { answer: verdict, packet } = back(answer(family, kind, port));
    expect(verdict).toBe(REDIRECT);
    expect(addressAt(family, packet, "destination")).toEqual(bytesOf(family.pod));
    expect(addressAt(family, packet, "source")).toEqual(bytesOf(family.out));
    expect(portOf(family, kind, packet, "destination")).toBe(SPORT);
    expect(checksumProblems(packet)).toEqual([]);
    expect(host.flowsOf(pod)).toHaveLength(1);
    expect(flowTo(family.out)?.record.counters.map((c) => c.packets)).toEqual([1n, 1n]);
    expectPodConserved(host, pod);
  });

  test("keeps its port packet after packet, and when all is decided anew", () => {
    const port = leave(family, kind);
    for (let n = 0; n < 3; n++) {
      expect(leave(family, kind)).toBe(port);
      host.commit();
    }
    back(answer(family, kind, port));
    host.route("10.201.1.0", 120, { kind: PathKind.PUNT });
    host.route("fd00:201:1::", 64, { kind: PathKind.PUNT });
    host.commit();
    expect(leave(family, kind)).toBe(port);
    expect(host.object.map("translations").readAll().count).toBe(1);
  });

  test("goes to the host when nobody here waits for it", () => {
    const port = leave(family, kind);
    const strangers = [
      answer(family, kind, port === FIRST ? LAST : FIRST),
      answer(family, kind, port, family.other),
      ...(kind === "echo" ? [] : [answer(family, kind, port, family.out, DPORT + 1)]),
      answer(family, kind, 80),
      request(family, kind),
    ];
    for (const sent of strangers) {
      const { answer: verdict, packet } = back(sent);
      expect(verdict).toBe(NEXT);
      expect(packet).toEqual(sent);
    }
    expect(flowTo(family.out)?.record.counters[1]?.packets).toBe(0n);
  });

  test("has the same port towards another far end", () => {
    expect(leave(family, kind, family.other)).toBe(leave(family, kind));
    expect(leave(family, kind, family.out, SPORT + 1)).not.toBe(leave(family, kind));
  });

  test.each(Object.entries(family.errors))(
    "an error about it is its pod's, inside as well: %s",
    (_what, error) => {
      const sent = request(family, kind);
      const { packet: left } = out(sent);
      const [type = 0, code = 0] = error;
      const quoting = family.icmpOf(family.build(family.router, family.host), type, code);
      const { answer: verdict, packet } = back(checksummed(quoting.raw(left.subarray(ETHERNET)).bytes()));
      expect(verdict).toBe(REDIRECT);
      expect(addressAt(family, packet, "destination")).toEqual(bytesOf(family.pod));
      expect(addressAt(family, packet, "source")).toEqual(bytesOf(family.router));
      expect(checksumProblems(packet)).toEqual([]);
      // But for the hop that it has lost, it is what the pod sent.
      const quoted = Buffer.concat([
        sent.subarray(0, ETHERNET),
        packet.subarray(ETHERNET + family.header + 8),
      ]);
      expect(checksumProblems(quoted)).toEqual([]);
      (quoted[ETHERNET + family.ttl] as number)++;
      expect(checksummed(quoted)).toEqual(sent);
      expectPodConserved(host, pod);
    },
  );

  test("an error that the pod sends about an answer is the outside's, inside as well", () => {
    const port = leave(family, kind);
    const arrived = answer(family, kind, port);
    const { packet: delivered } = back(arrived);
    const [type, code] = family.errors.unreachable;
    const error = family.icmpOf(family.build(family.pod, family.out), type, code);
    const { answer: verdict, packet } = out(checksummed(error.raw(delivered.subarray(ETHERNET)).bytes()));
    expect(verdict).toBe(REDIRECT);
    expect(addressAt(family, packet, "source")).toEqual(bytesOf(family.host));
    expect(checksumProblems(packet)).toEqual([]);
    expect(packet.subarray(ETHERNET + family.header + 8)).toEqual(arrived.subarray(ETHERNET));
    expectPodConserved(host, pod);
  });
});

describe.each(families)("%s", (_name, family) => {
  test("errors about nothing of ours are left alone, both ways", () => {
    const strange = family.build(family.host, family.out).tcp(FIRST, DPORT).bytes().slice(ETHERNET);
    const [type, code] = family.errors.unreachable;
    const inward = checksummed(
      family.icmpOf(family.build(family.router, family.host), type, code).raw(strange).bytes(),
    );
    const outward = checksummed(
      family.icmpOf(family.build(family.pod, family.out), type, code).raw(strange).bytes(),
    );
    for (const [run, sent] of [
      [back, inward],
      [out, outward],
    ] as const) {
      const { answer: verdict, packet } = run(sent);
      expect(verdict).toBe(NEXT);
      expect(packet).toEqual(sent);
    }
    expect(host.ownDrops()).toEqual({});
  });

  test("an error that quotes no more than it must is translated as far as it goes", () => {
    const { packet: left } = out(request(family, "TCP"));
    const [type, code] = family.errors["time exceeded"];
    const quoted = left.subarray(ETHERNET, ETHERNET + family.header + 8);
    const error = family.icmpOf(family.build(family.router, family.host), type, code).raw(quoted).bytes();
    const { answer: verdict, packet } = back(checksummed(error));
    expect(verdict).toBe(REDIRECT);
    expect(portOf(family, "TCP", packet, "source", ETHERNET + family.header + 8)).toBe(SPORT);
    expect(checksumProblems(packet)).toEqual([]);
  });

  test("the last hop isn't taken: the host's stack answers as a router does", () => {
    const sent = Buffer.from(request(family, "UDP"));
    sent[ETHERNET + family.ttl] = 1;
    const { answer: verdict, packet } = out(checksummed(sent));
    expect(verdict).toBe(NEXT);
    expect(packet).toEqual(checksummed(sent));
  });

  test("what leaves by another device than the uplink is the host's stack's, and counted", () => {
    const before = sumU64(host.object.map("observer_counts"), ObserverCount.NOT_MASQUERADED);
    const sent = request(family, "UDP", family.aside);
    for (let n = 0; n < 2; n++) {
      const { answer: verdict, packet } = out(sent);
      expect(verdict).toBe(NEXT);
      expect(packet).toEqual(sent);
    }
    expect(flowTo(family.aside)?.record.path).toMatchObject({ kind: PathKind.HOST, natPort: 0 });
    expect(sumU64(host.object.map("observer_counts"), ObserverCount.NOT_MASQUERADED)).toBe(before + 1);
  });

  test("a protocol without ports is the host's stack's", () => {
    expect(out(Buffer.from(family.build(family.pod, family.out).sctp(1, 2).bytes())).answer).toBe(NEXT);
  });

  test("what is for the host itself keeps its address", () => {
    expect(out(request(family, "TCP", family.host)).answer).toBe(NEXT);
    expect(flowTo(family.host)?.record.path.natPort).toBe(0);
  });

  test("a flow that the outside opened to the pod's own address keeps it", () => {
    const inward = checksummed(family.build(family.out, family.pod).udp(DPORT, SPORT).payload(9).bytes());
    expect(back(inward).answer).toBe(REDIRECT);
    const { answer: verdict, packet } = out(request(family, "UDP"));
    expect(verdict).toBe(NEXT);
    expect(addressAt(family, packet, "source")).toEqual(bytesOf(family.pod));
    host.commit();
    expect(out(request(family, "UDP")).answer).toBe(NEXT);
  });

  test("of a pool that isn't masqueraded nothing changes", () => {
    host.route("10.201.1.0", 120, { kind: PathKind.PUNT });
    host.route("fd00:201:1::", 64, { kind: PathKind.PUNT });
    host.commit();
    const sent = request(family, "TCP");
    expect(out(sent)).toEqual({ answer: NEXT, packet: sent });
  });
});

test("UDP without a checksum has none afterwards either", () => {
  const family = FAMILIES.IPv4;
  const { answer: verdict, packet } = out(
    checksummed(family.build(family.pod, family.out).udp(SPORT, DPORT).payload(5).bytes(), { udp: false }),
  );
  expect(verdict).toBe(REDIRECT);
  expect(packet.readUInt16BE(ETHERNET + 20 + 6)).toBe(0);
  expect(checksumProblems(packet)).toEqual([]);
});

test("an error's trailer is no part of it: the quoted transport's checksum isn't there to be changed", () => {
  const family = FAMILIES.IPv4;
  const { packet: left } = out(request(family, "TCP"));
  const quoted = left.subarray(ETHERNET, ETHERNET + family.header + 8);
  const error = checksummed(family.build(family.router, family.host).icmp(11, 0).raw(quoted).bytes());
  const trailer = Buffer.alloc(20, 0x77);
  const { answer: verdict, packet } = back(Buffer.concat([error, trailer]));
  expect(verdict).toBe(REDIRECT);
  expect(checksumProblems(packet)).toEqual([]);
  expect(packet.subarray(-trailer.length)).toEqual(trailer);
});

test("what can't leave for want of a port of its own may be answered all the same: that isn't kept", () => {
  const family = FAMILIES.IPv4;
  const sent = family.build(family.pod, family.out).udp(0, DPORT).bytes();
  const came = family.build(family.out, family.pod).udp(DPORT, 0).bytes();
  expect(out(Buffer.from(sent)).answer).toBe(DROP);
  expect(host.ownDrops()).toEqual({ UNTRANSLATABLE: 1 });
  expect(back(Buffer.from(came)).answer).toBe(REDIRECT);
  host.commit();
  expect(back(Buffer.from(came)).answer).toBe(REDIRECT);
});

test("IP options are no obstacle", () => {
  const family = FAMILIES.IPv4;
  const ip = packet().ethernet().ip4(family.pod, family.out, { options: 8 });
  const { answer: verdict, packet: left } = out(checksummed(ip.udp(SPORT, DPORT).payload(5).bytes()));
  expect(verdict).toBe(REDIRECT);
  expect(checksumProblems(left)).toEqual([]);
  expect(left.readUInt16BE(ETHERNET + 28)).toBe(flowTo(family.out)?.record.path.natPort);
});

describe("fragments", () => {
  const MIDDLE = Buffer.alloc(64, 7);
  const first4 = (from: string, to: string, sport: number, dport: number) =>
    packet().ethernet().ip4(from, to, { id: 9, moreFragments: true }).udp(sport, dport).payload(56).bytes();
  const later4 = (from: string, to: string, id = 9) =>
    packet().ethernet().ip4(from, to, { id, fragmentOffset: 64, proto: PROTO.udp }).raw(MIDDLE).bytes();
  const first6 = (from: string, to: string, sport: number, dport: number) =>
    packet().ethernet().ip6(from, to).fragment6(9, 0, true).udp(sport, dport).payload(56).bytes();
  const later6 = (from: string, to: string, id = 9) =>
    packet()
      .ethernet()
      .ip6(from, to, { next: PROTO.fragment })
      .fragment6(id, 64, false, PROTO.udp)
      .raw(MIDDLE)
      .bytes();

  test.each([
    ["IPv4", FAMILIES.IPv4, first4, later4, 0],
    ["IPv6", FAMILIES.IPv6, first6, later6, 8],
  ] as const)(
    "%s: the first by its ports, the others by the first, both ways",
    (_name, family, first, later, extra) => {
      const sent = out(Buffer.from(first(family.pod, family.out, SPORT, DPORT)));
      expect(sent.answer).toBe(REDIRECT);
      const port = sent.packet.readUInt16BE(ETHERNET + family.header + extra);
      expect(port).toBe(flowTo(family.out)?.record.path.natPort);
      const second = out(Buffer.from(later(family.pod, family.out)));
      expect(second.answer).toBe(REDIRECT);
      expect(addressAt(family, second.packet, "source")).toEqual(bytesOf(family.host));
      expect(second.packet.subarray(-MIDDLE.length)).toEqual(MIDDLE);
      expect(host.flowsOf(pod)).toHaveLength(1);

      const came = back(Buffer.from(first(family.out, family.host, DPORT, port)));
      expect(came.answer).toBe(REDIRECT);
      expect(came.packet.readUInt16BE(ETHERNET + family.header + extra + 2)).toBe(SPORT);
      const after = back(Buffer.from(later(family.out, family.host)));
      expect(after.answer).toBe(REDIRECT);
      expect(addressAt(family, after.packet, "destination")).toEqual(bytesOf(family.pod));
      expect(after.packet.subarray(-MIDDLE.length)).toEqual(MIDDLE);
      expect(flowTo(family.out)?.record.counters.map((c) => c.packets)).toEqual([2n, 2n]);
      expectPodConserved(host, pod);
    },
  );

  test.each([
    ["IPv4", FAMILIES.IPv4, later4],
    ["IPv6", FAMILIES.IPv6, later6],
  ] as const)(
    "%s: without its first one it doesn't leave, and what comes is the host's",
    (_name, family, later) => {
      expect(out(Buffer.from(later(family.pod, family.out, 77))).answer).toBe(DROP);
      expect(host.ownDrops()).toEqual({ UNTRANSLATABLE: 1 });
      expect(back(Buffer.from(later(family.out, family.host, 78))).answer).toBe(NEXT);
      expectPodConserved(host, pod);
    },
  );
});

test.each([
  ["a later fragment of nobody knows what", { id: 79, fragmentOffset: 64, proto: PROTO.icmp }, 40],
  ["an echo cut off before its identifier", { proto: PROTO.icmp }, 4],
] as const)("%s doesn't leave as an echo of identifier 0", (_name, options, bytes) => {
  const family = FAMILIES.IPv4;
  const sent = packet().ethernet().ip4(family.pod, family.out, options).payload(bytes).bytes();
  expect(out(Buffer.concat([sent, Buffer.alloc(16)])).answer).toBe(DROP);
  expect(host.ownDrops()).toEqual({ UNTRANSLATABLE: 1 });
});

describe("a range of four ports", () => {
  const family = FAMILIES.IPv4;
  beforeEach(() => host.masquerade(FIRST, FIRST + 3));

  test("holds four flows to one far end; the fifth is dropped with its reason and counted", () => {
    const ports = [0, 1, 2, 3].map((n) => leave(family, "TCP", family.out, SPORT + n));
    expect(new Set(ports).size).toBe(4);
    for (let n = 0; n < 2; n++) expect(out(request(family, "TCP", family.out, SPORT + 4)).answer).toBe(DROP);
    expect(host.ownDrops()).toEqual({ NO_PORT: 2 });
    expect(notes(EndpointNote.NO_PORT)).toBe(2);
    const refused = host.flowsOf(pod).find(({ key }) => key.sport === SPORT + 4);
    expect(refused?.record).toMatchObject({ drops: 2n, path: { natPort: 0 } });
    expect(leave(family, "TCP", family.other, SPORT + 4)).toBeLessThanOrEqual(FIRST + 3);
    expect(leave(family, "UDP", family.out, SPORT + 4)).toBeLessThanOrEqual(FIRST + 3);
    expectPodConserved(host, pod);
  });

  test("has room again when a flow has ended, and no sooner", () => {
    for (let n = 0; n < 4; n++) leave(family, "TCP", family.out, SPORT + n);
    const ended = host.flowsOf(pod).find(({ key }) => key.sport === SPORT)?.key;
    if (!ended) throw new Error("the flow isn't there");
    expect(retire(host, [ended], NOW).retired).toBe(1);
    expect(out(request(family, "TCP", family.out, SPORT + 4)).answer).toBe(DROP);
    const port = host.flowsOf(pod).find(({ key }) => key.sport === SPORT)?.record.path.natPort as number;
    expect(leave(family, "TCP", family.out, SPORT)).toBe(port); // while it is being taken out
    expect(back(answer(family, "TCP", port)).answer).toBe(REDIRECT);
    endTranslations(1);
    expect(host.object.map("translations").readAll().count).toBe(3);
    expect(leave(family, "TCP", family.out, SPORT + 4)).toBe(port);
    endTranslations(1); // the port is another's now
    expect(host.object.map("translations").readAll().count).toBe(4);
    expectPodConserved(host, pod);
  });
});

/** Of the flows in `retire_batch`, as the agent does it before it deletes them. */
function endTranslations(count: number): void {
  const ctx = Buffer.alloc(FLOW_RETIRE_REQUEST_SIZE);
  encodeFlowRetireRequest({ quietSinceNs: 0n, count }, viewOf(ctx));
  host.object.program("translations_end").testRun({ ctx });
}
function sweep(graceS: number): { found: number; removed: number } {
  const ctx = Buffer.alloc(TRANSLATION_SWEEP_SIZE);
  encodeTranslationSweep({ graceS, found: 0, removed: 0 }, viewOf(ctx));
  const { found, removed } = readTranslationSweep(
    viewOf(host.object.program("translations_sweep").testRun({ ctx }).ctxOut),
    0,
  );
  return { found, removed };
}

test("a sweep removes what belongs to no flow, unless it was claimed a moment ago", () => {
  const family = FAMILIES.IPv4;
  for (let n = 0; n < 3; n++) leave(family, "UDP", family.out, SPORT + n);
  const flows = host.object.map("flows");
  flows.delete(flows.nextKey() as Buffer);
  expect(sweep(10)).toEqual({ found: 3, removed: 0 });
  expect(sweep(0)).toEqual({ found: 3, removed: 1 });
  expect(sweep(0)).toEqual({ found: 2, removed: 0 });
});

test.each(families)(
  "%s: a known flow leaves under its own address of the host, whatever was decided before it",
  (_name, family) => {
    const [other] = families.map(([, one]) => one).filter((one) => one !== family) as [Family];
    leave(family, "UDP");
    for (let n = 0; n < 8; n++) {
      leave(other, "UDP", other.out, SPORT + n);
      const { packet } = out(request(family, "UDP"));
      expect(addressAt(family, packet, "source")).toEqual(bytesOf(family.host));
      expect(checksumProblems(packet)).toEqual([]);
    }
    expect(flowTo(family.out)?.record.path.slowPackets).toBe(1);
  },
);

test("with the flow table full nothing leaves that couldn't be answered", () => {
  const family = FAMILIES.IPv4;
  const full = new TestHost(3, { flows: 64 });
  try {
    full.netns.sh("ip link add up0 type veth peer name up0far");
    full.netns.sh("ip link set up0far up");
    full.netns.sh("ip addr add 10.200.0.3/24 dev up0");
    full.netns.sh("ip link set up0 up");
    full.netns.sh("ip route add default via 10.200.0.254");
    full.useUplink("up0");
    full.addLoopbackPod("10.201.3.7", "fd00:201:3::7");
    full.masquerade(FIRST, LAST);
    const send = (n: number) =>
      full.run(
        "pod_egress",
        packet()
          .ethernet()
          .ip4("10.201.3.7", family.out)
          .udp(1000 + n, 53)
          .bytes(),
      ).answer;
    const answers = Array.from({ length: 200 }, (_, n) => send(n));
    expect(new Set(answers)).toEqual(new Set([REDIRECT, DROP]));
    expect(answers.filter((one) => one === REDIRECT)).toHaveLength(full.flows().length);
    expect(full.ownDrops()).toEqual({ NO_PORT: answers.filter((one) => one === DROP).length });
  } finally {
    full[Symbol.dispose]();
  }
});
