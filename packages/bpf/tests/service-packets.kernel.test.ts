/*
 * Services, packet by packet: what a pod sends to a virtual address without a socket of its own that was given a backend,
 * how the answers and the errors about it come back, and what is refused. That packets really travel so is
 * services-wire.kernel.test.ts's, that an unknown service's first packet isn't lost apps/agent's network.kernel.test.ts's.
 */
import { EndpointClass } from "@millrace/abi/generated/endpoint";
import { DROP_KEY_SIZE, readDropKey } from "@millrace/abi/generated/event";
import {
  encodeFlowRetireRequest,
  FLOW_RETIRE_REQUEST_SIZE,
  FlowTcpState,
  PathKind,
  PathLimit,
  PathReason,
  Verdict,
} from "@millrace/abi/generated/flow";
import { encodeLocal, LOCAL_SIZE, RouteFlag } from "@millrace/abi/generated/forward";
import {
  encodeTranslationSweep,
  readTranslationSweep,
  TRANSLATION_SWEEP_SIZE,
} from "@millrace/abi/generated/nat";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { checksummed, checksumProblems } from "./checksums.ts";
import { TestHost, type TestPod } from "./forwarder.ts";
import { type Flow, plus, viewOf } from "./observer.ts";
import { addressBytes, PROTO, packet } from "./packet-builder.ts";
import { TestPolicy } from "./policy-tables.ts";
import { NOW, retire } from "./retirement.ts";
import { type Backend, TestServices } from "./service-tables.ts";
import { sumOfClasses, sumOfFlows } from "./sums.ts";

const NEXT = -1;
const DROP = 2;
const REDIRECT = 7;
const ETHERNET = 14;
const SPORT = 40_000;
const VPORT = 80;
const BPORT = 8080;
const HOST_PORT = 8081;
const CART = 1;

const FAMILIES = {
  IPv4: {
    ...{ pod: "10.201.1.7", host: "10.200.0.1", virtual: "10.96.0.1", router: "198.51.100.9" },
    ...{ backends: ["10.201.2.20", "10.201.2.21"] as readonly [string, string], outside: "192.0.2.1" },
    ...{ header: 20, source: 12, destination: 16, addressBytes: 4, ttl: 8, icmp: PROTO.icmp },
    errors: { unreachable: [3, 3], "too big": [3, 4], "time exceeded": [11, 0] },
    unreachable: [3, 3],
    build: (from: string, to: string) => packet().ethernet().ip4(from, to),
    icmpOf: (at: ReturnType<typeof packet>, type: number, code = 0, id = 0) => at.icmp(type, code, id),
    echo: 8,
  },
  IPv6: {
    ...{ pod: "fd00:201:1::7", host: "fd00:200::1", virtual: "fd00:96::1", router: "2001:db8:9::9" },
    ...{
      backends: ["fd00:201:2::20", "fd00:201:2::21"] as readonly [string, string],
      outside: "2001:db8::1",
    },
    ...{ header: 40, source: 8, destination: 24, addressBytes: 16, ttl: 7, icmp: PROTO.icmp6 },
    errors: { unreachable: [1, 4], "too big": [2, 0], "time exceeded": [3, 0] },
    unreachable: [1, 4],
    build: (from: string, to: string) => packet().ethernet().ip6(from, to),
    icmpOf: (at: ReturnType<typeof packet>, type: number, code = 0, id = 0) => at.icmp6(type, code, id),
    echo: 128,
  },
} as const;
type Family = (typeof FAMILIES)[keyof typeof FAMILIES];
const families = Object.entries(FAMILIES) as [keyof typeof FAMILIES, Family][];
type Kind = "TCP" | "UDP";
const protocolOf = (kind: Kind) => (kind === "TCP" ? PROTO.tcp : PROTO.udp);
const table = families.flatMap(([name, family]) =>
  (["TCP", "UDP"] as const).map((kind) => [`${name} ${kind}`, family, kind] as const),
);

let host: TestHost;
let pod: TestPod;
let services: TestServices;
let far: TestHost;
beforeAll(() => {
  host = new TestHost(1);
  far = new TestHost(2);
  host.netns.sh("ip link add up0 type veth peer name up0far");
  host.netns.sh("ip link set up0far up");
  host.netns.sh("ip addr add 10.200.0.1/24 dev up0");
  host.netns.sh("ip -6 addr add fd00:200::1/64 dev up0 nodad");
  host.netns.sh("ip link set up0 up");
  host.netns.sh("ip link add punt0 type veth peer name punt0far");
  host.netns.sh("ip link set punt0 up");
  host.netns.sh("ip route add default via 10.200.0.254");
  host.netns.sh("ip -6 route add default via fd00:200::fe");
  host.useUplink("up0");
  host.reach(far, PathKind.DIRECT);
  services = new TestServices(host.object).range();
});
const TABLES = [
  ...["flows", "endpoints", "drops", "fragments", "translations"],
  ...["services", "service_backends", "service_counts", "service_backend_counts", "service_affinities"],
];
beforeEach(() => {
  host.clear(...TABLES);
  pod = host.addLoopbackPod(FAMILIES.IPv4.pod, FAMILIES.IPv6.pod);
  host.policySet = 0;
  host.punt = 0;
  host.masquerade(20_000, 31_999);
});
afterAll(() => {
  host[Symbol.dispose]();
  far[Symbol.dispose]();
});

/** A service with a slot for each of the addresses, over and over, so that the choice depends on the flow alone. */
function serve(
  family: Family,
  kind: Kind,
  addresses: readonly string[] = family.backends,
  options: { affinitySeconds?: number } = {},
): Backend[] {
  const backends = addresses.map((address) => services.backend(CART, { address, port: BPORT }));
  const slots = Array.from(
    { length: backends.length && 251 },
    (_, i) => backends[i % backends.length] as Backend,
  );
  services.set(CART, { address: family.virtual, port: VPORT }, protocolOf(kind), slots, options);
  return backends;
}
type Sent = { sport?: number; to?: string; dport?: number; flags?: object; bytes?: number };
function request(family: Family, kind: Kind, sent: Sent = {}): Buffer {
  const {
    sport = SPORT,
    to = family.virtual,
    dport = VPORT,
    flags = { syn: true, seq: 7 },
    bytes = 40,
  } = sent;
  const ip = family.build(family.pod, to);
  const transport = kind === "TCP" ? ip.tcp(sport, dport, flags) : ip.udp(sport, dport);
  return checksummed(transport.payload(bytes).bytes());
}
function answer(
  family: Family,
  kind: Kind,
  from: string,
  port = BPORT,
  to: { address?: string; port?: number } = {},
) {
  const ip = family.build(from, to.address ?? family.pod);
  const flags = { syn: true, ack: true, ackSeq: 8 };
  const transport = kind === "TCP" ? ip.tcp(port, to.port ?? SPORT, flags) : ip.udp(port, to.port ?? SPORT);
  return checksummed(transport.payload(21).bytes());
}
const out = (bytes: Buffer) => host.run("pod_egress", bytes);
const back = (bytes: Buffer) => host.run("wire_ingress", bytes);
type End = "source" | "destination";
function addressAt(family: Family, frame: Buffer, end: End, at = ETHERNET): string {
  const bytes = frame.subarray(at + family[end], at + family[end] + family.addressBytes);
  const known = [family.pod, family.host, family.virtual, family.router, family.outside, ...family.backends];
  const whose = known.find((address) => {
    const all = Buffer.from(addressBytes(address));
    return bytes.equals(address.includes(":") ? all : all.subarray(12));
  });
  return whose ?? bytes.toString("hex");
}
const portAt = (family: Family, frame: Buffer, end: End, at = ETHERNET) =>
  frame.readUInt16BE(at + family.header + (end === "source" ? 0 : 2));
const endsOf = (family: Family, frame: Buffer, at = ETHERNET) => [
  `${addressAt(family, frame, "source", at)} ${portAt(family, frame, "source", at)}`,
  `${addressAt(family, frame, "destination", at)} ${portAt(family, frame, "destination", at)}`,
];
const flowOf = (sport = SPORT): Flow | undefined => host.flowsOf(pod).find(({ key }) => key.sport === sport);
/** How the pod ends its connection, so that its next SYN opens it anew. */
const hangUp = (family: Family, sport = SPORT) =>
  out(request(family, "TCP", { sport, flags: { rst: true, seq: 8 } }));
/** Sends a packet to the service and says which backend it went to. */
function leave(family: Family, kind: Kind, sent: Sent = {}): string {
  const { answer, packet } = out(request(family, kind, sent));
  expect(answer).toBe(REDIRECT);
  return addressAt(family, packet, "destination");
}
const translations = () => host.map("translations").readAll().count;

function expectConserved(): void {
  const endpoint = host.endpoint(pod);
  for (const direction of [0, 1]) {
    const classes = sumOfClasses(endpoint, direction, EndpointClass.TOTAL);
    expect(plus(sumOfFlows(host.flowsOf(pod), direction), classes)).toEqual(
      endpoint.counters[direction]?.[EndpointClass.TOTAL],
    );
  }
}

describe.each(table)("%s", (_name, family, kind) => {
  test("goes to a backend, with checksums that hold, and its flow says to which", () => {
    serve(family, kind);
    const sent = request(family, kind);
    const { answer: verdict, packet: left } = out(sent);
    expect(verdict).toBe(REDIRECT);
    const backend = addressAt(family, left, "destination");
    expect(family.backends).toContain(backend);
    expect(endsOf(family, left)).toEqual([`${family.pod} ${SPORT}`, `${backend} ${BPORT}`]);
    expect(left[ETHERNET + family.ttl]).toBe(sent[ETHERNET + family.ttl]);
    expect(checksumProblems(left)).toEqual([]);
    const flow = flowOf();
    expect(flow?.key.daddr).toEqual(addressBytes(family.virtual));
    expect(flow?.record.path).toMatchObject({
      ...{ kind: PathKind.DIRECT, verdict: Verdict.FORWARD, natDstPort: BPORT, natPort: 0 },
      natDst: addressBytes(backend),
    });
    expect(services.counts(CART).opened).toBe(1n);
    expectConserved();
  });

  test("is answered by the service, as the pod sees it, on the slow path and the fast one", () => {
    serve(family, kind);
    const backend = leave(family, kind);
    for (let n = 0; n < 3; n++) {
      const { answer: verdict, packet: came } = back(answer(family, kind, backend));
      expect(verdict).toBe(REDIRECT);
      expect(endsOf(family, came)).toEqual([`${family.virtual} ${VPORT}`, `${family.pod} ${SPORT}`]);
      expect(checksumProblems(came)).toEqual([]);
      leave(family, kind, { flags: { ack: true, seq: 8, ackSeq: 1 } });
    }
    expect(host.flowsOf(pod)).toHaveLength(1);
    expect(flowOf()?.record.counters.map((c) => c.packets)).toEqual([4n, 3n]);
    if (kind === "UDP") expect(flowOf()?.record.path.slowPackets).toBe(1);
    expectConserved();
  });

  test("stays with its backend, whatever becomes of the table, and flows are spread", () => {
    serve(family, kind);
    const ports = Array.from({ length: 40 }, (_, n) => SPORT + n);
    const first = ports.map((sport) => leave(family, kind, { sport }));
    expect(new Set(first).size).toBe(2);
    const [a] = serve(family, kind, family.backends.slice(0, 1));
    expect(a?.address).toBe(family.backends[0]);
    host.commit();
    expect(ports.map((sport) => leave(family, kind, { sport }))).toEqual(first);
  });

  test("with affinity all flows of a pod go to one backend", () => {
    serve(family, kind, family.backends, { affinitySeconds: 60 });
    const chosen = Array.from({ length: 20 }, (_, n) => leave(family, kind, { sport: SPORT + n }));
    expect(new Set(chosen).size).toBe(1);
  });

  test("affinity is to a backend that the pod has got, and not to one that was refused it", () => {
    serve(family, kind, [family.pod], { affinitySeconds: 60 });
    out(request(family, kind));
    expect(host.ownDrops()).toEqual({ NO_BACKEND: 1 });
    expect(host.map("service_affinities").readAll().count).toBe(0);
    serve(family, kind, [family.backends[1]], { affinitySeconds: 60 });
    expect(leave(family, kind)).toBe(family.backends[1]);
    expect(host.map("service_affinities").readAll().count).toBe(1);
  });

  test.each(Object.entries(family.errors))(
    "an error about it quotes what the pod sent: %s",
    (_what, error) => {
      serve(family, kind);
      const sent = request(family, kind);
      const { packet: left } = out(sent);
      const backend = addressAt(family, left, "destination");
      const [type, code] = error as readonly [number, number];
      for (const [from, shown] of [
        [family.router, family.router],
        [backend, family.virtual],
      ] as const) {
        const quoting = family.icmpOf(family.build(from, family.pod), type, code);
        const { answer: verdict, packet: came } = back(
          checksummed(quoting.raw(left.subarray(ETHERNET)).bytes()),
        );
        expect(verdict).toBe(REDIRECT);
        expect(addressAt(family, came, "source")).toBe(shown);
        expect(checksumProblems(came)).toEqual([]);
        expect(came.subarray(ETHERNET + family.header + 8)).toEqual(sent.subarray(ETHERNET));
      }
      expectConserved();
    },
  );

  test("an error of the pod about an answer quotes what the backend sent", () => {
    serve(family, kind);
    const backend = leave(family, kind);
    const sent = answer(family, kind, backend);
    const { packet: came } = back(sent);
    const [type, code] = family.unreachable;
    const quoting = family.icmpOf(family.build(family.pod, family.virtual), type, code);
    const { answer: verdict, packet: left } = out(checksummed(quoting.raw(came.subarray(ETHERNET)).bytes()));
    expect(verdict).toBe(REDIRECT);
    expect(addressAt(family, left, "destination")).toBe(backend);
    expect(checksumProblems(left)).toEqual([]);
    expect(left.subarray(ETHERNET + family.header + 8)).toEqual(sent.subarray(ETHERNET));
    expectConserved();
  });

  test("such an error about what it answers after the service has gone, too", () => {
    serve(family, kind);
    const backend = leave(family, kind);
    services.unrange();
    const { packet: came } = back(answer(family, kind, backend));
    const [type, code] = family.unreachable;
    const quoting = family.icmpOf(family.build(family.pod, family.virtual), type, code);
    const { packet: left } = out(checksummed(quoting.raw(came.subarray(ETHERNET)).bytes()));
    services.range();
    expect(addressAt(family, left, "destination")).toBe(backend);
  });

  test("to an address nobody was told of, it goes up to the agent as it is; without one it is dropped", () => {
    const sent = request(family, kind);
    expect(out(sent).answer).toBe(DROP);
    expect(host.ownDrops()).toEqual({ UNRESOLVED: 1 });
    host.punt = host.ifindexOf("punt0");
    host.commit();
    const up = out(sent);
    expect([up.answer, up.packet.equals(sent)]).toEqual([REDIRECT, true]);
    expect(flowOf()?.record).toMatchObject({ path: { generation: 0, natDstPort: 0 } });
    serve(family, kind);
    expect(family.backends).toContain(leave(family, kind));
    expectConserved();
  });

  test("to a backend whose way isn't known, it goes up as what the backend would get", () => {
    serve(family, kind, [family.backends[0]]);
    host.punt = host.ifindexOf("punt0");
    host.route(family.backends[0], 128, { kind: PathKind.PUNT });
    host.commit();
    const { answer: verdict, packet: up } = out(request(family, kind));
    expect(verdict).toBe(REDIRECT);
    expect(endsOf(family, up)[1]).toBe(`${family.backends[0]} ${BPORT}`);
    expect(flowOf()?.record.path).toMatchObject({ generation: 0, natDstPort: BPORT });
    host.reach(far, PathKind.DIRECT);
    host.route(family.backends[0], 128, { kind: PathKind.DIRECT, remote: far.number });
    host.commit();
  });

  test("from outside, a backend is reached under the host's address and answers as the service", () => {
    serve(family, kind, [family.outside]);
    const { answer: verdict, packet: left } = out(request(family, kind));
    expect(verdict).toBe(REDIRECT);
    expect(checksumProblems(left)).toEqual([]);
    expect(addressAt(family, left, "source")).toBe(family.host);
    expect(endsOf(family, left)[1]).toBe(`${family.outside} ${BPORT}`);
    const port = portAt(family, left, "source");
    const { answer: returned, packet: came } = back(
      answer(family, kind, family.outside, BPORT, { address: family.host, port }),
    );
    expect(returned).toBe(REDIRECT);
    expect(endsOf(family, came)).toEqual([`${family.virtual} ${VPORT}`, `${family.pod} ${SPORT}`]);
    expect(checksumProblems(came)).toEqual([]);
    expect(host.flowsOf(pod)).toHaveLength(1);
    expect(translations()).toBe(2);
    expectConserved();
  });

  test("its answers' entries go with the flow, and a sweep leaves what is used", () => {
    serve(family, kind);
    leave(family, kind);
    leave(family, kind, { sport: SPORT + 1 });
    expect(sweep(0)).toEqual({ found: 2, removed: 0 });
    end(flowOf() as Flow);
    expect(translations()).toBe(1);
  });

  test("a pod isn't its own backend: another is taken, and without another it is refused", () => {
    serve(family, kind, [family.pod, family.backends[0]]);
    for (let n = 0; n < 20; n++)
      expect([family.backends[0], family.pod]).toContain(
        addressAt(family, out(request(family, kind, { sport: SPORT + n })).packet, "destination"),
      );
    const went = host.flowsOf(pod).filter(({ record }) => record.path.natDstPort === BPORT);
    expect(went).toHaveLength(20);
    for (const { record } of went) expect(record.path.natDst).toEqual(addressBytes(family.backends[0]));
    serve(family, kind, [family.pod]);
    out(request(family, kind, { sport: SPORT + 50 }));
    expect(host.ownDrops().NO_BACKEND).toBeGreaterThan(0);
    expectConserved();
  });

  test("policy judges it as what the backend gets", () => {
    serve(family, kind, [family.backends[0]]);
    const identity = 5000;
    host.route(family.backends[0], 128, { kind: PathKind.DIRECT, remote: far.number, identity });
    const policy = new TestPolicy(host);
    const allow = (port: number) =>
      policy
        .begin()
        .subject(pod.endpointId, "egress")
        .judge(pod.endpointId, "egress", { identity }, [
          { verdict: "DROP", rule: 1 },
          { proto: protocolOf(kind), port, verdict: "FORWARD", rule: 2 },
        ]);
    allow(BPORT).hold();
    leave(family, kind);
    expect(flowOf()?.record.path).toMatchObject({ rule: 2, peerIdentity: identity });
    allow(VPORT).hold();
    expect(out(request(family, kind)).answer).toBe(DROP);
    expect(host.ownDrops()).toEqual({ POLICY: 1 });
    expectConserved();
  });
});

describe.each(table)("%s, when nobody has judged it yet", (_name, family, kind) => {
  const identity = 5000;
  let policy: TestPolicy;
  let backend: string;
  beforeEach(() => {
    serve(family, kind, [family.backends[0]]);
    host.route(family.backends[0], 128, { kind: PathKind.DIRECT, remote: far.number, identity });
    backend = leave(family, kind);
    host.punt = host.ifindexOf("punt0");
    policy = new TestPolicy(host).begin().subject(pod.endpointId, "egress", "ingress");
    policy.forget();
    policy.hold();
  });
  afterEach(() =>
    host.route(family.backends[0], 128, { kind: PathKind.DIRECT, remote: far.number, identity: 0 }),
  );
  const learn = () => policy.judge(pod.endpointId, "egress", { identity });

  test("an answer is asked about as the backend's, and put back it is the service's", () => {
    const sent = answer(family, kind, backend);
    const { answer: verdict, packet: up } = back(sent);
    expect([verdict, up.equals(sent)]).toEqual([REDIRECT, true]);
    expect(flowOf()?.record.counters[1]?.packets).toBe(0n);
    learn();
    const { answer: passes, packet: came } = host.run("pod_ingress", up);
    expect(passes).toBe(NEXT);
    expect(endsOf(family, came)).toEqual([`${family.virtual} ${VPORT}`, `${family.pod} ${SPORT}`]);
    expect(checksumProblems(came)).toEqual([]);
    expect([host.flowsOf(pod).length, flowOf()?.record.counters[1]?.packets]).toEqual([1, 1n]);
    expect(host.ownDrops()).toEqual({});
    expectConserved();
  });

  test("an error about it goes up as it came while the flow is taken out, too", () => {
    host.policySet = 0;
    host.commit();
    const left = out(request(family, kind, { flags: { ack: true, seq: 8 } })).packet;
    policy.hold();
    retire(host, [flowOf()?.key as Flow["key"]], NOW);
    const [type, code] = family.unreachable;
    const quoting = family.icmpOf(family.build(backend, family.pod), type, code);
    const sent = checksummed(quoting.raw(left.subarray(ETHERNET)).bytes());
    const { answer: verdict, packet: up } = back(sent);
    expect([verdict, up.equals(sent)]).toEqual([REDIRECT, true]);
  });

  test.each(["the backend", "a router"])("an error about it likewise, from %s", (who) => {
    host.policySet = 0;
    host.commit();
    const left = out(request(family, kind, { flags: { ack: true, seq: 8 } })).packet;
    policy.hold();
    const [type, code] = family.unreachable;
    const [from, shown] = who === "a router" ? [family.router, family.router] : [backend, family.virtual];
    const quoting = family.icmpOf(family.build(from, family.pod), type, code);
    const sent = checksummed(quoting.raw(left.subarray(ETHERNET)).bytes());
    const { answer: verdict, packet: up } = back(sent);
    expect([verdict, up.equals(sent)]).toEqual([REDIRECT, true]);
    learn();
    const { answer: passes, packet: came } = host.run("pod_ingress", up);
    expect([passes, addressAt(family, came, "source")]).toEqual([NEXT, shown]);
    expect(endsOf(family, came, ETHERNET + family.header + 8)[1]).toBe(`${family.virtual} ${VPORT}`);
    expect(checksumProblems(came)).toEqual([]);
    expect(host.ownDrops()).toEqual({});
  });
});

describe.each(table)("%s, lost on its way to the backend", (_name, family, kind) => {
  const toBackend = (route: Parameters<TestHost["route"]>[2]) => {
    host.route(family.backends[0], 128, route);
    host.commit();
  };
  const lostTo = (reason: keyof typeof PathReason) => {
    const { count, keys } = host.map("drops").readAll();
    return Array.from({ length: count }, (_, i) => readDropKey(viewOf(keys), i * DROP_KEY_SIZE))
      .filter((key) => key.reason === PathLimit.REASON_BASE + PathReason[reason])
      .map(({ flow }) => [flow.daddr, flow.dport]);
  };
  afterEach(() => {
    toBackend({ kind: PathKind.DIRECT, remote: far.number });
    host.map("locals").delete(addressBytes(family.backends[0]));
  });

  test.each([
    ["the host that it is on isn't known", "NO_ROUTE", () => toBackend({ kind: PathKind.DIRECT })],
    ["its way isn't, and there is no agent", "UNRESOLVED", () => toBackend({ kind: PathKind.PUNT })],
    [
      "its link is gone",
      "ENDPOINT_GONE",
      () => {
        const local = new Uint8Array(LOCAL_SIZE);
        encodeLocal({ endpointId: 9, ifindex: 9999, identity: 1009 }, viewOf(local));
        host.map("locals").update(addressBytes(family.backends[0]), local);
        host.commit();
      },
    ],
  ] as const)("since %s: the flow to the service says so, and the loss is its", (_why, reason, lose) => {
    serve(family, kind, [family.backends[0]]);
    leave(family, kind);
    lose();
    const sent = request(family, kind, { flags: { ack: true, seq: 8 } });
    expect(out(sent).answer).toBe(DROP);
    expect(host.ownDrops()).toEqual({ [reason]: 1 });
    expect(lostTo(reason)).toEqual([[addressBytes(family.virtual), VPORT]]);
    const record = flowOf()?.record;
    expect([record?.drops, record?.dropReason]).toEqual([1n, PathLimit.REASON_BASE + PathReason[reason]]);
    expectConserved();
  });
});

/** Marked, and what it claimed taken out, as the agent does. */
function end({ key }: Flow): void {
  expect(retire(host, [key], NOW).retired).toBe(1);
  const ctx = Buffer.alloc(FLOW_RETIRE_REQUEST_SIZE);
  encodeFlowRetireRequest({ quietSinceNs: 0n, count: 1 }, viewOf(ctx));
  host.object.program("translations_end").testRun({ ctx });
}
function sweep(graceS: number): { found: number; removed: number } {
  const ctx = Buffer.alloc(TRANSLATION_SWEEP_SIZE);
  encodeTranslationSweep({ graceS, found: 0, removed: 0 }, viewOf(ctx));
  const after = host.object.program("translations_sweep").testRun({ ctx }).ctxOut;
  const { found, removed } = readTranslationSweep(viewOf(after), 0);
  return { found, removed };
}

describe.each(families)("%s, where nobody serves", (_name, family) => {
  const know = () => services.know(family.virtual);
  const cases = [
    ["no backend", "NO_BACKEND", (kind: Kind) => serve(family, kind, [])],
    ["no such port", "NO_SERVICE", know],
  ] as const;

  test.each(cases)("with %s a connection is reset, and both packets are counted", (_what, reason, make) => {
    make("TCP");
    const { answer: verdict, packet: came } = out(request(family, "TCP"));
    expect(verdict).toBe(REDIRECT);
    expect(came).toHaveLength(ETHERNET + family.header + 20);
    expect(endsOf(family, came)).toEqual([`${family.virtual} ${VPORT}`, `${family.pod} ${SPORT}`]);
    expect(came.readUInt32BE(ETHERNET + family.header + 8)).toBe(8);
    expect(came[ETHERNET + family.header + 13]).toBe(0x14); // RST, ACK
    expect(checksumProblems(came)).toEqual([]);
    expect(host.ownDrops()).toEqual({ [reason]: 1 });
    const record = flowOf()?.record;
    expect(record?.counters.map(({ packets }) => packets)).toEqual([1n, 1n]);
    expect(record?.tcpState).toBe(FlowTcpState.RESET);
    expect(Number(record?.drops)).toBeGreaterThan(0); // a test run's end is a drop to the kernel, and counts once more
    expectConserved();
    // In mid-stream, too; a reset itself isn't answered.
    const mid = out(request(family, "TCP", { sport: SPORT + 1, flags: { ack: true, seq: 9, ackSeq: 77 } }));
    expect(mid.packet.readUInt32BE(ETHERNET + family.header + 4)).toBe(77);
    expect(mid.packet[ETHERNET + family.header + 13]).toBe(0x04);
    expect(out(request(family, "TCP", { sport: SPORT + 2, flags: { rst: true } })).answer).toBe(DROP);
    expectConserved();
  });

  test.each(cases)("with %s a datagram is answered with an error that quotes it", (_what, reason, make) => {
    make("UDP");
    const sent = request(family, "UDP");
    const { answer: verdict, packet: came } = out(sent);
    expect(verdict).toBe(REDIRECT);
    expect([addressAt(family, came, "source"), addressAt(family, came, "destination")]).toEqual([
      family.virtual,
      family.pod,
    ]);
    const at = ETHERNET + family.header;
    expect([came[at], came[at + 1]]).toEqual(family.unreachable);
    expect(came.subarray(at + 8)).toEqual(sent.subarray(ETHERNET, ETHERNET + family.header + 8));
    expect(checksumProblems(came)).toEqual([]);
    expect(host.ownDrops()).toEqual({ [reason]: 1 });
    expectConserved();
  });

  test("it is asked anew for each packet, so that a backend that comes is found at once", () => {
    serve(family, "TCP", []);
    out(request(family, "TCP"));
    serve(family, "TCP");
    expect(family.backends).toContain(leave(family, "TCP", { flags: { syn: true, seq: 99 } }));
  });

  test("what has no ports isn't for a service, and is dropped without an answer", () => {
    serve(family, "UDP");
    const echo = family.icmpOf(family.build(family.pod, family.virtual), family.echo, 0, 7);
    expect(out(checksummed(echo.payload(8).bytes())).answer).toBe(DROP);
    expect(host.ownDrops()).toEqual({ NO_SERVICE: 1 });
    expectConserved();
  });
});

describe("a backend that has gone", () => {
  const family = FAMILIES.IPv4;

  test.each(["TCP", "UDP"] as const)("%s", (kind) => {
    const [a] = serve(family, kind, family.backends.slice(0, 1)) as [Backend];
    expect(leave(family, kind)).toBe(a.address);
    serve(family, kind, family.backends.slice(1));
    services.removeBackend(a);
    host.commit();
    expect(leave(family, kind, { flags: { ack: true } })).toBe(family.backends[kind === "TCP" ? 0 : 1]);
    services.remove({ address: family.virtual, port: VPORT }, protocolOf(kind));
    host.commit();
    expect(leave(family, kind, { flags: { ack: true } })).toBe(family.backends[kind === "TCP" ? 0 : 1]);
  });
});

describe.each(families)("%s: datagrams whose backend takes nothing new", (_name, family) => {
  const send = () => leave(family, "UDP");
  /** The flow has the first; now the service has the other alone. */
  function follow(): readonly [string, string] {
    const [first, second] = family.backends;
    const [gone] = serve(family, "UDP", [first]) as [Backend];
    expect(send()).toBe(first);
    serve(family, "UDP", [second]);
    services.removeBackend(gone);
    host.commit();
    return family.backends;
  }

  test("go to another, also when an answer of the one before comes first", () => {
    const [first, second] = follow();
    expect(back(answer(family, "UDP", first)).answer).toBe(REDIRECT);
    expect([send(), send()]).toEqual([second, second]);
    expectConserved();
  });

  test("go on to it while their flow is taken out", () => {
    const [first] = follow();
    expect(retire(host, [flowOf()?.key as Flow["key"]], NOW).retired).toBe(1);
    expect(send()).toBe(first);
    expectConserved();
  });

  test("follow a host port to the pod that it leads to now", () => {
    for (const to of family.backends) {
      host.publish(HOST_PORT, PROTO.udp, { ip4: to, ip6: to }, BPORT);
      const asked = { to: family.host, dport: HOST_PORT };
      expect([leave(family, "UDP", asked), leave(family, "UDP", asked)]).toEqual([to, to]);
      expect(flowOf()?.record.path.natDst).toEqual(addressBytes(to));
    }
    const ports = host.map("host_ports");
    for (let key = ports.nextKey(); key; key = ports.nextKey()) ports.delete(key);
  });
});

describe.each(table)("%s, from who isn't a backend", (_name, family, kind) => {
  test("what bears the virtual address itself says nothing of where the pod's packets go", () => {
    serve(family, kind);
    expect(back(answer(family, kind, family.virtual, VPORT)).answer).toBe(REDIRECT);
    for (let n = 0; n < 2; n++)
      expect(family.backends).toContain(leave(family, kind, { flags: { ack: true, seq: 8, ackSeq: 1 } }));
    expectConserved();
  });
});

test("a link-local source gets no farther than the host, thus to no service", () => {
  const family = FAMILIES.IPv6;
  serve(family, "UDP");
  const sent = family.build("fe80::7", family.virtual).udp(SPORT, VPORT).payload(8).bytes();
  expect(out(Buffer.from(sent)).answer).toBe(DROP);
  expect(host.ownDrops()).toEqual({ SPOOFED: 1 });
});

describe.each(families)("%s: a connection of the same ports, opened anew", (_name, family) => {
  const open = (seq: number) => out(request(family, "TCP", { flags: { syn: true, seq } }));
  const NO_BACKEND = { natDst: new Uint8Array(16), natDstPort: 0, backend: 0 };
  beforeEach(() => {
    serve(family, "TCP", [family.backends[0]]);
    leave(family, "TCP");
    hangUp(family);
  });

  test("has no backend where it is refused one", () => {
    serve(family, "TCP", []);
    open(99);
    expect(host.ownDrops()).toEqual({ NO_BACKEND: 1 });
    expect(flowOf()?.record.path).toMatchObject({ ...NO_BACKEND, generation: 0 });
  });

  test("has none while the agent is asked, and is given one when that has answered", () => {
    services.remove({ address: family.virtual, port: VPORT }, PROTO.tcp);
    host.punt = host.ifindexOf("punt0");
    host.commit();
    const up = open(99).packet;
    expect(endsOf(family, up)[1]).toBe(`${family.virtual} ${VPORT}`);
    expect(flowOf()?.record.path).toMatchObject(NO_BACKEND);
    serve(family, "TCP", [family.backends[1]]);
    expect(endsOf(family, open(99).packet)[1]).toBe(`${family.backends[1]} ${BPORT}`);
    expect(flowOf()?.record.path.natDst).toEqual(addressBytes(family.backends[1]));
  });

  test("has none where the address is no service's any more, and goes there whole", () => {
    services.unrange();
    const seen = [open(99), out(request(family, "TCP", { flags: { ack: true, seq: 100 } }))];
    services.range();
    for (const { packet: left } of seen) expect(endsOf(family, left)[1]).toBe(`${family.virtual} ${VPORT}`);
    expect(flowOf()?.record.path).toMatchObject(NO_BACKEND);
  });

  test("has the one that opened it, when that did", () => {
    const flags = { syn: true, seq: 500 };
    const opening = family.build(family.backends[0], family.pod).tcp(BPORT, SPORT, flags).payload(0);
    const { packet: came } = back(checksummed(opening.bytes()));
    expect(endsOf(family, came)[0]).toBe(`${family.virtual} ${VPORT}`);
    expect(leave(family, "TCP", { flags: { syn: true, ack: true, seq: 3, ackSeq: 501 } })).toBe(
      family.backends[0],
    );
  });
});

describe.each(families)("%s: a backend outside that another one follows", (_name, family) => {
  const other = family.backends[0];
  const outside = () => host.route(other, 128, { kind: PathKind.HOST, flags: RouteFlag.OUTSIDE });
  const inside = () => {
    host.masquerade(20_000, 31_999);
    host.route(other, 128, { kind: PathKind.DIRECT, remote: far.number });
  };
  /** The pod's flow has a port towards the first; now the service has the other alone. */
  function follow(kind: Kind): number {
    const [gone] = serve(family, kind, [family.outside]) as [Backend];
    const port = portAt(family, out(request(family, kind)).packet, "source");
    if (kind === "TCP") hangUp(family);
    serve(family, kind, [other]);
    services.removeBackend(gone);
    host.commit();
    return port;
  }
  const again = (kind: Kind) => out(request(family, kind, { flags: { syn: true, seq: 99 } }));
  beforeEach(outside);
  afterEach(inside);

  test.each(["TCP", "UDP"] as const)("%s: the flow's port is claimed towards it too", (kind) => {
    const port = follow(kind);
    const { answer: verdict, packet: left } = again(kind);
    expect(verdict).toBe(REDIRECT);
    expect(endsOf(family, left)).toEqual([`${family.host} ${port}`, `${other} ${BPORT}`]);
    const { answer: returned, packet: came } = back(
      answer(family, kind, other, BPORT, { address: family.host, port }),
    );
    expect(returned).toBe(REDIRECT);
    expect(endsOf(family, came)).toEqual([`${family.virtual} ${VPORT}`, `${family.pod} ${SPORT}`]);
    expect(checksumProblems(came)).toEqual([]);
    expect(sweep(0)).toEqual({ found: 4, removed: 2 });
    expectConserved();
  });

  test.each(["TCP", "UDP"] as const)("%s: one in a pod of another host sees the pod", (kind) => {
    follow(kind);
    inside();
    const { packet: left } = again(kind);
    expect(endsOf(family, left)).toEqual([`${family.pod} ${SPORT}`, `${other} ${BPORT}`]);
    const { packet: came } = back(answer(family, kind, other));
    expect(endsOf(family, came)[0]).toBe(`${family.virtual} ${VPORT}`);
    const onTheFastPath = out(request(family, kind, { flags: { ack: true, seq: 100, ackSeq: 1 } })).packet;
    expect(endsOf(family, onTheFastPath)[0]).toBe(`${family.pod} ${SPORT}`);
    expectConserved();
  });

  test.each(["TCP", "UDP"] as const)("%s: where that port is another flow's, it gets another", (kind) => {
    const port = follow(kind);
    host.masquerade(port, port);
    const direct = request(family, kind, { sport: SPORT + 1, to: other, dport: BPORT });
    expect(portAt(family, out(direct).packet, "source")).toBe(port);
    expect(again(kind).answer).toBe(DROP);
    expect(host.ownDrops()).toEqual({ NO_PORT: 1 });
    host.masquerade(port, port + 1);
    const { packet: left } = out(request(family, kind, { flags: { syn: true, seq: 99 } }));
    expect(portAt(family, left, "source")).toBe(port + 1);
    expect(flowOf()?.record.path).toMatchObject({ natPort: port + 1, natDst: addressBytes(other) });
    const to = { address: family.host, port: port + 1 };
    const { packet: came } = back(answer(family, kind, other, BPORT, to));
    expect(endsOf(family, came)[0]).toBe(`${family.virtual} ${VPORT}`);
    expectConserved();
  });
});

describe.each(table)(
  "%s: two of a pod's flows from one port, to a service and to its backend",
  (_name, family, kind) => {
    const [backend] = family.backends;
    const toService = () => request(family, kind);
    const toBackend = (flags?: object) =>
      request(family, kind, { to: backend, dport: BPORT, ...(flags && { flags }) });
    const recordTo = (dport: number) => host.flowsOf(pod).find(({ key }) => key.dport === dport)?.record;
    beforeEach(() => {
      serve(family, kind, [backend]);
    });

    /** Sends both, and says from which port each left. */
    function sendBoth(...frames: readonly [Buffer, Buffer]): [number, number] {
      const ports = frames.map((frame) => {
        const { answer, packet: left } = out(frame);
        expect(answer).toBe(REDIRECT);
        expect(endsOf(family, left)[1]).toBe(`${backend} ${BPORT}`);
        expect(checksumProblems(left)).toEqual([]);
        return portAt(family, left, "source");
      });
      return ports as [number, number];
    }
    const cameBack = (port: number) =>
      endsOf(family, back(answer(family, kind, backend, BPORT, { port })).packet);

    test.each([
      ["the service's first", () => [toService(), toBackend()] as const, BPORT, ["virtual", "backend"]],
      ["the backend's first", () => [toBackend(), toService()] as const, VPORT, ["backend", "virtual"]],
    ] as const)(
      "%s: the other leaves from a port of its own, and each is answered",
      (_which, frames, second, whose) => {
        const [first, other] = sendBoth(...frames());
        expect(first).toBe(SPORT);
        expect(other).toBeGreaterThanOrEqual(32_768);
        expect(other).not.toBe(SPORT);
        expect(recordTo(second)?.path).toMatchObject({
          natDst: addressBytes(backend),
          natDstPort: BPORT,
          wirePort: other,
        });
        const from = { virtual: `${family.virtual} ${VPORT}`, backend: `${backend} ${BPORT}` };
        for (let time = 0; time < 2; time++) {
          expect(cameBack(first)).toEqual([from[whose[0]], `${family.pod} ${SPORT}`]);
          expect(cameBack(other)).toEqual([from[whose[1]], `${family.pod} ${SPORT}`]);
        }
        expect(host.flowsOf(pod).map(({ record }) => record.counters.map(({ packets }) => packets))).toEqual([
          [1n, 2n],
          [1n, 2n],
        ]);
        expectConserved();
      },
    );

    test("under every generation it keeps that port, and on the fast path", () => {
      const ports = sendBoth(toService(), toBackend());
      for (const again of [() => host.commit(), () => undefined]) {
        again();
        const flags = { ack: true, seq: 9, ackSeq: 9 };
        expect(sendBoth(request(family, kind, { flags }), toBackend(flags))).toEqual(ports);
      }
      expect(recordTo(BPORT)?.path.slowPackets).toBeLessThan(3);
    });

    test.each(Object.entries(family.errors))(
      "an error about it quotes what the pod sent: %s",
      (_what, error) => {
        out(toService());
        const sent = toBackend();
        const { packet: left } = out(sent);
        const [type, code] = error as readonly [number, number];
        const quoting = family.icmpOf(family.build(backend, family.pod), type, code);
        const { packet: came } = back(checksummed(quoting.raw(left.subarray(ETHERNET)).bytes()));
        expect(addressAt(family, came, "source")).toBe(backend);
        expect(checksumProblems(came)).toEqual([]);
        expect(came.subarray(ETHERNET + family.header + 8)).toEqual(sent.subarray(ETHERNET));
      },
    );

    test("an error of the pod about an answer quotes what the backend sent", () => {
      const [, port] = sendBoth(toService(), toBackend());
      const sent = answer(family, kind, backend, BPORT, { port });
      const { packet: came } = back(sent);
      const [type, code] = family.unreachable;
      const quoting = family.icmpOf(family.build(family.pod, backend), type, code);
      const { packet: left } = out(checksummed(quoting.raw(came.subarray(ETHERNET)).bytes()));
      expect(checksumProblems(left)).toEqual([]);
      expect(left.subarray(ETHERNET + family.header + 8)).toEqual(sent.subarray(ETHERNET));
    });

    test("its claim goes with it, and a sweep leaves it", () => {
      sendBoth(toService(), toBackend());
      expect(translations()).toBe(2);
      expect(sweep(0)).toEqual({ found: 2, removed: 0 });
      end(host.flowsOf(pod).find(({ key }) => key.dport === BPORT) as Flow);
      expect(translations()).toBe(1);
    });

    test("without a free port the second is dropped, and the first is answered as before", () => {
      const taken: number[] = [];
      for (;;) {
        host.clear("flows", "translations", "drops");
        for (const sport of taken) out(request(family, kind, { sport, to: backend, dport: BPORT }));
        out(toService());
        const { answer, packet: left } = out(toBackend());
        if (answer === DROP) break;
        taken.push(portAt(family, left, "source"));
      }
      expect(new Set(taken).size).toBe(15);
      expect(host.ownDrops()).toEqual({ NO_PORT: 1 });
      for (let time = 0; time < 2; time++)
        expect(cameBack(SPORT)).toEqual([`${family.virtual} ${VPORT}`, `${family.pod} ${SPORT}`]);
      expect(out(toBackend()).answer).toBe(DROP);
      const second = host.flowsOf(pod).find(({ key }) => key.sport === SPORT && key.dport === BPORT);
      expect(second?.record.counters[1]?.packets).toBe(0n);
    });

    test("under the host's address, too, each is answered at the pod's own port", () => {
      serve(family, kind, [family.outside]);
      const toOutside = request(family, kind, { to: family.outside, dport: BPORT });
      const ports = [toService(), toOutside].map((frame) => portAt(family, out(frame).packet, "source"));
      expect(new Set(ports).size).toBe(2);
      const shown = [`${family.virtual} ${VPORT}`, `${family.outside} ${BPORT}`];
      for (let time = 0; time < 2; time++)
        for (const [at, port] of ports.entries()) {
          const came = back(
            answer(family, kind, family.outside, BPORT, { address: family.host, port }),
          ).packet;
          expect(endsOf(family, came)).toEqual([shown[at], `${family.pod} ${SPORT}`]);
          expect(checksumProblems(came)).toEqual([]);
        }
      expectConserved();
    });
  },
);

test("nothing else pays for it: what is no virtual address goes as before", () => {
  const family = FAMILIES.IPv4;
  serve(family, "UDP");
  expect(leave(family, "UDP", { to: family.backends[0], dport: 9 })).toBe(family.backends[0]);
  expect(flowOf()?.record.path).toMatchObject({ natDstPort: 0, backend: 0 });
  expect(translations()).toBe(0);
});
