/*
 * What the slow path judges of single packets, and that the fast path follows it and nothing older. Between real pods it
 * is policy.kernel.test.ts's; what the tables should hold is the agent's.
 */
import { EndpointClass } from "@millrace/abi/generated/endpoint";
import { FlowOpener, PathKind, Verdict } from "@millrace/abi/generated/flow";
import { ObserverCount } from "@millrace/abi/generated/observer";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { TestHost, type TestPod, TUNNEL_PORT } from "./forwarder.ts";
import { plus, sumU64, u32 } from "./observer.ts";
import { addressBytes, PROTO, packet } from "./packet-builder.ts";
import { TestPolicy } from "./policy-tables.ts";
import { sumOfClasses, sumOfFlows } from "./sums.ts";

const NEXT = -1;
const DROP = 2;
const REDIRECT = 7;
const POD4 = "10.201.1.7";
const POD6 = "fd00:201:1::7";
const OUT4 = "192.0.2.1";
const OUT6 = "2001:db8::1";
/** In a pool; who it is depends on the test. */
const PEER4 = "10.201.2.9";
const HOST4 = "10.200.0.1";
const WORLD = 2;
const PEER = 300;
const LOOPBACK = 1;
const DENY = { verdict: "DROP", rule: 256, revision: 9 } as const;
const eth = () => packet().ethernet();

let host: TestHost;
let pod: TestPod;
let policy: TestPolicy;
beforeAll(() => {
  host = new TestHost(1, { watchesDrops: false });
  for (const [prefix, bits] of [
    ["0.0.0.0", 96],
    ["::", 0],
  ] as const)
    host.route(prefix, bits, { kind: PathKind.HOST, identity: WORLD });
  host.route(HOST4, 128, { kind: PathKind.HOST, identity: 1 });
  host.route("10.201.0.0", 112, { kind: PathKind.PUNT });
  policy = new TestPolicy(host);
});
beforeEach(() => {
  host.clear("flows", "endpoints", "drops", "fragments", "locals");
  pod = host.addLoopbackPod(POD4, POD6);
  host.punt = 0;
  policy.begin();
});
afterAll(() => host[Symbol.dispose]());

const egress = (bytes: Uint8Array) => host.run("pod_egress", bytes).answer;
const ingress = (bytes: Uint8Array) => host.run("pod_ingress", bytes).answer;
const flow = (proto = PROTO.tcp as number) => host.flowsOf(pod).find(({ key }) => key.proto === proto);
const path = (proto?: number) => flow(proto)?.record.path;
const tcp = (dport: number, flags = {}, to = OUT4) => eth().ip4(POD4, to).tcp(1000, dport, flags).bytes();
const tcpIn = (dport: number, flags = {}, from = OUT4) =>
  eth().ip4(from, POD4).tcp(2000, dport, flags).bytes();

function expectConserved(direction: 0 | 1): void {
  const endpoint = host.endpoint(pod);
  const accounted = plus(
    sumOfFlows(host.flowsOf(pod), direction),
    sumOfClasses(endpoint, direction, EndpointClass.TOTAL),
  );
  expect(accounted).toEqual(endpoint.counters[direction]?.[EndpointClass.TOTAL]);
}
const total = (direction: 0 | 1) => host.endpoint(pod).counters[direction]?.[EndpointClass.TOTAL]?.packets;

describe("who is judged", () => {
  test("an endpoint that no policy selects passes without a rule", () => {
    policy.subject(pod.endpointId).hold();
    expect(egress(tcp(80, { syn: true }))).toBe(NEXT);
    expect(path()).toMatchObject({ verdict: Verdict.FORWARD, rule: 0, revision: 0 });
  });
  test("in a direction in which none selects it, likewise", () => {
    policy.subject(pod.endpointId, "ingress").hold();
    expect(egress(tcp(80, { syn: true }))).toBe(NEXT);
  });
  test("without a policy set nobody is", () => {
    host.policySet = 0;
    host.commit();
    expect(egress(tcp(80, { syn: true }))).toBe(NEXT);
  });
});

test.each([
  ["the port that a rule allows", tcp(443, { syn: true }), "FORWARD", 257],
  ["a port of an allowed range", tcp(8084, { syn: true }), "FORWARD", 258],
  ["the port beyond the range", tcp(8088, { syn: true }), "DROP", 256],
  ["a port that is denied within an allowed range", tcp(8083, { syn: true }), "DROP", 259],
  ["another port", tcp(444, { syn: true }), "DROP", 256],
  ["a protocol that is allowed whole", eth().ip4(POD4, OUT4).udp(1, 53).bytes(), "FORWARD", 260],
  ["echo, of a protocol that no rule names", eth().ip4(POD4, OUT4).icmp(8, 0, 443).bytes(), "DROP", 256],
  ["IPv6, of the same peer", eth().ip6(POD6, OUT6).tcp(1000, 443, { syn: true }).bytes(), "FORWARD", 257],
] as const)("to %s", (_name, bytes, verdict, rule) => {
  policy
    .subject(pod.endpointId, "egress")
    .judge(pod.endpointId, "egress", { identity: WORLD }, [
      DENY,
      { proto: 6, port: 443, verdict: "FORWARD", rule: 257, revision: 9 },
      { proto: 6, port: 8080, bits: 13, verdict: "FORWARD", rule: 258, revision: 9 },
      { proto: 6, port: 8083, verdict: "DROP", rule: 259, revision: 9 },
      { proto: 17, verdict: "FORWARD", rule: 260, revision: 9 },
    ])
    .hold();
  expect(egress(bytes)).toBe(verdict === "DROP" ? DROP : NEXT);
  const [found] = host.flowsOf(pod);
  expect(found?.record.path).toMatchObject({ verdict: Verdict[verdict], rule, revision: 9 });
  expect(host.ownDrops()).toEqual(verdict === "DROP" ? { POLICY: 1 } : {});
  expect(found?.record.drops).toBe(verdict === "DROP" ? 1n : 0n);
  expectConserved(0);
});

test("of an address the longest prefix decides, and what isn't in one is of class 0", () => {
  policy
    .subject(pod.endpointId, "egress")
    .class("198.18.0.0", 15, 1)
    .class("198.18.5.0", 24, 2)
    .class("2001:db8:5::", 48, 3);
  policy.judge(pod.endpointId, "egress", { identity: WORLD }, [{ ...DENY, rule: 1 }]);
  policy.judge(pod.endpointId, "egress", { identity: WORLD, cidrClass: 1 }, [
    { verdict: "FORWARD", rule: 2 },
  ]);
  policy.judge(pod.endpointId, "egress", { identity: WORLD, cidrClass: 2 }, [{ ...DENY, rule: 3 }]);
  policy
    .judge(pod.endpointId, "egress", { identity: WORLD, cidrClass: 3 }, [{ verdict: "FORWARD", rule: 4 }])
    .hold();
  const rules = [OUT4, "198.18.4.255", "198.19.255.1", "198.18.5.7"].map((to) => {
    egress(eth().ip4(POD4, to).udp(7, 7).bytes());
    return host.flowsOf(pod).find(({ key }) => Buffer.compare(key.daddr, addressBytes(to)) === 0)?.record.path
      .rule;
  });
  expect(rules).toEqual([1, 2, 2, 3]);
  expect(egress(eth().ip6(POD6, "2001:db8:5::1").udp(7, 7).bytes())).toBe(NEXT);
  expect(egress(eth().ip6(POD6, OUT6).udp(7, 7).bytes())).toBe(DROP);
});

describe("a flow is judged as its opener's", () => {
  beforeEach(() => {
    // May be reached on port 80, may not reach anybody.
    policy.subject(pod.endpointId, "egress", "ingress");
    policy.judge(pod.endpointId, "egress", { identity: WORLD }, [DENY]);
    policy
      .judge(pod.endpointId, "ingress", { identity: WORLD }, [
        { ...DENY, rule: 512 },
        { proto: 6, port: 80, verdict: "FORWARD", rule: 513 },
        { proto: 1, verdict: "FORWARD", rule: 514 },
      ])
      .hold();
  });

  test("what it answers passes, what it opens doesn't", () => {
    expect(ingress(tcpIn(80, { syn: true }))).toBe(NEXT);
    expect(egress(eth().ip4(POD4, OUT4).tcp(80, 2000, { syn: true, ack: true }).bytes())).toBe(NEXT);
    expect(path()).toMatchObject({ verdict: Verdict.FORWARD, rule: 513 });
    expect(egress(tcp(80, { syn: true }))).toBe(DROP);
    expect(egress(eth().ip4(POD4, OUT4).udp(80, 80).bytes())).toBe(DROP);
  });
  test("a SYN-ACK that is met first means that the other opened it", () => {
    expect(egress(eth().ip4(POD4, OUT4).tcp(80, 2000, { syn: true, ack: true }).bytes())).toBe(NEXT);
    expect(flow()?.record.opener).toBe(FlowOpener.REMOTE);
    expect(egress(eth().ip4(POD4, OUT4).tcp(81, 2000, { syn: true, ack: true }).bytes())).toBe(DROP);
  });
  test("an echo's answer that is met first, likewise", () => {
    expect(egress(eth().ip4(POD4, OUT4).icmp(0, 0, 5).bytes())).toBe(NEXT);
    expect(path(PROTO.icmp)?.rule).toBe(514);
    expect(egress(eth().ip4(POD4, OUT4).icmp(8, 0, 6).bytes())).toBe(DROP);
  });
  test("one that was met in mid-stream passes if it would, whoever opened it", () => {
    expect(egress(eth().ip4(POD4, OUT4).tcp(80, 2000, { ack: true }).bytes())).toBe(NEXT);
    expect(path()).toMatchObject({ verdict: Verdict.FORWARD, rule: 513 });
    expect(egress(eth().ip4(POD4, OUT4).tcp(81, 2000, { ack: true }).bytes())).toBe(DROP);
  });
  test("what doesn't arrive isn't counted as received, but as the flow's drops", () => {
    for (let n = 0; n < 3; n++) expect(ingress(tcpIn(81, { syn: true }))).toBe(DROP);
    expect(total(1)).toBe(0n);
    expect(flow()?.record.drops).toBe(3n);
    expect(host.ownDrops()).toEqual({ POLICY: 3 });
    expectConserved(1);
  });
  test("a closed connection's tuple that the other end opens anew is judged anew", () => {
    ingress(tcpIn(80, { syn: true, seq: 1 }));
    egress(eth().ip4(POD4, OUT4).tcp(80, 2000, { rst: true }).bytes());
    expect(egress(eth().ip4(POD4, OUT4).tcp(80, 2000, { syn: true, seq: 77 }).bytes())).toBe(DROP);
    expect(path()).toMatchObject({ verdict: Verdict.DROP, rule: 256 });
  });
  test("a SYN into an open connection doesn't turn it round", () => {
    ingress(tcpIn(80, { syn: true, seq: 1 }));
    egress(eth().ip4(POD4, OUT4).tcp(80, 2000, { syn: true, ack: true }).bytes());
    egress(eth().ip4(POD4, OUT4).tcp(80, 2000, { syn: true, seq: 77 }).bytes());
    expect(ingress(tcpIn(80, { ack: true }))).toBe(NEXT);
    expect(path()?.verdict).toBe(Verdict.FORWARD);
  });
});

describe("an ICMP error", () => {
  const quote = eth().ip4(POD4, OUT4).udp(4000, 53).payload(8).bytes().slice(14);
  const error = (quoted: Uint8Array) => eth().ip4("203.0.113.9", POD4).icmp(3, 3).payload(quoted).bytes();
  beforeEach(() => {
    policy.subject(pod.endpointId, "egress", "ingress");
    policy.judge(pod.endpointId, "ingress", { identity: WORLD }, [DENY]);
    policy
      .judge(pod.endpointId, "egress", { identity: WORLD }, [
        DENY,
        { proto: 17, port: 53, verdict: "FORWARD", rule: 300 },
      ])
      .hold();
  });
  test("about a flow that may pass goes with it, whoever sends it, and each is judged by itself", () => {
    expect(egress(eth().ip4(POD4, OUT4).udp(4000, 53).bytes())).toBe(NEXT);
    expect(ingress(error(quote))).toBe(NEXT);
    expect(path(PROTO.icmp)).toMatchObject({ verdict: Verdict.FORWARD, rule: 300 });
    const other = eth().ip4(POD4, OUT4).udp(4001, 53).payload(8).bytes().slice(14);
    expect(ingress(error(other))).toBe(DROP);
    expect(ingress(error(quote))).toBe(NEXT);
  });
  test("about a flow without ports is judged as that flow", () => {
    const gre = (bytes: number) => eth().ip4(POD4, OUT4, { proto: 47 }).payload(bytes).bytes();
    policy.begin().subject(pod.endpointId, "egress", "ingress");
    policy.judge(pod.endpointId, "ingress", { identity: WORLD }, [DENY]);
    policy
      .judge(pod.endpointId, "egress", { identity: WORLD }, [{ proto: 47, verdict: "FORWARD", rule: 301 }])
      .hold();
    expect(egress(gre(20))).toBe(NEXT);
    expect(ingress(error(gre(20).slice(14)))).toBe(NEXT);
    expect(path(PROTO.icmp)?.rule).toBe(301);
  });
  test("quotes nothing beyond its end, though the frame goes on", () => {
    expect(egress(eth().ip4(POD4, OUT4).udp(4000, 53).bytes())).toBe(NEXT);
    const cut = error(quote.slice(0, 22));
    expect(ingress(Buffer.concat([cut, quote.slice(22)]))).toBe(DROP);
  });
  test("about a flow that may not, or that quotes nothing, is a packet like others", () => {
    egress(eth().ip4(POD4, OUT4).udp(4000, 54).bytes());
    const refused = eth().ip4(POD4, OUT4).udp(4000, 54).payload(8).bytes().slice(14);
    for (const bytes of [refused, new Uint8Array(0), quote.slice(0, 22)])
      expect(ingress(error(bytes))).toBe(DROP);
  });
});

test("what keeps the link alive needs no rule, and goes no farther", () => {
  policy.subject(pod.endpointId, "egress", "ingress").hold();
  expect(egress(eth().ip6("fe80::7", "ff02::2").icmp6(133).bytes())).toBe(NEXT);
  expect(egress(eth().ip6(POD6, "ff02::16").icmp6(143).bytes())).toBe(NEXT);
  expect(ingress(eth().ip6("fe80::1", POD6).icmp6(136).bytes())).toBe(NEXT);
  expect(egress(eth().ip6(POD6, OUT6).icmp6(136).bytes())).toBe(DROP);
});

describe("what was judged is followed", () => {
  const data = tcp(80, { ack: true });
  const rules = (verdict: "FORWARD" | "DROP" | "WOULD_DROP", rule: number) => {
    policy.begin().subject(pod.endpointId, "egress");
    policy.judge(pod.endpointId, "egress", { identity: WORLD }, [{ verdict, rule, revision: rule }]).hold();
  };
  /** Opens and establishes it, and sends once more by the short way. */
  const establish = () => {
    egress(tcp(80, { syn: true }));
    ingress(eth().ip4(OUT4, POD4).tcp(80, 1000, { syn: true, ack: true }).bytes());
    for (let n = 0; n < 3; n++) egress(data);
  };

  test("by the fast path when it would only be dropped, and the flow says so", () => {
    rules("WOULD_DROP", 7);
    establish();
    const before = path()?.slowPackets;
    expect(egress(data)).toBe(NEXT);
    expect(path()).toMatchObject({ verdict: Verdict.WOULD_DROP, rule: 7, revision: 7, slowPackets: before });
  });
  test("to the generation's end: a change cuts an open connection off, and lets it pass again", () => {
    rules("FORWARD", 1);
    establish();
    expect(egress(data)).toBe(NEXT);
    rules("DROP", 2);
    expect(egress(data)).toBe(DROP);
    expect(path()).toMatchObject({ verdict: Verdict.DROP, rule: 2, revision: 2 });
    rules("FORWARD", 3);
    expect(egress(data)).toBe(NEXT);
    expect(path()).toMatchObject({ verdict: Verdict.FORWARD, rule: 3 });
    expect(host.ownDrops()).toEqual({ POLICY: 1 });
    expectConserved(0);
  });
  test("also what is received", () => {
    rules("FORWARD", 1);
    establish();
    const back = eth().ip4(OUT4, POD4).tcp(80, 1000, { ack: true }).bytes();
    expect(host.run("wire_ingress", back).answer).toBe(REDIRECT);
    rules("DROP", 2);
    expect(host.run("wire_ingress", back).answer).toBe(DROP);
  });
  test("without asking again: a verdict that is kept needs no table, dropped or not", () => {
    for (const [verdict, answer] of [
      ["DROP", DROP],
      ["FORWARD", NEXT],
    ] as const) {
      rules(verdict, 1);
      expect(egress(tcp(80, { syn: true }))).toBe(answer);
      policy.forget();
      expect(egress(data)).toBe(answer);
    }
    expect(host.ownDrops()).toEqual({ POLICY: 2 });
  });
  test("what is written into another set changes nothing before that set holds", () => {
    rules("DROP", 1);
    policy.begin().subject(pod.endpointId).class("0.0.0.0", 0, 1);
    expect(egress(tcp(81, { syn: true }))).toBe(DROP);
    expect(host.ownDrops()).toEqual({ POLICY: 1 });
  });
});

describe("what can't be judged", () => {
  const packets = [
    ["its subject's policies aren't known", () => policy, tcp(80, { syn: true })],
    ["the pair isn't", () => policy.subject(pod.endpointId, "egress", "ingress"), tcp(80, { syn: true })],
  ] as const;
  test.each(packets)("goes up to the agent when sent and %s: counted as sent", (_name, fill, bytes) => {
    fill().hold();
    host.punt = LOOPBACK;
    host.commit();
    expect(egress(bytes)).toBe(REDIRECT);
    expect(path()?.generation).toBe(0);
    expect(total(0)).toBe(1n);
    expectConserved(0);
  });
  test.each(packets)("goes up when received and %s: not counted until it is delivered", (_name, fill) => {
    fill().hold();
    host.punt = LOOPBACK;
    host.commit();
    expect(ingress(tcpIn(80, { syn: true }))).toBe(REDIRECT);
    expect(host.run("wire_ingress", tcpIn(80, { syn: true })).answer).toBe(REDIRECT);
    expect(total(1)).toBe(0n);
    expect(path()?.slowPackets).toBe(0);
    expect(host.ownDrops()).toEqual({});
    policy.subject(pod.endpointId, "ingress").judge(pod.endpointId, "ingress", { identity: WORLD });
    expect(ingress(tcpIn(80, { syn: true }))).toBe(NEXT);
    expect(total(1)).toBe(1n);
    expectConserved(1);
  });
  test.each([
    ["no agent has begun yet", 0],
    ["the agent is dead, and its device with it", 9999],
  ])("is dropped when %s, with its reason, until it can be", (_name, punt) => {
    policy.subject(pod.endpointId, "egress", "ingress").hold();
    host.punt = punt;
    host.commit();
    for (let n = 0; n < 2; n++) {
      expect(egress(tcp(80, { syn: true }))).toBe(DROP);
      expect(ingress(tcpIn(80, { syn: true }))).toBe(DROP);
    }
    expect(host.ownDrops()).toEqual({ UNRESOLVED: 4 });
    expect(host.flowsOf(pod).map(({ record }) => record.drops)).toEqual([2n, 2n]);
    expect(total(1)).toBe(0n);
    policy.judge(pod.endpointId, "egress", { identity: WORLD });
    expect(egress(tcp(80, { syn: true }))).toBe(NEXT);
    expectConserved(0);
  });
});

describe("who the sender is", () => {
  const udpFrom = (from: string) => eth().ip4(from, POD4).udp(9, 9).bytes();
  const tunnelled = (identity: number, from: string, by = "10.200.0.2") => {
    const inner = udpFrom(from);
    const vxlan = Buffer.alloc(8);
    vxlan.writeUInt32BE(0x08000000, 0);
    vxlan.writeUInt32BE(identity * 256, 4);
    return eth()
      .ip4(by, HOST4)
      .udp(50_000, TUNNEL_PORT)
      .payload(Buffer.concat([vxlan, inner]))
      .bytes();
  };
  const arrives = (bytes: Uint8Array) => host.run("wire_ingress", bytes).answer;
  const identity = () => host.flowsOf(pod)[0]?.record.path.peerIdentity;
  const differs = () => sumU64(host.object.map("observer_counts"), ObserverCount.IDENTITY_DIFFERS);

  beforeEach(() => {
    for (const [at, index] of [
      ["10.200.0.2", 2],
      ["10.200.0.3", 3],
    ] as const)
      host.object.map("tunnel_peers").update(addressBytes(at).slice(12), u32(index));
    policy.subject(pod.endpointId, "ingress");
    policy.judge(pod.endpointId, "ingress", { identity: PEER });
    policy.judge(pod.endpointId, "ingress", { identity: PEER + 1 });
    policy.judge(pod.endpointId, "ingress", { identity: 1 });
    policy.judge(pod.endpointId, "ingress", { identity: WORLD }, [DENY]).hold();
  });

  test("of a pool's address that nobody knows: it goes up", () => {
    host.punt = LOOPBACK;
    host.commit();
    expect(arrives(udpFrom(PEER4))).toBe(REDIRECT);
    expect(total(1)).toBe(0n);
  });
  test("the tunnel says it", () => {
    expect(arrives(tunnelled(PEER, PEER4))).toBe(REDIRECT);
    expect(total(1)).toBe(1n);
    expect(arrives(tunnelled(77, PEER4))).toBe(DROP);
    expect(host.ownDrops()).toEqual({ UNRESOLVED: 1 });
  });
  test.each([
    ["the tunnel, from the host that the lease names: it is the newer word", "10.200.0.2", PEER],
    ["the lease, against another host's tunnel", "10.200.0.3", PEER + 1],
  ])("%s; that they differ is counted", (_name, by, expected) => {
    host.route("10.201.2.10", 128, { kind: PathKind.OVERLAY, remote: 2, identity: PEER + 1 });
    const before = differs();
    expect(arrives(tunnelled(PEER, "10.201.2.10", by))).toBe(REDIRECT);
    expect(identity()).toBe(expected);
    expect(differs()).toBe(before + 1);
  });
  test("with direct routing the lease says it", () => {
    host.route("10.201.2.11", 128, { kind: PathKind.DIRECT, remote: 2, identity: PEER });
    expect(arrives(udpFrom("10.201.2.11"))).toBe(REDIRECT);
    expect(identity()).toBe(PEER);
  });
  test("no tunnel speaks for a reserved identity, for what is outside or for a pod here", () => {
    expect(arrives(tunnelled(1, PEER4))).toBe(DROP);
    expect(host.ownDrops()).toEqual({ UNRESOLVED: 1 });
    expect(arrives(tunnelled(PEER, OUT4))).toBe(DROP);
    expect(host.ownDrops()).toEqual({ UNRESOLVED: 1, POLICY: 1 });
  });
  test("the host's address is the host's when its own stack sends, and anybody's from outside", () => {
    expect(arrives(udpFrom(HOST4))).toBe(DROP);
    expect(ingress(eth().ip4(HOST4, POD4).udp(10, 10).bytes())).toBe(NEXT);
  });
  test("of one flow, too, whichever comes first", () => {
    const from = (port: number) => eth().ip4(HOST4, POD4).udp(port, 10).bytes();
    for (const port of [20, 21]) expect(ingress(from(port))).toBe(NEXT);
    for (const port of [20, 22]) expect(arrives(from(port))).toBe(DROP);
    for (const port of [20, 21, 22]) expect(ingress(from(port))).toBe(NEXT);
    for (const port of [20, 21, 22]) expect(arrives(from(port))).toBe(DROP);
    expect(host.ownDrops()).toEqual({ POLICY: 5 });
  });
});
