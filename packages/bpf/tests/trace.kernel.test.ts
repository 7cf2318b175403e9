/*
 * Trace sessions: what they show, what their filter keeps out, and that lease and rate hold in the kernel
 * whether or not anybody reads.
 */

import { NetnsKind } from "@millrace/abi/generated/endpoint";
import { DropClass } from "@millrace/abi/generated/event";
import {
  encodeTraceConfig,
  readTraceEventConnection,
  readTraceEventDrop,
  readTraceStats,
  TRACE_CONFIG_SIZE,
  TRACE_EVENT_CONNECTION_SIZE,
  TRACE_EVENT_DROP_SIZE,
  TRACE_STATS_SIZE,
  TraceConnectionStep,
  type TraceEventConnection,
  type TraceEventDrop,
  type TraceFilter,
  TraceKind,
  type TraceStats,
} from "@millrace/abi/generated/trace";
import { textOf } from "@millrace/abi/labels";
import { type BpfLink, type BpfObject, clock, netnsCookie, openObject } from "@millrace/native/native";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Actor } from "./actor.ts";
import { Belongings } from "./belongings.ts";
import { reasonNameOf, reasonNumber } from "./drop-classes.ts";
import { keyOf } from "./expectations.ts";
import { TestNetns, vethPair } from "./netns.ts";
import { u32, u64, viewOf } from "./observer.ts";
import { addressBytes, PROTO } from "./packet-builder.ts";
import { RingRecords } from "./ring.ts";
import { eventually } from "./waiting.ts";

const POD = "10.9.0.2";
const PEER = "10.9.0.1";
const HOUR_NS = 3_600_000_000_000n;
const { CONNECT, ACCEPT, ESTABLISHED, RESET, CLOSE, CONNECT_FAILED } = TraceConnectionStep;
const [ECONNRESET, ECONNREFUSED] = [104, 111];

const ANYTHING: TraceFilter = {
  addrA: new Uint8Array(16),
  addrB: new Uint8Array(16),
  portA: 0,
  portB: 0,
  proto: 0,
  matchAddrA: 0,
  matchAddrB: 0,
  cgroupId: 0n,
  netnsCookie: 0n,
};

let mine: Belongings;
let podNetns: TestNetns;
let peerNetns: TestNetns;
let pod: Actor;
let peer: Actor;

beforeEach(async () => {
  mine = new Belongings();
  podNetns = mine.use(new TestNetns("pod", { ipv6: false }));
  peerNetns = mine.use(new TestNetns("peer", { ipv6: false }));
  vethPair(podNetns, peerNetns);
  pod = mine.use(await Actor.in(podNetns));
  peer = mine.use(await Actor.in(peerNetns));
});
afterEach(() => mine[Symbol.dispose]());

interface SessionOptions {
  filter?: Partial<TraceFilter>;
  rateEps?: number;
  leaseNs?: bigint;
  /** Leave the ring unread. */
  unread?: boolean;
}

class Session implements Disposable {
  readonly object: BpfObject;
  readonly ring: RingRecords | undefined;
  readonly #links: BpfLink[];

  constructor(kind: TraceKind, options: SessionOptions = {}) {
    const name = kind === TraceKind.DROPS ? "trace_drops" : "trace_connections";
    this.object = openObject(new URL(`../build/${name}.bpf.o`, import.meta.url).pathname);
    const config = Buffer.alloc(TRACE_CONFIG_SIZE);
    const leaseEndsNs = clock().bootNs + (options.leaseNs ?? HOUR_NS);
    const filter = { ...ANYTHING, ...options.filter };
    encodeTraceConfig({ kind, rateEps: options.rateEps ?? 1000, leaseEndsNs, filter }, viewOf(config));
    this.object.setRodata(".rodata", "trace_config", config);
    this.object.load();
    this.allow(podNetns);
    if (!options.unread) this.ring = new RingRecords(this.object.map("trace_events"));
    this.#links = this.object.programs().map((p) => this.object.program(p).attach({ kind: "tracing" }));
  }

  allow(netns: TestNetns, kind: NetnsKind = NetnsKind.POD): void {
    this.object.map("trace_netns").update(u64(netnsCookie(netns.path)), u32(kind));
  }

  drops(): TraceEventDrop[] {
    return (this.ring?.records ?? []).map((view) => {
      expect(view.byteLength).toBe(TRACE_EVENT_DROP_SIZE);
      return readTraceEventDrop(view, 0);
    });
  }

  steps(): TraceEventConnection[] {
    return (this.ring?.records ?? []).map((view) => {
      expect(view.byteLength).toBe(TRACE_EVENT_CONNECTION_SIZE);
      return readTraceEventConnection(view, 0);
    });
  }

  stats(): TraceStats {
    const value = this.object.map("trace_stats").lookup(u32(0)) as Buffer;
    const sum: TraceStats = { seen: 0n, emitted: 0n, overRate: 0n, ringFull: 0n, afterLease: 0n };
    for (let at = 0; at < value.length; at += TRACE_STATS_SIZE) {
      const one = readTraceStats(viewOf(value), at);
      for (const name of Object.keys(sum) as (keyof TraceStats)[]) sum[name] += one[name];
    }
    return sum;
  }

  [Symbol.dispose](): void {
    for (const link of this.#links) link.close();
    this.ring?.[Symbol.dispose]();
    this.object.close();
  }
}

const start = (kind: TraceKind, options?: SessionOptions) => mine.use(new Session(kind, options));
const closedPort = (count: number) => peer.do("udp", { host: POD, port: 4999, bytes: 40, count });

describe("drops", () => {
  test("reason, place, the kernel's stack, the packet's headers", async () => {
    const session = start(TraceKind.DROPS);
    await closedPort(1);
    const event = await eventually("a drop", () => session.drops().find((d) => d.flow.dport === 4999));
    expect(reasonNameOf(event.reason)).toBe("NO_SOCKET");
    expect(event.flow).toEqual(
      keyOf({
        saddr: PEER,
        daddr: POD,
        sport: event.flow.sport,
        dport: 4999,
        proto: PROTO.udp,
        endpointId: 0,
      }),
    );
    expect(event.header).toMatchObject({
      kind: TraceKind.DROPS,
      netnsCookie: netnsCookie(podNetns.path),
      pid: 0,
    });
    expect(event.location).toBeGreaterThan(0n);
    expect(event.stackDepth).toBeGreaterThan(3);
    expect(event.stack.slice(0, event.stackDepth)).not.toContain(0n);
    expect(event.headerBytes).toBe(20 + 8);
    expect(event.headers[0]).toBe(0x45);
  });

  test("nothing of what a packet carries", async () => {
    const session = start(TraceKind.DROPS);
    await closedPort(1);
    const event = await eventually("a drop", () => session.drops().find((d) => d.flow.dport === 4999));
    expect(event.packetBytes).toBeGreaterThan(event.headerBytes);
    expect([...event.headers.subarray(event.headerBytes)].every((byte) => byte === 0)).toBe(true);
  });

  test("ordinary reasons stay out when their class is set", async () => {
    const session = start(TraceKind.DROPS);
    session.object.map("drop_classes").update(u32(reasonNumber("NO_SOCKET")), u32(DropClass.ORDINARY));
    await closedPort(5);
    expect(session.stats().seen).toBe(0n);
  });

  test("in the host's namespace only packets of our addresses are shown", async () => {
    const session = start(TraceKind.DROPS);
    session.allow(peerNetns, NetnsKind.HOST);
    await peer.do("udp", { host: "127.0.0.1", port: 9 });
    expect(session.stats().seen).toBe(0n);
    session.object.map("trace_addresses").update(addressBytes(POD), u32(1));
    await pod.do("udp", { host: PEER, port: 9 });
    await eventually("our packet", () => session.drops().some((d) => d.flow.dport === 9));
  });

  test.each<[string, Partial<TraceFilter>, boolean]>([
    ["its port", { portA: 4999 }, true],
    ["another port", { portA: 5000 }, false],
    ["its protocol", { proto: PROTO.udp }, true],
    ["another protocol", { proto: PROTO.tcp }, false],
    ["its sender, on either side", { addrB: addressBytes(PEER), matchAddrB: 1 }, true],
    [
      "its receiver and port, the other way round",
      { addrB: addressBytes(POD), matchAddrB: 1, portB: 4999 },
      true,
    ],
    ["its receiver with the sender's port", { addrA: addressBytes(PEER), matchAddrA: 1, portA: 4999 }, false],
    ["another address", { addrA: addressBytes("10.9.0.9"), matchAddrA: 1 }, false],
    ["another namespace", { netnsCookie: 1n }, false],
    ["a cgroup, unknown for a received packet", { cgroupId: 1n }, true],
  ])("a filter by %s", async (_what, filter, shown) => {
    const session = start(TraceKind.DROPS, { filter });
    await closedPort(2);
    expect(session.stats().seen).toBe(shown ? 2n : 0n);
  });

  test("a namespace the session may not look into shows nothing", async () => {
    const session = start(TraceKind.DROPS);
    await pod.do("udp", { host: PEER, port: 9, count: 3 });
    expect(session.stats().seen).toBe(0n);
  });

  test("not more than a second's worth at once: the rest is counted, and nothing is lost in between", async () => {
    const session = start(TraceKind.DROPS, { rateEps: 5 });
    await closedPort(300);
    const { seen, emitted, overRate } = session.stats();
    expect(seen).toBe(300n);
    expect(emitted + overRate).toBe(seen);
    expect(emitted).toBeGreaterThanOrEqual(5n);
    expect(overRate).toBeGreaterThan(200n);
    await eventually("what was sent", () => session.drops().length === Number(emitted));
  });

  test("a ring that nobody reads fills up, and the rest is counted", async () => {
    const session = start(TraceKind.DROPS, { rateEps: 1_000_000, unread: true });
    await closedPort(2000);
    const { seen, emitted, ringFull, overRate } = session.stats();
    expect(seen).toBe(2000n);
    expect(overRate).toBe(0n);
    expect(emitted + ringFull).toBe(seen);
    expect(ringFull).toBeGreaterThan(500n);
  });

  test("after the lease nothing is shown, with nobody there to stop it", async () => {
    const session = start(TraceKind.DROPS, { leaseNs: 0n });
    await closedPort(3);
    expect(session.stats()).toEqual({ seen: 0n, emitted: 0n, overRate: 0n, ringFull: 0n, afterLease: 3n });
  });
});

describe("connections", () => {
  const stepsOf = (session: Session, kinds: number[]) =>
    eventually(`steps ${kinds}`, () => {
      const steps = session.steps();
      return steps.length >= kinds.length && steps;
    });

  test("from the connecting side: connect, established, close, with process, latency and bytes", async () => {
    const session = start(TraceKind.CONNECTIONS);
    await peer.do("listen", { port: 8101 });
    await pod.do("open", { id: 1, host: PEER, port: 8101 });
    await pod.do("exchange", { id: 1, bytes: 5000 });
    await pod.do("close", { id: 1 });
    const steps = await stepsOf(session, [CONNECT, ESTABLISHED, CLOSE]);
    expect(steps.map((step) => step.step)).toEqual([CONNECT, ESTABLISHED, CLOSE]);
    const [connect, established, close] = steps as [
      TraceEventConnection,
      TraceEventConnection,
      TraceEventConnection,
    ];
    for (const { header, socketCookie } of steps) {
      expect(header).toMatchObject({
        kind: TraceKind.CONNECTIONS,
        pid: pod.pid,
        netnsCookie: netnsCookie(podNetns.path),
      });
      expect(textOf(header.comm)).toMatch(/^node/);
      expect(header.cgroupId).toBeGreaterThan(0n);
      expect(socketCookie).toBe(connect.socketCookie);
    }
    const { sport } = established.flow;
    expect(established.flow).toEqual(
      keyOf({ saddr: POD, daddr: PEER, sport, dport: 8101, proto: PROTO.tcp, endpointId: 0 }),
    );
    expect(established.latencyNs).toBe(established.header.atNs - connect.header.atNs);
    expect(close.latencyNs).toBe(close.header.atNs - established.header.atNs);
    expect(close).toMatchObject({ bytesSent: 5000n, bytesReceived: 5000n, error: 0 });
    expect(close.flow).toEqual(established.flow);
    expect(close.rttUs).toBeGreaterThan(0);
  });

  test("from the accepting side: accept and established with the handshake's latency, then close", async () => {
    const session = start(TraceKind.CONNECTIONS);
    await pod.do("listen", { port: 8102 });
    await peer.do("open", { id: 1, host: POD, port: 8102 });
    await peer.do("close", { id: 1 });
    const steps = await stepsOf(session, [ACCEPT, ESTABLISHED, CLOSE]);
    expect(steps.map((step) => step.step)).toEqual([ACCEPT, ESTABLISHED, CLOSE]);
    expect(steps[1]?.latencyNs).toBeGreaterThan(0n);
    expect(steps[0]?.flow).toMatchObject({ sport: 8102, family: 4 });
    expect(steps[0]?.header.pid).toBe(0);
  });

  test("refused: connect, a reset received, and the reason of the failure", async () => {
    const session = start(TraceKind.CONNECTIONS);
    expect((await pod.do("open", { id: 1, host: PEER, port: 8103 })).error).toBe("ECONNREFUSED");
    const steps = await stepsOf(session, [CONNECT, RESET, CONNECT_FAILED]);
    expect(steps.map((step) => [step.step, step.error])).toEqual([
      [CONNECT, 0],
      [RESET, ECONNRESET],
      [CONNECT_FAILED, ECONNREFUSED],
    ]);
    expect(steps[2]?.latencyNs).toBeGreaterThan(0n);
  });

  test("refusing: the reset sent has the tuple as the refusing end sees it, though no socket is there", async () => {
    const session = start(TraceKind.CONNECTIONS);
    await peer.do("open", { id: 1, host: POD, port: 8104 });
    const [reset] = await stepsOf(session, [RESET]);
    expect(reset?.step).toBe(RESET);
    const dport = reset?.flow.dport;
    expect(reset?.flow).toEqual(
      keyOf({ saddr: POD, daddr: PEER, sport: 8104, dport, proto: PROTO.tcp, endpointId: 0 }),
    );
  });

  test("a connection that its own process breaks off: a reset sent, and close", async () => {
    const session = start(TraceKind.CONNECTIONS);
    await peer.do("listen", { port: 8105 });
    await pod.do("open", { id: 1, host: PEER, port: 8105 });
    await pod.do("reset", { id: 1 });
    const steps = await stepsOf(session, [CONNECT, ESTABLISHED, RESET, CLOSE]);
    expect(steps.map((step) => step.step).sort()).toEqual([CONNECT, ESTABLISHED, RESET, CLOSE]);
    for (const step of steps.slice(1)) expect(step.flow).toEqual(steps[1]?.flow);
  });

  test("a filter by port and by cgroup keeps other connections out from their first step on", async () => {
    const session = start(TraceKind.CONNECTIONS, { filter: { portA: 8106 } });
    const both = start(TraceKind.CONNECTIONS, { filter: { portA: 1, portB: 8106 } });
    const nobody = start(TraceKind.CONNECTIONS, { filter: { cgroupId: 1n << 60n } });
    for (const port of [8106, 8107]) {
      await peer.do("listen", { port });
      await pod.do("open", { id: port, host: PEER, port });
      await pod.do("close", { id: port });
    }
    const steps = await stepsOf(session, [CONNECT, ESTABLISHED, CLOSE]);
    expect(steps.map((step) => [step.step, step.flow.dport])).toEqual([
      [CONNECT, 8106],
      [ESTABLISHED, 8106],
      [CLOSE, 8106],
    ]);
    expect(nobody.stats().seen).toBe(0n);
    expect(both.stats().seen).toBe(1n); // the connect, whose own port isn't known yet
  });
});
