import { NetnsKind } from "@millrace/abi/generated/endpoint";
import {
  encodeTraceEventConnection,
  encodeTraceEventDrop,
  TraceKind as KernelTraceKind,
  TRACE_EVENT_CONNECTION_SIZE,
  TRACE_EVENT_DROP_SIZE,
  TraceConnectionStep,
  type TraceEventHeader,
} from "@millrace/abi/generated/trace";
import { DesiredTrace, TraceReport } from "@millrace/contract/agent-protocol";
import { TraceEvent } from "@millrace/contract/trace";
import type { TraceKind } from "@millrace/contract/trace-kind";
import { describe, expect, test } from "vitest";
import type { Answer } from "../connection/client.ts";
import { FakeDataplane } from "../dataplane/fake-dataplane.ts";
import type { FakeTrace } from "../dataplane/fake-kernel.ts";
import { DropReasons } from "../telemetry/drop-reasons.ts";
import { Symbols } from "../telemetry/place.ts";
import { FakeHost } from "../testing/fake-host.ts";
import { until } from "../testing/temporary.ts";
import { Traces } from "./traces.ts";

const ID = "0190c0de-0000-7000-8000-000000000001";
const trace = (change: Partial<DesiredTrace> & { kind?: TraceKind; filter?: object } = {}): DesiredTrace => {
  const { kind = "connections", filter = {}, ...rest } = change;
  const spec = { kind, hosts: ["h1"], filter, leaseSeconds: 60, rateEps: 100, reason: "" };
  return DesiredTrace.parse({ id: ID, generation: 1, leaseEndsAtMs: 61_000, spec, ...rest });
};
const HEADER: TraceEventHeader = {
  ...{ kind: 2, cpu: 0, atNs: 5_000_000n, netnsCookie: 0n, cgroupId: 0n, pid: 42 },
  comm: Buffer.from("nginx\0\0\0garbage!"),
};
const framed = (payload: Uint8Array): Uint8Array => {
  const out = Buffer.alloc(8 + ((payload.length + 7) & ~7));
  out.writeUInt32LE(payload.length);
  out.set(payload, 8);
  return out;
};

function scene(unable: Partial<Record<TraceKind, string>> = {}) {
  const host = new FakeHost();
  const dataplane = new FakeDataplane(host.kernel);
  const wanted: DesiredTrace[] = [];
  const reports: TraceReport[] = [];
  const events: TraceEvent[] = [];
  const lines: string[] = [];
  const clock = { ms: 1000 };
  const server = { pushes: "ok" as "ok" | "unreachable" | "refused" };
  const failure = (kind: "unreachable" | "refused") =>
    ({ ok: false, kind, reason: "gone", pauseMs: 0 }) as const;
  const traces = new Traces({
    ...{ dataplane, hostCookie: 1n, unable, nowMs: () => clock.ms, log: (line) => lines.push(line) },
    client: {
      desiredTraces: async () => ({ ok: true, value: { traces: [...wanted], serverTimeMs: 1000 } }),
      reportTrace: async (report): Promise<Answer<null>> => {
        reports.push(TraceReport.parse(report));
        return { ok: true, value: null };
      },
      pushTrace: async (push): Promise<Answer<null>> => {
        if (server.pushes !== "ok") return failure(server.pushes);
        events.push(...push.events.map((event) => TraceEvent.parse(event)));
        return { ok: true, value: null };
      },
    },
    names: {
      ...{ reasons: new DropReasons(dataplane.dropReasonValues()), symbols: new Symbols(() => []) },
      wallUs: (ns) => Number(ns / 1000n),
      workload: () => undefined,
    },
    pods: () => host.pods.map((pod) => ({ pod, addresses: ["10.0.0.1"] })),
  });
  const attached = () => [...host.kernel.traces][0] as FakeTrace;
  const said = () => reports.map(({ event, end }) => (end ? `${event}:${end}` : event));
  return { host, dataplane, traces, wanted, reports, events, clock, server, attached, said, lines };
}
const flow = (host: FakeHost) => {
  const pod = host.pods[0] ?? host.addPod("web", "10.0.0.1");
  return host.key(pod, { local: "10.0.0.1", remote: "10.0.0.2", sport: 5000, dport: 80 });
};
function connection(host: FakeHost, step: number): Uint8Array {
  const bytes = new Uint8Array(TRACE_EVENT_CONNECTION_SIZE);
  const facts = { latencyNs: 1_500_000n, socketCookie: 1n, bytesSent: 10n, bytesReceived: 20n };
  const rest = { rttUs: 300, retransmits: 1, error: 111 };
  const event = { header: HEADER, flow: flow(host), step, ...facts, ...rest };
  encodeTraceEventConnection(event, new DataView(bytes.buffer));
  return framed(bytes);
}

describe("a trace's life", () => {
  test("it is attached when wanted, with its filter, its rate, its lease, and only the pods it matches", async () => {
    const { traces, wanted, attached, said, host } = scene();
    const web = host.addPod("web", "10.0.0.1");
    host.addPod("cart", "10.0.0.2");
    wanted.push(trace({ filter: { pod: "web", portA: 80, ipA: "10.0.0.1" } }));
    await traces.look();
    await until("the report", () => said().length === 2);
    expect(said()).toEqual(["attach", "attached"]);
    const { config, scope } = attached().request;
    expect(config).toMatchObject({ kind: KernelTraceKind.CONNECTIONS, rateEps: 100 });
    expect(config.filter).toMatchObject({ portA: 80, matchAddrA: 1, matchAddrB: 0 });
    expect(config.leaseEndsNs - host.kernel.bootNs).toBe(60_000_000_000n);
    expect(scope.namespaces).toEqual([
      { cookie: web.cookie, kind: NetnsKind.POD },
      { cookie: 1n, kind: NetnsKind.HOST },
    ]);
  });

  test("one that is refused is told and logged once, though the server still lists it, and a new one anew", async () => {
    const { traces, wanted, said, lines } = scene({ drops: "no tracing here" });
    wanted.push(trace({ kind: "drops" }));
    for (let look = 0; look < 3; look++) await traces.look();
    expect(said()).toEqual(["refuse:refused"]);
    expect(lines).toEqual([expect.stringMatching(/^refuse .* generation 1, .*: no tracing here$/)]);
    wanted.splice(0, 1, trace({ kind: "drops", generation: 2 }));
    for (let look = 0; look < 3; look++) await traces.look();
    expect(said()).toEqual(["refuse:refused", "refuse:refused"]);
    wanted.splice(0, 1);
    await traces.look();
    wanted.push(trace());
    await traces.look();
    expect(traces.running).toBe(1);
  });

  test("it ends when nobody wants it any more: detached first, then its last events, then the report", async () => {
    const { traces, wanted, attached, events, said, host } = scene();
    wanted.push(trace());
    await traces.look();
    attached().handlers.onRecords(connection(host, TraceConnectionStep.CONNECT), 0);
    wanted.length = 0;
    await traces.look();
    await until("the end", () => said().includes("detached"));
    expect(host.kernel.traces.size).toBe(0);
    expect(events).toHaveLength(1);
    expect(said()).toEqual(["attach", "attached", "stop", "detached"]);
  });

  test("its lease ends it with the server gone, and it does not start again while still listed", async () => {
    const { traces, wanted, clock, said, host } = scene();
    wanted.push(trace());
    await traces.look();
    clock.ms = 60_999;
    traces.tick();
    expect(host.kernel.traces.size).toBe(1);
    clock.ms = 61_000;
    traces.tick();
    expect(host.kernel.traces.size).toBe(0);
    await traces.look();
    await until("the end", () => said().includes("detached:lease"));
    expect(host.kernel.traces.size).toBe(0);
  });

  test("it runs no longer than a session may, whatever end the server names", async () => {
    const { host, traces, wanted, attached } = scene();
    wanted.push(trace({ leaseEndsAtMs: 9e15 }));
    await traces.look();
    expect(attached().request.config.leaseEndsNs - host.kernel.bootNs).toBe(60_000_000_000n);
  });

  test("five seconds in a row over its rate end it; four with a pause in between don't", async () => {
    const { traces, wanted, attached, said, host } = scene();
    wanted.push(trace());
    await traces.look();
    for (const over of [1n, 1n, 1n, 1n, 0n, 1n, 1n, 1n, 1n]) {
      attached().counts.overRate += over;
      traces.tick();
    }
    expect(host.kernel.traces.size).toBe(1);
    attached().counts.overRate += 1n;
    traces.tick();
    await until("the end", () => said().includes("detached:rate"));
    expect(host.kernel.traces.size).toBe(0);
  });

  test("what the kernel refuses is reported with the verifier's last words and leaves nothing behind", async () => {
    const { traces, wanted, reports, host, dataplane } = scene();
    wanted.push(trace());
    const log = "0: R1=ctx()\nR0 invalid mem access 'scalar'\nprocessed 31 insns (limit 1000000)";
    dataplane.trace = () => {
      throw Object.assign(new Error("prog_load: EACCES"), { verifierLog: log });
    };
    await traces.look();
    await until("the report", () => reports.length === 2);
    expect(reports[1]).toMatchObject({ event: "refuse", end: "error" });
    expect(reports[1]?.detail).toBe("prog_load: EACCES: R0 invalid mem access 'scalar'");
    expect(host.kernel.traces.size).toBe(0);
  });

  test("a newer generation replaces it, and the agent's end ends it", async () => {
    const { traces, wanted, attached, said, host } = scene();
    wanted.push(trace());
    await traces.look();
    const first = attached();
    wanted[0] = trace({ generation: 2 });
    await traces.look();
    expect(host.kernel.traces.size).toBe(1);
    expect(attached()).not.toBe(first);
    await traces.stop();
    expect(host.kernel.traces.size).toBe(0);
    expect(said()).toEqual([
      ...["attach", "attached", "stop:superseded", "detached:superseded"],
      ...["attach", "attached", "stop:agent-lost", "detached:agent-lost"],
    ]);
  });
});

describe("a trace's events", () => {
  test("say who, what and how long, in the contract's words", async () => {
    const { traces, wanted, attached, events, host } = scene();
    wanted.push(trace());
    await traces.look();
    attached().handlers.onRecords(connection(host, TraceConnectionStep.CONNECT_FAILED), 0);
    traces.flush();
    await until("the event", () => events.length === 1);
    expect(events[0]).toMatchObject({
      ...{ kind: "connections", sequence: 1, at: 5000, step: "connect-failed", latencyUs: 1500 },
      ...{ error: "ECONNREFUSED", bytesSent: null, rttUs: 300, process: { pid: 42, comm: "nginx" } },
      tuple: { src: "10.0.0.1", dst: "10.0.0.2", srcPort: 5000, dstPort: 80, proto: 6 },
    });
  });

  test("of drops carry reason, place, stack and headers", async () => {
    const { traces, wanted, attached, events, host } = scene();
    wanted.push(trace({ kind: "drops" }));
    await traces.look();
    const bytes = new Uint8Array(TRACE_EVENT_DROP_SIZE);
    const facts = { reason: 3, location: 0n, ifindex: 2, packetBytes: 60, headerBytes: 4, stackDepth: 2 };
    const stack = Array.from({ length: 32 }, () => 0n);
    const headers = Uint8Array.from({ length: 128 }, (_, i) => i);
    const event = { header: HEADER, flow: flow(host), ...facts, stack, headers };
    encodeTraceEventDrop(event, new DataView(bytes.buffer));
    attached().handlers.onRecords(framed(bytes), 0);
    traces.flush();
    await until("the event", () => events.length === 1);
    expect(events[0]).toMatchObject({
      ...{ reason: "NO_SOCKET", class: "loss", packetBytes: 60, headers: "AAECAw==" },
      stack: ["address hidden by the kernel", "address hidden by the kernel"],
    });
  });

  test("that find no room are counted, leave a gap in the sequence, and the rest still comes", async () => {
    const { traces, wanted, attached, events, server, host, reports } = scene();
    wanted.push(trace());
    await traces.look();
    server.pushes = "unreachable";
    const one = connection(host, TraceConnectionStep.CONNECT);
    for (let i = 0; i < 5003; i++) attached().handlers.onRecords(one, 0);
    attached().handlers.onRecords(one, 4);
    expect(traces.lostEvents).toBe(8);
    server.pushes = "ok";
    traces.flush();
    await until("the events", () => events.length === 5000);
    attached().handlers.onRecords(one, 0);
    traces.flush();
    await until("one more", () => events.length === 5001);
    expect(events.at(-1)?.sequence).toBe(5009);
    await traces.stop();
    expect(reports.at(-1)?.stats.undelivered).toBe(8);
  });

  test("that the server refuses are counted as lost and not sent again", async () => {
    const { host, traces, wanted, attached, server, reports, events } = scene();
    flow(host);
    wanted.push(trace());
    await traces.look();
    server.pushes = "refused";
    attached().handlers.onRecords(connection(host, TraceConnectionStep.CONNECT), 0);
    traces.flush();
    await until("the loss", () => traces.lostEvents === 1);
    server.pushes = "ok";
    await traces.stop();
    expect(events).toEqual([]);
    expect(reports.at(-1)?.stats.undelivered).toBe(1);
  });

  test("that are no records of ours are left out, whatever their bytes", async () => {
    const { traces, wanted, attached, events, host } = scene();
    wanted.push(trace());
    await traces.look();
    for (const bytes of [
      new Uint8Array(3),
      new Uint8Array(40),
      framed(new Uint8Array(5)),
      Buffer.alloc(9, 255),
    ])
      attached().handlers.onRecords(bytes, 0);
    attached().handlers.onRecords(connection(host, 77), 0);
    attached().handlers.onRecords(connection(host, TraceConnectionStep.CLOSE), 0);
    traces.flush();
    await until("the event", () => events.length === 1);
    expect(events[0]).toMatchObject({ step: "close", bytesSent: 10 });
  });
});
