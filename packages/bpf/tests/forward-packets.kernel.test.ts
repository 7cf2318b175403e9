/*
 * What the dataplane's first hook makes of single packets: who may send as whom, who answers neighbours' questions, and
 * that the short way says the same as the slow path. Where packets really arrive is forward.kernel.test.ts's.
 */
import { EndpointClass, EndpointNote } from "@millrace/abi/generated/endpoint";
import { PathKind, Verdict } from "@millrace/abi/generated/flow";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { TestHost, type TestPod } from "./forwarder.ts";
import { plus } from "./observer.ts";
import { addressBytes, packet } from "./packet-builder.ts";
import { sumOfClasses, sumOfFlows } from "./sums.ts";

const NEXT = -1;
const DROP = 2;
const REDIRECT = 7;
const LOOPBACK = 1;
const LINK_DONE_MARK = 0x4d52444e; // lib/pod_link.h
const POD4 = "10.201.1.7";
const POD6 = "fd00:201:1::7";
const OUT4 = "192.0.2.1";
const OUT6 = "2001:db8::1";
const eth = () => packet().ethernet();

let host: TestHost;
let pod: TestPod;
beforeAll(() => {
  host = new TestHost(1, { watchesDrops: false });
});
beforeEach(() => {
  host.clear("flows", "endpoints", "drops", "fragments");
  pod = host.addLoopbackPod(POD4, POD6);
});
afterAll(() => host[Symbol.dispose]());

const send = (bytes: Uint8Array) => host.run("pod_egress", bytes);
const classPackets = (which: EndpointClass) => Number(host.endpoint(pod).counters[0]?.[which]?.packets);

function expectConserved(): void {
  const endpoint = host.endpoint(pod);
  const accounted = plus(sumOfFlows(host.flowsOf(pod), 0), sumOfClasses(endpoint, 0, EndpointClass.TOTAL));
  expect(accounted).toEqual(endpoint.counters[0]?.[EndpointClass.TOTAL]);
}

describe("who a pod may send as", () => {
  test.each([
    ["IPv4", eth().ip4(POD4, OUT4).udp(1, 2).bytes()],
    ["IPv6", eth().ip6(POD6, OUT6).udp(1, 2).bytes()],
    ["its link-local address", eth().ip6("fe80::7", "ff02::2").icmp6(133, 0, 0).bytes()],
  ])("itself: %s passes on to the host's stack", (_name, bytes) => {
    expect(send(bytes).answer).toBe(NEXT);
    expect(host.ownDrops()).toEqual({});
    expectConserved();
  });

  test.each([
    ["another IPv4 address", eth().ip4("10.201.1.8", OUT4).udp(1, 2).bytes()],
    ["another IPv6 address", eth().ip6("fd00:201:1::8", OUT6).tcp(1, 2, { syn: true }).bytes()],
    ["no address, over TCP", eth().ip6("::", OUT6).tcp(1, 2, { syn: true }).bytes()],
  ])("not as %s: dropped, counted, and no flow", (_name, bytes) => {
    expect(send(bytes).answer).toBe(DROP);
    expect(host.ownDrops()).toEqual({ SPOOFED: 1 });
    expect(host.flowsOf(pod)).toEqual([]);
    expect(classPackets(EndpointClass.SPOOFED)).toBe(1);
    expectConserved();
  });

  test.each([
    ["a link-local address, to a pod", eth().ip6("fe80::7", POD6).udp(1, 2).bytes()],
    ["an IPv4 address in an IPv6 packet", eth().ip6("::ffff:ac9:107", OUT6).udp(1, 2).bytes()],
  ])("not as %s", (_name, bytes) => {
    expect(send(bytes).answer).toBe(DROP);
    expect(host.ownDrops()).toEqual({ SPOOFED: 1 });
  });

  test("nor under a group's address to which the host has sent: the short way doesn't know it either", () => {
    const announced = eth().ip4("10.200.0.1", "224.0.0.251").udp(5353, 5353).bytes();
    expect(host.run("pod_ingress", announced).answer).toBe(NEXT);
    expect(send(eth().ip4("224.0.0.251", "10.200.0.1").udp(5353, 5353).bytes()).answer).toBe(DROP);
    expect(host.ownDrops()).toEqual({ SPOOFED: 1 });
  });

  test("a tagged frame that isn't IP is noted as tagged, as those that are", () => {
    expect(send(eth().vlan(5).arp().bytes()).answer).toBe(DROP);
    expect(host.endpoint(pod).notes[EndpointNote.VLAN]).toBe(1n);
  });

  test("a thousand false sources are one entry in the table of losses", () => {
    for (let n = 0; n < 1000; n++)
      send(
        eth()
          .ip4(`10.99.${n >> 8}.${n & 255}`, OUT4)
          .udp(n, 2)
          .bytes(),
      );
    expect(host.ownDrops()).toEqual({ SPOOFED: 1000 });
    expect(host.object.map("drops").readAll().count).toBe(1);
  });

  test("a packet to the port of hosts' tunnels is taken for what it may be", () => {
    expect(send(eth().ip4(POD4, "10.200.0.2").udp(5000, 8472).payload(40).bytes()).answer).toBe(DROP);
    expect(host.ownDrops()).toEqual({ TUNNEL_FORGED: 1 });
    expect(host.flowsOf(pod)[0]?.record.path.verdict).toBe(Verdict.DROP);
  });
});

describe("a pod's neighbours", () => {
  const ask = (operation: number, sender: string, target: string) => {
    const frame = Buffer.from(eth().arp().bytes());
    frame.writeUInt16BE(1, 14);
    frame.writeUInt16BE(0x0800, 16);
    frame.set([6, 4], 18);
    frame.writeUInt16BE(operation, 20);
    frame.fill(2, 22, 28);
    frame.set(addressBytes(sender).slice(12), 28);
    frame.set(addressBytes(target).slice(12), 38);
    return frame;
  };

  test("whatever IPv4 address it asks for, its host's end answers", () => {
    const { answer, packet: reply } = send(ask(1, POD4, "169.254.1.1"));
    expect(answer).toBe(REDIRECT);
    expect(reply.readUInt16BE(20)).toBe(2);
    expect(reply.subarray(28, 32)).toEqual(Buffer.from([169, 254, 1, 1]));
    expect(reply.subarray(32, 38)).toEqual(Buffer.alloc(6, 2));
    expect(reply.subarray(0, 6)).toEqual(Buffer.alloc(6, 2));
    expect(classPackets(EndpointClass.NOT_IP)).toBe(1);
    expectConserved();
  });

  test.each([
    ["announces its own address", ask(1, POD4, POD4)],
    ["asks whether an address is free", ask(1, "0.0.0.0", POD4)],
    ["answers what nobody asked", ask(2, "10.201.1.9", POD4)],
  ])("one that %s hears nothing", (_name, frame) => {
    expect(send(frame).answer).toBe(DROP);
    expect(host.ownDrops()).toEqual({ NOT_IP: 1 });
  });

  test("a question of IPv6 whose packet ends before its asker's address isn't one, whatever follows the packet", () => {
    const short = eth().ip6(POD6, "ff02::1:ff00:1").icmp6(135).payload(16).bytes();
    const frame = Buffer.concat([short, Buffer.alloc(16, 1)]);
    frame[21] = 255;
    expect(send(frame).answer).toBe(NEXT);
  });

  test("IPv6's question is answered too, with a checksum that holds", () => {
    const question = Buffer.alloc(28);
    question.set(addressBytes("fe80::1"), 4);
    question.set([1, 1, 2, 2, 2, 2, 2, 2], 20);
    const frame = Buffer.from(eth().ip6(POD6, "ff02::1:ff00:1").icmp6(135, 0, 0).payload(24).bytes());
    frame[21] = 255;
    frame.set(question, 58);
    const { answer, packet: reply } = send(frame);
    expect(answer).toBe(REDIRECT);
    expect(reply[54]).toBe(136);
    expect(reply.subarray(22, 38)).toEqual(Buffer.from(addressBytes("fe80::1")));
    expect(reply.subarray(38, 54)).toEqual(Buffer.from(addressBytes(POD6)));
    expect(checksum6(reply)).toBe(0xffff);
  });
});

/** Of an IPv6 packet's ICMP message with its pseudo-header: all ones when the checksum in it is right. */
function checksum6(frame: Buffer): number {
  const length = frame.readUInt16BE(18);
  const pseudo = Buffer.concat([
    frame.subarray(22, 54),
    Buffer.from([0, 0, length >> 8, length & 255, 0, 0, 0, 58]),
  ]);
  const all = Buffer.concat([pseudo, frame.subarray(54, 54 + length)]);
  let sum = 0;
  for (let at = 0; at < all.length; at += 2) sum += all.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

describe("a flow's path", () => {
  const bytes = eth().ip4(POD4, OUT4).udp(4000, 53).payload(20).bytes();
  const path = () => host.flowsOf(pod)[0]?.record.path;

  test("is decided by the first packet and followed by the others", () => {
    for (let n = 0; n < 5; n++) expect(send(bytes).answer).toBe(NEXT);
    expect(path()).toMatchObject({
      verdict: Verdict.FORWARD,
      kind: PathKind.HOST,
      slowPackets: 1,
      identity: 1007,
    });
    expect(host.flowsOf(pod)[0]?.record.counters[0]?.packets).toBe(5n);
  });

  test("is decided anew when what it was decided by is void", () => {
    send(bytes);
    host.commit();
    send(bytes);
    send(bytes);
    expect(path()).toMatchObject({ verdict: Verdict.FORWARD, slowPackets: 2 });
  });

  test("that nobody knows ends with its reason, each time", () => {
    host.route(OUT4, 128, { kind: PathKind.PUNT });
    host.commit();
    for (let n = 0; n < 3; n++) expect(send(bytes).answer).toBe(DROP);
    expect(host.ownDrops()).toEqual({ UNRESOLVED: 3 });
    expect(path()?.generation).toBe(0);
    expect(host.flowsOf(pod)[0]?.record.drops).toBe(3n);
    host.route(OUT4, 128, { kind: PathKind.HOST });
    expect(send(bytes).answer).toBe(NEXT);
    expectConserved();
  });
});

test.each([
  ["IPv4 TCP", eth().ip4(POD4, OUT4).tcp(1, 2, { ack: true }).payload(5).bytes()],
  ["IPv6 UDP", eth().ip6(POD6, OUT6).udp(1, 2).payload(5).bytes()],
  ["IPv6 with extensions", eth().ip6(POD6, OUT6).extension(0).extension(60).udp(1, 2).payload(5).bytes()],
])("%s cut to any length is dropped with a reason or passes, and is counted once", (_name, whole) => {
  // Shorter ones the kernel's test run refuses; truncation.kernel.test.ts sends those for real to the same parser.
  const shortest = whole[12] === 0x08 ? 34 : 54;
  for (let length = shortest; length <= whole.length; length++) {
    const { answer } = send(whole.subarray(0, length));
    expect([NEXT, DROP]).toContain(answer);
  }
  const sent = whole.length - shortest + 1;
  expect(classPackets(EndpointClass.TOTAL)).toBe(sent);
  const dropped = Object.values(host.ownDrops()).reduce((sum, n) => sum + n, 0);
  const passed = Number(sumOfFlows(host.flowsOf(pod), 0).packets);
  expect(dropped + passed).toBe(sent);
  expectConserved();
});

test("where links may be netkit pairs, a process of the host's own can't pass by the mark for what is judged already", () => {
  // Of a test run the socket is the host's. What pods send by such pairs is tools/vm's to show.
  using netkit = new TestHost(2, { watchesDrops: false, netkit: true });
  const receiver = netkit.addLoopbackPod(POD4, POD6);
  const bytes = eth().ip4(OUT4, POD4).udp(1, 2).payload(5).bytes();
  expect(netkit.run("pod_ingress", bytes, LOOPBACK, LINK_DONE_MARK).answer).toBe(NEXT);
  expect(netkit.endpoint(receiver).counters[1]?.[EndpointClass.TOTAL]?.packets).toBe(1n);
  expect(netkit.flowsOf(receiver)).toHaveLength(1);
});
