/*
 * Ports of the host that lead to a pod, packet by packet: what comes to one and how it is answered, what is left alone, and
 * what is dropped. That packets really travel so is host-port.kernel.test.ts's.
 */
import { FlowOpener, PathKind, Verdict } from "@millrace/abi/generated/flow";
import { RouteFlag } from "@millrace/abi/generated/forward";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { checksummed, checksumProblems } from "./checksums.ts";
import { expectPodConserved } from "./expectations.ts";
import { TestHost, type TestPod } from "./forwarder.ts";
import type { Flow } from "./observer.ts";
import { addressBytes, PROTO, packet, type TcpFlags } from "./packet-builder.ts";
import { TestPolicy } from "./policy-tables.ts";
import { NOW, retire } from "./retirement.ts";
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
const [PORT, OTHER_PORT, POD_PORT, CLIENT_PORT] = [8080, 8081, 80, 40_000];
const WORLD = 2;

let host: TestHost;
let pod: TestPod;

beforeAll(() => {
  host = hostWithUplink(1);
});
beforeEach(() => {
  host.clear("flows", "endpoints", "drops", "fragments", "translations", "host_ports", "locals");
  pod = host.addLoopbackPod(FAMILIES.IPv4.pod, FAMILIES.IPv6.pod);
  host.policySet = 0;
  for (const proto of [PROTO.tcp, PROTO.udp]) host.publish(PORT, proto, pod, POD_PORT);
});
afterAll(() => host[Symbol.dispose]());

/** What a client outside sends. */
function request(
  family: Family,
  kind: Kind,
  {
    to = PORT,
    from = CLIENT_PORT,
    client = family.client as string,
    flags = { syn: true, seq: 7 } as TcpFlags,
  } = {},
): Buffer {
  const ip = family.build(client, family.host);
  return checksummed((kind === "TCP" ? ip.tcp(from, to, flags) : ip.udp(from, to)).payload(40).bytes());
}
/** What the pod answers. */
function answer(
  family: Family,
  kind: Kind,
  { to = CLIENT_PORT, client = family.client as string } = {},
): Buffer {
  const ip = family.build(family.pod, client);
  return checksummed(
    (kind === "TCP" ? ip.tcp(POD_PORT, to, { syn: true, ack: true, ackSeq: 8 }) : ip.udp(POD_PORT, to))
      .payload(21)
      .bytes(),
  );
}
const arrive = (bytes: Buffer) => host.run("wire_ingress", bytes);
const out = (bytes: Buffer) => host.run("pod_egress", bytes);
const flowTo = (client: string): Flow | undefined =>
  host
    .flowsOf(pod)
    .find(({ key }) => key.sport === POD_PORT && Buffer.compare(key.daddr, addressBytes(client)) === 0);

function expectAlone(sent: Buffer): void {
  const { answer: verdict, packet: after } = arrive(sent);
  expect(verdict).toBe(NEXT);
  expect(after).toEqual(sent);
}
function expectAnswered(family: Family, kind: Kind, port = PORT): void {
  const { answer: verdict, packet: left } = out(answer(family, kind));
  expect(verdict).toBe(REDIRECT);
  expect(addressAt(family, left, "source")).toEqual(bytesOf(family.host));
  expect(portsOf(family, left)).toEqual([port, CLIENT_PORT]);
  expect(checksumProblems(left)).toEqual([]);
}

describe.each(table)("%s", (_name, family, kind) => {
  test("comes to the pod from the client's own address, and is answered from the host's port", () => {
    const sent = request(family, kind);
    const { answer: verdict, packet: came } = arrive(sent);
    expect(verdict).toBe(REDIRECT);
    expect(addressAt(family, came, "destination")).toEqual(bytesOf(family.pod));
    expect(addressAt(family, came, "source")).toEqual(bytesOf(family.client));
    expect(portsOf(family, came)).toEqual([CLIENT_PORT, POD_PORT]);
    expect(checksumProblems(came)).toEqual([]);
    expect(came.subarray(-40)).toEqual(sent.subarray(-40));
    expectAnswered(family, kind);
    const { record, key } = flowTo(family.client) as Flow;
    expect(key).toMatchObject({ sport: POD_PORT, dport: CLIENT_PORT });
    expect(record.opener).toBe(FlowOpener.REMOTE);
    expect(record.path).toMatchObject({ kind: PathKind.MASQUERADE, verdict: Verdict.FORWARD, natPort: PORT });
    expect(record.path.natAddress).toEqual(addressBytes(family.host));
    expect(record.counters.map(({ packets }) => packets)).toEqual([1n, 1n]);
    expectPodConserved(host, pod);
  });

  test("goes on so when all is decided anew, under masquerading too", () => {
    arrive(request(family, kind));
    for (const masquerade of [false, true]) {
      if (masquerade) host.masquerade(20_000, 31_999);
      host.commit();
      expectAnswered(family, kind);
      expect(arrive(request(family, kind)).answer).toBe(REDIRECT);
      expectAnswered(family, kind);
    }
    expect(host.object.map("translations").readAll().count).toBe(1);
    expect(host.flowsOf(pod)).toHaveLength(1);
    expectPodConserved(host, pod);
  });

  test("leaves alone what comes to another port or address, and what isn't there any more", () => {
    expectAlone(request(family, kind, { to: OTHER_PORT }));
    const map = host.object.map("locals");
    for (let key = map.nextKey(); key; key = map.nextKey()) map.delete(key);
    expectAlone(request(family, kind));
    expect(host.flows()).toEqual([]);
  });

  test("an error about the answer is the pod's, inside as well, and opens nothing by itself", () => {
    const quoted = checksummed(
      (kind === "TCP"
        ? family.build(family.host, family.client).tcp(PORT, CLIENT_PORT, { ack: true })
        : family.build(family.host, family.client).udp(PORT, CLIENT_PORT)
      )
        .payload(8)
        .bytes(),
    );
    const error = checksummed(
      family.unreachable(family.build(family.router, family.host)).raw(quoted.subarray(ETHERNET)).bytes(),
    );
    expectAlone(error);
    arrive(request(family, kind));
    const { answer: verdict, packet: came } = arrive(error);
    expect(verdict).toBe(REDIRECT);
    expect(addressAt(family, came, "destination")).toEqual(bytesOf(family.pod));
    expect(came.readUInt16BE(ETHERNET + 2 * family.header + 8)).toBe(POD_PORT);
    expect(checksumProblems(came)).toEqual([]);
    expectPodConserved(host, pod);
  });

  test("the pod's own error about what came is the client's, inside as well", () => {
    const sent = request(family, kind);
    const { packet: came } = arrive(sent);
    const error = family.unreachable(family.build(family.pod, family.client));
    const { answer: verdict, packet: left } = out(checksummed(error.raw(came.subarray(ETHERNET)).bytes()));
    expect(verdict).toBe(REDIRECT);
    expect(addressAt(family, left, "source")).toEqual(bytesOf(family.host));
    expect(left.subarray(ETHERNET + family.header + 8)).toEqual(sent.subarray(ETHERNET));
    expect(checksumProblems(left)).toEqual([]);
  });

  test("one client's port to two of the host's that lead to one of the pod's: the second has no answers to give", () => {
    host.publish(OTHER_PORT, kind === "TCP" ? PROTO.tcp : PROTO.udp, pod, POD_PORT);
    expect(arrive(request(family, kind)).answer).toBe(REDIRECT);
    expectAnswered(family, kind);
    const flags = { ack: true };
    for (let n = 0; n < 2; n++) expect(arrive(request(family, kind, { flags })).answer).toBe(REDIRECT);
    const toOther = () => arrive(request(family, kind, { to: OTHER_PORT, flags })).answer;
    expect(toOther()).toBe(DROP); // although the fast path has a way for it
    host.commit();
    expect(toOther()).toBe(DROP);
    expect(host.ownDrops()).toEqual({ NO_PORT: 2 });
    expectAnswered(family, kind);
    expect(arrive(request(family, kind, { to: OTHER_PORT, from: CLIENT_PORT + 1 })).answer).toBe(REDIRECT);
    expectPodConserved(host, pod);
  });

  test.each([
    ["at another address", { ip4: "10.201.1.8", ip6: "fd00:201:1::8" }],
    ["at the same address", { ip4: FAMILIES.IPv4.pod, ip6: FAMILIES.IPv6.pod }],
  ])("what a pod that is gone had claimed is the next one's, %s", (_where, next) => {
    for (let n = 0; n < 2; n++) arrive(request(family, kind));
    expect(host.object.map("translations").readAll().count).toBe(1);
    const flows = host.object.map("flows");
    for (let key = flows.nextKey(); key; key = flows.nextKey()) flows.delete(key);
    const locals = host.object.map("locals");
    for (let key = locals.nextKey(); key; key = locals.nextKey()) locals.delete(key);
    host.addLoopbackPod(next.ip4, next.ip6, 8);
    host.publish(PORT, kind === "TCP" ? PROTO.tcp : PROTO.udp, next, 81);
    const { answer: verdict, packet: came } = arrive(request(family, kind));
    expect(verdict).toBe(REDIRECT);
    expect(addressAt(family, came, "destination")).toEqual(
      bytesOf(family === FAMILIES.IPv4 ? next.ip4 : next.ip6),
    );
    expect(portsOf(family, came)[1]).toBe(81);
    expect(arrive(request(family, kind)).packet).toEqual(came);
  });

  test("is judged as what the pod receives at its own port from the client", () => {
    const policy = new TestPolicy(host).subject(pod.endpointId, "ingress");
    policy.judge(pod.endpointId, "ingress", { identity: WORLD }, [
      { proto: kind === "TCP" ? PROTO.tcp : PROTO.udp, port: POD_PORT, verdict: "FORWARD", rule: 3 },
      { verdict: "DROP", rule: 4 },
    ]);
    for (const prefix of ["0.0.0.0", "::"])
      host.route(prefix, prefix === "::" ? 0 : 96, {
        ...{ kind: PathKind.HOST, identity: WORLD, flags: RouteFlag.OUTSIDE },
      });
    policy.hold();
    host.publish(OTHER_PORT, kind === "TCP" ? PROTO.tcp : PROTO.udp, pod, POD_PORT + 1);
    expect(arrive(request(family, kind)).answer).toBe(REDIRECT);
    expect(arrive(request(family, kind, { to: OTHER_PORT })).answer).toBe(DROP);
    expect(host.ownDrops()).toEqual({ POLICY: 1 });
    const rules = host.flowsOf(pod).map(({ key, record }) => [key.sport, record.path.rule]);
    expect(new Map(rules as [number, number][])).toEqual(
      new Map([
        [POD_PORT, 3],
        [POD_PORT + 1, 4],
      ]),
    );
    expectAnswered(family, kind);
  });
});

test("a flow that the client opened to the pod itself doesn't get a host port, one that nobody saw opened does", () => {
  const family = FAMILIES.IPv4;
  const toPod = (flags: TcpFlags) =>
    checksummed(family.build(family.client, family.pod).tcp(CLIENT_PORT, POD_PORT, flags).payload(5).bytes());
  for (const [opening, verdict] of [
    [{ syn: true, seq: 7 }, DROP],
    [{ ack: true }, REDIRECT],
  ] as const) {
    expect(arrive(toPod(opening)).answer).toBe(REDIRECT);
    host.commit();
    expect(arrive(request(family, "TCP", { flags: { ack: true } })).answer).toBe(verdict);
    const flows = host.object.map("flows");
    for (let key = flows.nextKey(); key; key = flows.nextKey()) flows.delete(key);
  }
  expect(host.ownDrops()).toEqual({ NO_PORT: 1 });
});

test("while its flow is being taken out, what comes by the same port still comes", () => {
  const family = FAMILIES.IPv4;
  arrive(request(family, "UDP"));
  const { key } = flowTo(family.client) as Flow;
  expect(retire(host, [key], NOW).retired).toBe(1);
  expect(arrive(request(family, "UDP")).answer).toBe(REDIRECT);
  expect(host.ownDrops()).toEqual({});
  expectPodConserved(host, pod);
});

test("a first packet claims nothing: of flows the pod may have only so many", () => {
  const family = FAMILIES.IPv4;
  for (let n = 0; n < 50; n++) arrive(request(family, "UDP", { from: 2000 + n }));
  const flows = host.object.map("flows");
  expect(flows.readAll().count).toBe(50);
  expect(host.object.map("translations").readAll().count).toBe(0);
});

test("a connection that is opened anew may come to another port", () => {
  const family = FAMILIES.IPv4;
  host.publish(OTHER_PORT, PROTO.tcp, pod, POD_PORT);
  arrive(request(family, "TCP"));
  arrive(checksummed(family.build(family.client, family.host).tcp(CLIENT_PORT, PORT, { rst: true }).bytes()));
  expect(arrive(request(family, "TCP", { to: OTHER_PORT, flags: { syn: true, seq: 99_000 } })).answer).toBe(
    REDIRECT,
  );
  expectAnswered(family, "TCP", OTHER_PORT);
});

test("to a pod of another host that isn't masqueraded, the answer leaves on the direct way", () => {
  const other = new TestHost(2);
  try {
    host.reach(other, PathKind.DIRECT);
    const client = "10.201.2.10";
    const family = { ...FAMILIES.IPv4, client } as unknown as Family;
    expect(arrive(request(family, "TCP")).answer).toBe(REDIRECT);
    expectAnswered(family, "TCP");
    host.commit();
    expectAnswered(family, "TCP");
    expect(flowTo(client)?.record.path).toMatchObject({ kind: PathKind.DIRECT, natPort: PORT });
  } finally {
    other[Symbol.dispose]();
    for (const prefix of ["10.201.2.0", "fd00:201:2::"])
      host.route(prefix, prefix.includes(":") ? 64 : 120, { kind: PathKind.HOST, flags: RouteFlag.OUTSIDE });
  }
});

test("without room in the flow table nothing comes that couldn't be answered", () => {
  const full = hostWithUplink(3, { flows: 64 });
  try {
    const there = full.addLoopbackPod("10.201.3.7", "fd00:201:3::7");
    full.publish(PORT, PROTO.udp, there, POD_PORT);
    const answers = Array.from(
      { length: 200 },
      (_, at) =>
        full.run(
          "wire_ingress",
          packet()
            .ethernet()
            .ip4("192.0.2.1", full.underlay4)
            .udp(1000 + at, PORT)
            .bytes(),
        ).answer,
    );
    expect(new Set(answers)).toEqual(new Set([REDIRECT, DROP]));
    expect(answers.filter((one) => one === REDIRECT)).toHaveLength(full.flows().length);
    expect(full.ownDrops()).toEqual({ NO_PORT: answers.filter((one) => one === DROP).length });
  } finally {
    full[Symbol.dispose]();
  }
});

describe("fragments", () => {
  const [FIRST_BYTES, REST] = [Buffer.alloc(40, 1), Buffer.alloc(16, 2)];
  test("the first comes by its ports, the others by the first", () => {
    const { client, host: own } = FAMILIES.IPv4;
    const first = packet()
      .ethernet()
      .ip4(client, own, { id: 9, moreFragments: true })
      .udp(CLIENT_PORT, PORT)
      .payload(FIRST_BYTES)
      .bytes();
    const later = packet()
      .ethernet()
      .ip4(client, own, { id: 9, fragmentOffset: 48, proto: PROTO.udp })
      .payload(REST)
      .bytes();
    for (const sent of [first, later]) {
      const { answer: verdict, packet: came } = arrive(Buffer.from(sent));
      expect(verdict).toBe(REDIRECT);
      expect(addressAt(FAMILIES.IPv4, came, "destination")).toEqual(bytesOf(FAMILIES.IPv4.pod));
    }
    expect(flowTo(client)?.record.counters[1]?.packets).toBe(2n);
    expectPodConserved(host, pod);
  });
});
