/*
 * Every length a packet can be cut to. "Cut": the headers still claim the whole; "short": the headers are
 * honest about it. Neither may crash the parser, escape the counters, or invent ports.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ENDPOINT_ID, expectConserved } from "./expectations.ts";
import { Injector, silentDevice } from "./injector.ts";
import { Observer } from "./observer.ts";
import { packet } from "./packet-builder.ts";

const A = "10.1.0.1";
const B = "10.1.0.2";
const A6 = "fd00:1::1";
const B6 = "fd00:1::2";
const SHORTEST_FRAME = 14;
const SHORTEST_TEST_RUN = 15;
const LOOPBACK = 1;
const FLAGS = { ack: true, psh: true };

let observer: Observer;
let injector: Injector;
let ifindex: number;
beforeAll(() => {
  injector = new Injector();
  observer = new Observer("truncate", { ipv6: false });
  ifindex = silentDevice(observer.netns);
  observer.attach("ingress", ifindex);
});
afterAll(() => {
  observer[Symbol.dispose]();
  injector[Symbol.dispose]();
});

interface Kind {
  name: string;
  bytes: Uint8Array;
  /** Where the IP header begins and where its fixed part ends. */
  ip: number;
  fixed: number;
  /** How many bytes from the IP header on the ports need. */
  ports: number;
  /** The kernel itself refuses a frame cut in its VLAN tags, before the hook: those go by test-run. */
  tagged?: boolean;
}

const eth = () => packet().ethernet();
const KINDS: Kind[] = [
  {
    name: "IPv4 TCP",
    bytes: eth().ip4(A, B).tcp(1, 2, FLAGS).payload(5).bytes(),
    ip: 14,
    fixed: 20,
    ports: 40,
  },
  { name: "IPv4 UDP", bytes: eth().ip4(A, B).udp(1, 2).payload(5).bytes(), ip: 14, fixed: 20, ports: 28 },
  {
    name: "IPv4 ICMP",
    bytes: eth().ip4(A, B).icmp(8, 0, 1).payload(5).bytes(),
    ip: 14,
    fixed: 20,
    ports: 28,
  },
  {
    name: "IPv4 with options",
    bytes: eth().ip4(A, B, { options: 12 }).tcp(1, 2, FLAGS).bytes(),
    ip: 14,
    fixed: 32,
    ports: 52,
  },
  {
    name: "IPv4 in two VLANs",
    bytes: eth().vlan(1, "qinq").vlan(2).ip4(A, B).udp(1, 2).payload(5).bytes(),
    tagged: true,
    ip: 22,
    fixed: 20,
    ports: 28,
  },
  {
    name: "IPv6 TCP",
    bytes: eth().ip6(A6, B6).tcp(1, 2, FLAGS).bytes(),
    ip: 14,
    fixed: 40,
    ports: 60,
  },
  { name: "IPv6 ICMPv6", bytes: eth().ip6(A6, B6).icmp6(128, 0, 1).bytes(), ip: 14, fixed: 40, ports: 48 },
  {
    name: "IPv6 with extension headers",
    bytes: eth().ip6(A6, B6).extension(0).extension(43, 2).fragment6(1, 0, false).auth().udp(1, 2).bytes(),
    ip: 14,
    fixed: 40,
    ports: 40 + 8 + 16 + 8 + 24 + 8,
  },
];

describe.each(KINDS)("$name", ({ bytes, ip, fixed, ports, tagged }) => {
  const at = tagged ? LOOPBACK : undefined;
  const deliver = (frame: Uint8Array) =>
    tagged ? observer.send("ingress", frame) : injector.inject(observer.netns, ifindex, frame);
  beforeEach(() => observer.reset(ENDPOINT_ID, at ?? ifindex));

  test("cut anywhere: not IP while the link header is incomplete, else truncated; whole: one flow", () => {
    let [notIp, truncated] = [0, 0];
    for (let length = tagged ? SHORTEST_TEST_RUN : SHORTEST_FRAME; length < bytes.length; length++) {
      deliver(bytes.slice(0, length));
      if (length < ip) notIp++;
      else truncated++;
      expect(observer.classes(at ?? ifindex), `at length ${length}`).toEqual({
        TOTAL: notIp + truncated,
        ...(notIp > 0 ? { NOT_IP: notIp } : {}),
        ...(truncated > 0 ? { TRUNCATED: truncated } : {}),
      });
    }
    expect(observer.flows()).toEqual([]);
    deliver(bytes);
    expect(observer.flow().key.sport + observer.flow().key.dport).toBeGreaterThan(0);
    expectConserved(observer, at ?? ifindex);
  });

  test("short at every length: a flow with ports exactly when they are all there, else a note", () => {
    for (let length = fixed; length <= bytes.length - ip; length++) {
      observer.reset(ENDPOINT_ID, at ?? ifindex);
      deliver(shortened(bytes, ip, length));
      const { key, record } = observer.flow();
      const known = length >= ports;
      expect({ length, ports: key.sport + key.dport > 0 }).toEqual({ length, ports: known });
      expect(observer.notes(at ?? ifindex).L4_TRUNCATED ?? 0, `at length ${length}`).toBe(known ? 0 : 1);
      if (!known) expect([...record.tcpFlags]).toEqual([0, 0]);
      expectConserved(observer, at ?? ifindex);
    }
  });
});

/** The packet as a sender of that much IP would have built it. */
function shortened(bytes: Uint8Array, ip: number, length: number): Uint8Array {
  const short = bytes.slice(0, ip + length);
  const view = new DataView(short.buffer);
  if (view.getUint8(ip) >> 4 === 4) view.setUint16(ip + 2, length);
  else view.setUint16(ip + 4, length - 40);
  return short;
}
