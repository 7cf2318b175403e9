/*
 * Node ports, packet by packet: which backend what comes to one is for, how it gets to another host and its answer back, and what
 * becomes of what can't be served. That packets really travel so is node-port.kernel.test.ts's.
 */
import { FlowOpener, PathKind, Verdict } from "@millrace/abi/generated/flow";
import { encodeLocal, LOCAL_SIZE, RouteFlag } from "@millrace/abi/generated/forward";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { checksummed, checksumProblems } from "./checksums.ts";
import { expectPodConserved } from "./expectations.ts";
import { TestHost, type TestPod, TUNNEL_PORT } from "./forwarder.ts";
import { type Flow, viewOf } from "./observer.ts";
import { addressBytes, PROTO, packet, type TcpFlags } from "./packet-builder.ts";
import { TestPolicy } from "./policy-tables.ts";
import { type Backend, TestServices } from "./service-tables.ts";
import {
  addressAt,
  bytesOf,
  ETHERNET,
  FAMILIES,
  type Family,
  hostWithUplink,
  type Kind,
  portsOf,
  table,
} from "./two-families.ts";

const [NEXT, DROP, REDIRECT] = [-1, 2, 7];
const [PORT, OTHER_PORT, POD_PORT, CLIENT_PORT] = [30_080, 32_767, 80, 40_000];
const TUNNEL_BYTES = 50;
const WORLD = 2;
const SERVICE = 5;
/** Of the other host: a pod, and what it is known by. */
const THERE = { IPv4: "10.201.2.9", IPv6: "fd00:201:2::9", underlay4: "10.200.0.2" } as const;

let host: TestHost;
let other: TestHost;
let pod: TestPod;
let services: TestServices;

beforeAll(() => {
  host = hostWithUplink(1, { watchesDrops: false });
  other = new TestHost(2);
  host.reach(other, PathKind.OVERLAY);
});
beforeEach(() => {
  host.clear("flows", "endpoints", "drops", "fragments", "translations", "locals");
  host.clear("relays", "services", "service_counts");
  pod = host.addLoopbackPod(FAMILIES.IPv4.pod, FAMILIES.IPv6.pod);
  services = new TestServices(host.object);
  host.policySet = 0;
  host.useNodePorts();
});
afterAll(() => {
  for (const one of [host, other]) one[Symbol.dispose]();
});

/** A pod of the host's that isn't the one whose packets are run. */
function beside(): Uint8Array {
  const local = new Uint8Array(LOCAL_SIZE);
  encodeLocal({ endpointId: 8, ifindex: 99, identity: 1008 }, viewOf(local));
  return local;
}
const numberOf = (family: Family) => (family === FAMILIES.IPv4 ? 4 : 6);
const protoOf = (kind: Kind) => (kind === "TCP" ? PROTO.tcp : PROTO.udp);
const there = (family: Family): string => (family === FAMILIES.IPv4 ? THERE.IPv4 : THERE.IPv6);
/** The port leads to those, in this order of slots. */
function lead(family: Family, kind: Kind, to: readonly string[], options = {}): Backend[] {
  const backends = to.map((address) => services.backend(SERVICE, { address, port: POD_PORT }));
  services.nodePort(SERVICE, numberOf(family), PORT, protoOf(kind), backends, options);
  return backends;
}

/** What a client outside sends. */
function request(
  family: Family,
  kind: Kind,
  {
    to = PORT,
    from = CLIENT_PORT,
    client = family.client as string,
    flags = { syn: true, seq: 7 } as TcpFlags,
    bytes = 40,
  } = {},
): Buffer {
  const ip = family.build(client, family.host);
  return checksummed((kind === "TCP" ? ip.tcp(from, to, flags) : ip.udp(from, to)).payload(bytes).bytes());
}
/** What a pod answers, from whatever address. */
function answer(family: Family, kind: Kind, from: string = family.pod, port = POD_PORT): Buffer {
  const ip = family.build(from, family.client);
  const flags = { syn: true, ack: true, ackSeq: 8 };
  return checksummed(
    (kind === "TCP" ? ip.tcp(port, CLIENT_PORT, flags) : ip.udp(port, CLIENT_PORT)).payload(21).bytes(),
  );
}
const arrive = (bytes: Buffer) => host.run("wire_ingress", bytes);
const out = (bytes: Buffer) => host.run("pod_egress", bytes);
/** What is inside, as a frame. */
const inner = (frame: Buffer): Buffer => frame.subarray(TUNNEL_BYTES);
/** Of VXLAN's first word: its flags, and what we have in its lower half. */
const tunnelWord = (frame: Buffer): [number, number] => [
  frame.readUInt8(ETHERNET + 28),
  frame.readUInt16BE(ETHERNET + 30),
];
/** As the other host puts it into the tunnel; `port`: to which of its own it came. */
function tunnelled(frame: Buffer, { port = 0, from = THERE.underlay4 as string } = {}): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt8(port ? 0x09 : 0x08, 0);
  header.writeUInt16BE(port, 2);
  const outer = packet().ethernet().ip4(from, host.underlay4).udp(50_000, TUNNEL_PORT);
  return checksummed(outer.raw(Buffer.concat([header, frame])).bytes());
}
const hopsOf = (family: Family, frame: Buffer) =>
  frame.readUInt8(ETHERNET + (family === FAMILIES.IPv4 ? 8 : 7));
const relays = () => host.object.map("relays").readAll().count;
const flowOf = (client: string): Flow | undefined =>
  host.flowsOf(pod).find(({ key }) => Buffer.compare(key.daddr, addressBytes(client)) === 0);

describe.each(table)("%s", (_name, family, kind) => {
  test("a backend here gets it from the client's own address, and answers from the port that was asked for", () => {
    lead(family, kind, [family.pod]);
    for (let n = 0; n < 2; n++) {
      const { answer: verdict, packet: came } = arrive(
        request(family, kind, n ? { flags: { ack: true } } : {}),
      );
      expect(verdict).toBe(REDIRECT);
      expect(addressAt(family, came, "destination")).toEqual(bytesOf(family.pod));
      expect(addressAt(family, came, "source")).toEqual(bytesOf(family.client));
      expect(portsOf(family, came)).toEqual([CLIENT_PORT, POD_PORT]);
      expect(checksumProblems(came)).toEqual([]);
    }
    const { answer: verdict, packet: left } = out(answer(family, kind));
    expect(verdict).toBe(REDIRECT);
    expect(addressAt(family, left, "source")).toEqual(bytesOf(family.host));
    expect(portsOf(family, left)).toEqual([PORT, CLIENT_PORT]);
    expect(checksumProblems(left)).toEqual([]);
    const { record } = flowOf(family.client) as Flow;
    expect(record.opener).toBe(FlowOpener.REMOTE);
    expect(record.path).toMatchObject({ kind: PathKind.MASQUERADE, verdict: Verdict.FORWARD, natPort: PORT });
    expect([services.counts(SERVICE).opened, relays()]).toEqual([1n, 1]);
    expectPodConserved(host, pod);
  });

  test("a backend of another host gets it through the tunnel, which says to which port it came, a hop shorter", () => {
    lead(family, kind, [there(family)]);
    const sent = request(family, kind);
    const { answer: verdict, packet: left } = arrive(sent);
    expect(verdict).toBe(REDIRECT);
    expect(left.subarray(ETHERNET + 12, ETHERNET + 20)).toEqual(
      Buffer.concat([bytesOf(host.underlay4), bytesOf(THERE.underlay4)]),
    );
    expect(tunnelWord(left)).toEqual([0x09, PORT]);
    expect(left.readUInt32BE(ETHERNET + 32)).toBe(0); // nobody's identity
    expect(addressAt(family, inner(left), "source")).toEqual(bytesOf(family.client));
    expect(addressAt(family, inner(left), "destination")).toEqual(bytesOf(there(family)));
    expect(portsOf(family, inner(left))).toEqual([CLIENT_PORT, POD_PORT]);
    expect(hopsOf(family, inner(left))).toBe(hopsOf(family, sent) - 1);
    expect(checksumProblems(inner(left))).toEqual([]);
    expect(arrive(request(family, kind, { flags: { ack: true } })).answer).toBe(REDIRECT);
    arrive(sent); // once more: it is the same connection
    expect([services.counts(SERVICE).opened, relays(), host.flows()]).toEqual([1n, 1, []]);
    expect(host.ownDrops()).toEqual({});
  });

  test("its answer comes back through the tunnel and goes out as it is; so does an error of the pod", () => {
    lead(family, kind, [there(family)]);
    const sent = request(family, kind);
    arrive(sent);
    const reply = answer(family, kind, family.host, PORT);
    const { answer: verdict, packet: left } = arrive(tunnelled(reply));
    expect(verdict).toBe(REDIRECT);
    expect(addressAt(family, left, "source")).toEqual(bytesOf(family.host));
    expect(addressAt(family, left, "destination")).toEqual(bytesOf(family.client));
    expect(hopsOf(family, left)).toBe(hopsOf(family, reply) - 1);
    expect(checksumProblems(left)).toEqual([]);
    const error = family.unreachable(family.build(family.host, family.client)).raw(sent.subarray(ETHERNET));
    expect(arrive(tunnelled(checksummed(error.bytes()))).answer).toBe(REDIRECT);
  });

  test("what comes back to a client that was forgotten goes on, from a port that is no service's no farther", () => {
    lead(family, kind, [there(family)]);
    const reply = (port: number) => arrive(tunnelled(answer(family, kind, family.host, port))).answer;
    expect([reply(PORT), reply(OTHER_PORT)]).toEqual([REDIRECT, DROP]);
    expect(host.ownDrops()).toEqual({ NO_ROUTE: 1 });
  });

  test("an error about what was sent back is the pod's, inside as well, and is relayed", () => {
    lead(family, kind, [there(family)]);
    const quoted = answer(family, kind, family.host, PORT);
    const error = checksummed(
      family.unreachable(family.build(family.router, family.host)).raw(quoted.subarray(ETHERNET)).bytes(),
    );
    expect(arrive(error)).toEqual({ answer: NEXT, packet: error });
    arrive(request(family, kind));
    const { answer: verdict, packet: left } = arrive(error);
    expect(verdict).toBe(REDIRECT);
    expect(addressAt(family, inner(left), "destination")).toEqual(bytesOf(there(family)));
    expect(inner(left).readUInt16BE(ETHERNET + 2 * family.header + 8)).toBe(POD_PORT);
    expect(checksumProblems(inner(left))).toEqual([]);
  });

  test("a client stays with its backend when the table is another; a connection that it opens anew doesn't", () => {
    const [first] = lead(family, kind, [there(family)]) as [Backend];
    arrive(request(family, kind));
    lead(family, kind, [family.pod]);
    const goes = (flags: TcpFlags) => {
      const left = arrive(request(family, kind, { flags })).packet;
      return left.length > 14 + family.header + 70 ? "there" : "here";
    };
    expect(goes({ ack: true })).toBe("there");
    if (kind === "UDP") services.removeBackend(first); // takes nothing new: datagrams go elsewhere
    expect(goes({ syn: true, seq: 9 })).toBe("here");
    expect(goes({ ack: true })).toBe("here");
  });

  test("datagrams stay with a pod here for as long as it is a backend", () => {
    const [first] = lead(family, kind, [family.pod]) as [Backend];
    for (let n = 0; n < 3; n++) arrive(request(family, kind, { flags: { ack: true } }));
    lead(family, kind, [there(family)]);
    const goes = () =>
      arrive(request(family, kind, { flags: { ack: true } })).packet.length > 14 + family.header + 70;
    expect(goes()).toBe(false);
    services.removeBackend(first);
    expect(goes()).toBe(kind === "UDP");
  });

  test("affinity is by the client's address alone", () => {
    const all = [there(family), family.pod];
    const places = (client: string) =>
      new Set(
        Array.from({ length: 40 }, (_, n) => {
          const left = arrive(request(family, kind, { client, from: 20_000 + n })).packet;
          return left.length > 14 + family.header + 70 ? "there" : "here";
        }),
      );
    lead(family, kind, all);
    expect(places(family.client).size).toBe(2);
    lead(family, kind, all, { affinitySeconds: 60 });
    const clients = Array.from({ length: 12 }, (_, n) =>
      family === FAMILIES.IPv4 ? `192.0.2.${n + 10}` : `2001:db8::${n + 10}`,
    );
    const each = clients.map(places);
    expect(each.map(({ size }) => size)).toEqual(each.map(() => 1));
    expect(new Set(each.flatMap((one) => [...one])).size).toBe(2);
  });

  test("is judged at the backend as what the pod receives at its own port from the client", () => {
    lead(family, kind, [family.pod]);
    const policy = new TestPolicy(host).subject(pod.endpointId, "ingress");
    policy.judge(pod.endpointId, "ingress", { identity: WORLD }, [
      { proto: protoOf(kind), port: POD_PORT, verdict: "DROP", rule: 4 },
    ]);
    policy.hold();
    for (const prefix of ["0.0.0.0", "::"])
      host.route(prefix, prefix === "::" ? 0 : 96, {
        ...{ kind: PathKind.HOST, identity: WORLD, flags: RouteFlag.OUTSIDE },
      });
    host.commit();
    expect(arrive(request(family, kind)).answer).toBe(DROP);
    expect(host.ownDrops()).toEqual({ POLICY: 1 });
  });

  test("a source that is a pod's, whose packets come through tunnels or from here, is nobody's", () => {
    lead(family, kind, [there(family), family.pod]);
    for (const client of [family.pod, there(family)])
      expect(arrive(request(family, kind, { client })).answer).toBe(DROP);
    expect([host.flows(), host.ownDrops()]).toEqual([[], { SPOOFED: 2 }]);
    expect(relays()).toBe(0);
  });

  test("a backend that is no pod's is passed over, and is as none where there is no other", () => {
    const outside = family === FAMILIES.IPv4 ? "198.51.100.7" : "2001:db8:7::7";
    lead(family, kind, [outside, outside, outside, family.pod]);
    const answers = Array.from({ length: 30 }, (_, n) => arrive(request(family, kind, { from: 20_000 + n })));
    const came = answers.filter(({ packet }) =>
      addressAt(family, packet, "destination").equals(bytesOf(family.pod)),
    );
    expect(came.length).toBeGreaterThan(10);
    lead(family, kind, [outside]);
    expect(arrive(request(family, kind)).answer).toBe(REDIRECT);
    expect(host.ownDrops()).toHaveProperty("NO_BACKEND");
  });

  test("with no backend it is refused as a closed port is", () => {
    lead(family, kind, []);
    const { answer: verdict, packet: told } = arrive(request(family, kind));
    expect(verdict).toBe(REDIRECT);
    expect(addressAt(family, told, "source")).toEqual(bytesOf(family.host));
    expect(addressAt(family, told, "destination")).toEqual(bytesOf(family.client));
    if (kind === "TCP") expect(told.readUInt8(ETHERNET + family.header + 13)).toBe(0x14);
    else
      expect([...told.subarray(ETHERNET + family.header).subarray(0, 2)]).toEqual(
        numberOf(family) === 4 ? [3, 3] : [1, 4],
      );
    expect(checksumProblems(told)).toEqual([]);
    expect([host.ownDrops(), services.counts(SERVICE).refused]).toEqual([{ NO_BACKEND: 1 }, 1n]);
  });

  test("longer than the tunnel takes: the sender is told the length that fits", () => {
    lead(family, kind, [there(family)]);
    const most = 1500 - TUNNEL_BYTES - family.header - (kind === "TCP" ? 20 : 8);
    expect(arrive(request(family, kind, { bytes: most })).answer).toBe(REDIRECT);
    expect(host.ownDrops()).toEqual({});
    const { answer: verdict, packet: told } = arrive(request(family, kind, { bytes: most + 1 }));
    expect(verdict).toBe(REDIRECT);
    expect([...told.subarray(ETHERNET + family.header).subarray(0, 2)]).toEqual(
      numberOf(family) === 4 ? [3, 4] : [2, 0],
    );
    expect(told.readUInt32BE(ETHERNET + family.header + 4)).toBe(1450);
    expect(addressAt(family, told, "destination")).toEqual(bytesOf(family.client));
    expect(checksumProblems(told)).toEqual([]);
    expect(host.ownDrops()).toEqual({ TOO_LONG: 1 });
  });

  test("a port that no service has, or nobody knows, is the host's own; so is one beyond the range", () => {
    services.know(`100::6e70:0:${numberOf(family)}:${protoOf(kind).toString(16)}:${PORT.toString(16)}`);
    for (const to of [PORT, OTHER_PORT, 29_999, 32_768]) {
      const sent = request(family, kind, { to });
      expect(arrive(sent)).toEqual({ answer: NEXT, packet: sent });
    }
    expect([host.flows(), host.ownDrops()]).toEqual([[], {}]);
  });

  test("with nothing known of the backend's way, and no agent to ask, it is dropped, and what is kept of it goes on", () => {
    const nowhere = family === FAMILIES.IPv4 ? "10.201.7.7" : "fd00:201:7::7";
    host.route(nowhere, 128, { kind: PathKind.PUNT });
    lead(family, kind, [nowhere]);
    expect(arrive(request(family, kind)).answer).toBe(DROP);
    expect(host.ownDrops()).toEqual({ UNRESOLVED: 1 });
  });

  describe("at the backend's host", () => {
    const came = (flags: TcpFlags = { syn: true, seq: 7 }) => {
      const ip = family.build(family.client, family.pod);
      const frame = kind === "TCP" ? ip.tcp(CLIENT_PORT, POD_PORT, flags) : ip.udp(CLIENT_PORT, POD_PORT);
      return checksummed(frame.payload(40).bytes());
    };
    const asked = () => bytesOf(family === FAMILIES.IPv4 ? other.underlay4 : other.underlay6);

    test("it is the pod's, under the port of the host that sent it; the answer goes back by way of that", () => {
      expect(arrive(tunnelled(came(), { port: PORT })).answer).toBe(REDIRECT);
      for (const anew of [false, true]) {
        if (anew) host.commit();
        const { answer: verdict, packet: left } = out(answer(family, kind));
        expect(verdict).toBe(REDIRECT);
        expect(left.subarray(ETHERNET + 16, ETHERNET + 20)).toEqual(bytesOf(THERE.underlay4));
        expect(tunnelWord(left)).toEqual([0x08, 0]);
        expect(left.readUInt32BE(ETHERNET + 32) >>> 8).toBe(pod.identity);
        expect(addressAt(family, inner(left), "source")).toEqual(asked());
        expect(addressAt(family, inner(left), "destination")).toEqual(bytesOf(family.client));
        expect(portsOf(family, inner(left))).toEqual([PORT, CLIENT_PORT]);
        expect(checksumProblems(inner(left))).toEqual([]);
        expect(arrive(tunnelled(came({ ack: true }), { port: PORT })).answer).toBe(REDIRECT);
      }
      const { record } = flowOf(family.client) as Flow;
      expect(record.path).toMatchObject({ kind: PathKind.OVERLAY, natPort: PORT, remote: other.number });
      expect(host.object.map("translations").readAll().count).toBe(0);
      expectPodConserved(host, pod);
    });

    test("what can't be judged yet goes up to the agent, and not back unjudged", () => {
      arrive(tunnelled(came(), { port: PORT }));
      new TestPolicy(host).begin().subject(pod.endpointId, "ingress").hold();
      host.punt = host.ifindexOf("up0");
      host.commit();
      const sent = answer(family, kind);
      const { answer: verdict, packet: left } = out(sent);
      host.punt = 0;
      expect(verdict).toBe(REDIRECT);
      expect(left).toEqual(sent);
    });

    test("an error of the pod about it is the client's, inside as well, by the same way", () => {
      const sent = came();
      arrive(tunnelled(sent, { port: PORT }));
      const error = family.unreachable(family.build(family.pod, family.client)).raw(sent.subarray(ETHERNET));
      const { answer: verdict, packet: left } = out(checksummed(error.bytes()));
      expect(verdict).toBe(REDIRECT);
      expect(left.subarray(ETHERNET + 16, ETHERNET + 20)).toEqual(bytesOf(THERE.underlay4));
      expect(addressAt(family, inner(left), "source")).toEqual(asked());
      const quoted = ETHERNET + family.header + 8;
      expect(
        inner(left).subarray(quoted + family.destination, quoted + family.destination + family.addressBytes),
      ).toEqual(asked());
      expect(inner(left).readUInt16BE(quoted + family.header + 2)).toBe(PORT);
      expect(checksumProblems(inner(left))).toEqual([]);
    });

    test("the pod is told what is longer than the tunnel takes", () => {
      arrive(tunnelled(came(), { port: PORT }));
      const ip = family.build(family.pod, family.client);
      const most = 1500 - TUNNEL_BYTES - family.header - (kind === "TCP" ? 20 : 8);
      const send = (bytes: number) =>
        out(
          checksummed(
            (kind === "TCP" ? ip.tcp(POD_PORT, CLIENT_PORT, { ack: true }) : ip.udp(POD_PORT, CLIENT_PORT))
              .payload(bytes)
              .bytes(),
          ),
        );
      expect(inner(send(most).packet).length).toBe(ETHERNET + 1450);
      const { answer: verdict, packet: told } = send(most + 1);
      expect(verdict).toBe(REDIRECT);
      expect(told.readUInt32BE(ETHERNET + family.header + 4)).toBe(1450);
      expect(addressAt(family, told, "destination")).toEqual(bytesOf(family.pod));
      expect(checksumProblems(told)).toEqual([]);
      expect([host.ownDrops(), (flowOf(family.client) as Flow).record.drops]).toEqual([{ TOO_LONG: 1 }, 1n]);
      expectPodConserved(host, pod);
    });

    test.each([
      ["this host's own", (of: Family) => of.host],
      ["a pod's of this host", (of: Family) => (of === FAMILIES.IPv4 ? "10.201.1.8" : "fd00:201:1::8")],
      ["a pod's of another host", there],
    ])("it is answered by way of that also where the client's address is %s", (_whose, clientOf) => {
      host
        .map("locals")
        .update(addressBytes(family === FAMILIES.IPv4 ? "10.201.1.8" : "fd00:201:1::8"), beside());
      const client = clientOf(family);
      const ip = family.build(client, family.pod);
      const frame =
        kind === "TCP" ? ip.tcp(CLIENT_PORT, POD_PORT, { syn: true }) : ip.udp(CLIENT_PORT, POD_PORT);
      expect(arrive(tunnelled(checksummed(frame.bytes()), { port: PORT })).answer).toBe(REDIRECT);
      const back = family.build(family.pod, client);
      const flags = { syn: true, ack: true };
      const reply = kind === "TCP" ? back.tcp(POD_PORT, CLIENT_PORT, flags) : back.udp(POD_PORT, CLIENT_PORT);
      const { answer: verdict, packet: left } = out(checksummed(reply.bytes()));
      expect(verdict).toBe(REDIRECT);
      expect(left.subarray(ETHERNET + 16, ETHERNET + 20)).toEqual(bytesOf(THERE.underlay4));
      expect(addressAt(family, inner(left), "source")).toEqual(asked());
    });

    test("of a host that isn't known it is nobody's", () => {
      expect(arrive(tunnelled(came(), { port: PORT, from: "10.200.0.77" })).answer).toBe(DROP);
      expect([host.flows(), host.ownDrops()]).toEqual([[], { UNKNOWN_TUNNEL: 1 }]);
    });
  });
});

test("later fragments of a datagram go where its first one went", () => {
  const family = FAMILIES.IPv4;
  lead(family, "UDP", [there(family)]);
  const pieces = [
    packet()
      .ethernet()
      .ip4(family.client, family.host, { id: 7, moreFragments: true })
      .udp(CLIENT_PORT, PORT)
      .payload(64),
    packet()
      .ethernet()
      .ip4(family.client, family.host, { id: 7, fragmentOffset: 72, proto: PROTO.udp })
      .payload(40),
  ].map((piece) => Buffer.from(piece.bytes()));
  for (const piece of pieces) {
    const { answer: verdict, packet: left } = arrive(piece);
    expect(verdict).toBe(REDIRECT);
    expect(addressAt(family, inner(left), "destination")).toEqual(bytesOf(there(family)));
  }
});
