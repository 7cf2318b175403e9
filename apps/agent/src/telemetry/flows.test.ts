import { test } from "@fast-check/vitest";
import {
  FlowOpener,
  type FlowPath,
  type FlowRecord,
  FlowTcpState,
  PathKind,
  PathReason,
  Verdict,
} from "@millrace/abi/generated/flow";
import { formatFlowId } from "@millrace/contract/flow-id";
import { VERDICT_NUMBER, WAY_NUMBER } from "@millrace/contract/verdict";
import { describe, expect, vi } from "vitest";
import { FakeDataplane } from "../dataplane/fake-dataplane.ts";
import { emptyPath, keyBytes, text } from "../dataplane/fake-kernel.ts";
import type { VirtualPort } from "../dataplane/services.ts";
import { addressText } from "../endpoint/address.ts";
import { FakeHost, fakeContainer, Life } from "../testing/fake-host.ts";
import { decodeBatch, type StoredBatch } from "../testing/ledger.ts";
import { temporaryDirectory } from "../testing/temporary.ts";

const WEB = "10.0.0.1";
const FAR = "192.0.2.9";

/** A host with one pod and one agent, and the batches it makes. */
function scene(containers = [fakeContainer("web")]) {
  const host = new FakeHost();
  const pod = host.addPod("web", WEB, containers);
  const dataplane = new FakeDataplane(host.kernel);
  const directory = temporaryDirectory("flows");
  const agent = new Life(host, directory, { dataplane });
  agent.second();
  const next = (life = agent): StoredBatch => {
    const { spool } = life.telemetry;
    for (let b = spool.oldest; b; b = spool.oldest) spool.acknowledge(b);
    life.second();
    const batch = spool.oldest;
    if (!batch) throw new Error("no batch was made");
    return decodeBatch(spool.payload(batch), batch.compressed);
  };
  const packet = (
    tuple: { sport: number; dport: number; proto?: number; remote?: string },
    direction: 0 | 1,
    change: Partial<FlowRecord> = {},
  ) => host.kernel.packet(host.key(pod, { local: WEB, remote: FAR, ...tuple }), direction, 100, change);
  return { host, pod, agent, dataplane, directory, next, packet };
}
const row = ({ flows }: StoredBatch, i = 0) => ({
  src: addressText(flows.src.subarray(i * 16, i * 16 + 16)),
  dst: addressText(flows.dst.subarray(i * 16, i * 16 + 16)),
  srcPort: flows.srcPort[i],
  dstPort: flows.dstPort[i],
  fwd: flows.fwdPackets[i],
  rev: flows.revPackets[i],
  observer: flows.observer[i],
  openerKnown: flows.openerKnown[i],
  verdict: flows.verdict[i],
  final: flows.final[i],
});
const idOf = ({ flows }: StoredBatch, i = 0) => formatFlowId(flows.flowId.subarray(i * 16, i * 16 + 16));

describe("a flow's row", () => {
  test("has the opener as its source, at whichever end it is seen", () => {
    const { packet, next } = scene();
    packet({ sport: 80, dport: 50_000 }, 1, { opener: FlowOpener.REMOTE });
    packet({ sport: 80, dport: 50_000 }, 1, { opener: FlowOpener.REMOTE });
    packet({ sport: 80, dport: 50_000 }, 0);
    expect(row(next())).toEqual({
      ...{ src: FAR, dst: WEB, srcPort: 50_000, dstPort: 80, fwd: 2, rev: 1, observer: 1, openerKnown: 1 },
      ...{ verdict: VERDICT_NUMBER.forwarded, final: 0 },
    });
  });

  test.each([
    [{ sport: 80, dport: 50_000 }, FAR],
    [{ sport: 50_000, dport: 80 }, WEB],
    [{ sport: 5000, dport: 5000 }, WEB],
  ])(
    "with the opener unknown takes the lower port for the destination, of equal ones the lower address for the source: %j",
    (tuple, src) => {
      const { packet, next } = scene();
      packet(tuple, 0);
      expect(row(next())).toMatchObject({ src, openerKnown: 0 });
    },
  );

  test.each([1, 58])(
    "has an echo's identifier at the source, whoever asked and whoever tells: %i",
    (proto) => {
      const { packet, next } = scene();
      const echo = { sport: 4242, dport: 0, proto };
      for (const opener of [FlowOpener.LOCAL, FlowOpener.REMOTE]) {
        packet(echo, opener === FlowOpener.LOCAL ? 0 : 1, { opener });
        expect(row(next())).toMatchObject({
          ...{ src: opener === FlowOpener.LOCAL ? WEB : FAR, srcPort: 4242, dstPort: 0 },
        });
      }
      const unknown = scene();
      unknown.packet(echo, 1);
      expect(row(unknown.next())).toMatchObject({ src: WEB, srcPort: 4242 }); // the lower address, as the other end takes it
    },
  );

  test("keeps its guess while nothing better is known, and takes a new id when the truth is another", () => {
    const { packet, next } = scene();
    packet({ sport: 80, dport: 50_000 }, 0);
    const first = next();
    packet({ sport: 80, dport: 50_000 }, 0);
    const second = next();
    expect(idOf(second)).toBe(idOf(first));
    packet({ sport: 80, dport: 50_000 }, 0, { opener: FlowOpener.LOCAL });
    const third = next();
    expect(row(third)).toMatchObject({ src: WEB, fwd: 1, rev: 0 });
    expect(idOf(third)).not.toBe(idOf(first));
  });

  test("has an id of version 7 that begins with its first packet's millisecond", () => {
    const { packet, next, host } = scene();
    const firstMs = Number(host.kernel.realtimeNs / 1_000_000n);
    packet({ sport: 50_000, dport: 80 }, 0);
    const id = idOf(next());
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(Number.parseInt(id.replaceAll("-", "").slice(0, 12), 16)).toBe(firstMs);
  });

  test("claims only what was seen: unknown until something came in, dropped while drops grow", () => {
    const { packet, next, host, pod } = scene();
    packet({ sport: 50_000, dport: 80 }, 0);
    expect(row(next()).verdict).toBe(VERDICT_NUMBER.unknown);
    packet({ sport: 50_000, dport: 80 }, 1);
    expect(row(next()).verdict).toBe(VERDICT_NUMBER.forwarded);
    const flow = host.key(pod, { local: WEB, remote: FAR, sport: 50_000, dport: 80 });
    host.kernel.drop({ flow, reason: 3, location: 0n, netnsCookie: 1n, ifindex: 2, direction: 0 }, 100);
    const dropped = next();
    expect(row(dropped).verdict).toBe(VERDICT_NUMBER.dropped);
    expect(dropped.head.reasons[(dropped.flows.dropReason[0] as number) - 1]).toBe("NO_SOCKET");
    packet({ sport: 50_000, dport: 80 }, 1);
    expect(row(next())).toMatchObject({ verdict: VERDICT_NUMBER.forwarded, fwd: 0, rev: 1 });
  });

  test("names the container whose cgroup the socket is in, and of a lone container its pod", () => {
    const two = [
      fakeContainer("app", { cgroups: [77] }),
      fakeContainer("sidecar", { cgroups: [78], pid: 101 }),
    ];
    const { packet, next } = scene(two);
    packet({ sport: 50_000, dport: 80 }, 0, { cgroupId: 78n, opener: FlowOpener.LOCAL });
    const batch = next();
    const workload = batch.head.workloads[(batch.flows.srcWorkload[0] as number) - 1];
    expect(workload).toMatchObject({ kind: "pod", pod: "app", container: "sidecar", service: "sidecar" });
    const lone = scene([fakeContainer("web")]);
    lone.packet({ sport: 50_000, dport: 80 }, 0, { opener: FlowOpener.LOCAL });
    const other = lone.next();
    expect(other.head.workloads[(other.flows.srcWorkload[0] as number) - 1]?.container).toBe("web");
  });

  test("is not told again when it leaves the table without anything new", () => {
    const { packet, next, agent, host } = scene();
    packet({ sport: 50_000, dport: 80 }, 0, { tcpState: FlowTcpState.CLOSED, opener: FlowOpener.LOCAL });
    next();
    for (let i = 0; i < 5; i++) agent.second();
    const { spool } = agent.telemetry;
    let rows = 0;
    for (let b = spool.oldest; b; b = spool.oldest) {
      rows += decodeBatch(spool.payload(b), b.compressed).head.flowRows;
      spool.acknowledge(b);
    }
    expect(rows).toBe(1);
    expect(host.kernel.flows.size).toBe(0);
  });
});

describe("a flow that our dataplane carries", () => {
  const TUPLE = { sport: 50_000, dport: 80 };
  const path = (over: Partial<FlowPath>): Partial<FlowRecord> => ({
    path: { ...emptyPath(), generation: 2, verdict: Verdict.FORWARD, ...over },
  });
  const carried = ({ flows }: StoredBatch) => ({
    ...{ carried: flows.carried[0], way: flows.way[0], verdict: flows.verdict[0] },
    ...{ slow: flows.slowPackets[0], rule: flows.rule[0], revision: flows.revision[0] },
  });

  test("tells its way, its rule, and of each interval how many packets took the slow path", () => {
    const { packet, next } = scene();
    const way = { kind: PathKind.OVERLAY, rule: 12 * 256 + 3, revision: 7 };
    packet(TUPLE, 0, path({ ...way, slowPackets: 1 }));
    packet(TUPLE, 0, path({ ...way, slowPackets: 2 }));
    const told = { carried: 1, way: WAY_NUMBER.overlay, verdict: VERDICT_NUMBER.forwarded };
    expect(carried(next())).toEqual({ ...told, slow: 2, rule: 12 * 256 + 3, revision: 7 });
    packet(TUPLE, 0);
    expect(carried(next())).toEqual({ ...told, slow: 0, rule: 12 * 256 + 3, revision: 7 });
    packet(TUPLE, 0, path({ ...way, slowPackets: 3 }));
    expect(carried(next())).toMatchObject({ slow: 1 });
  });

  test.each([
    [Verdict.WOULD_DROP, PathKind.LOCAL, "would-drop", "local"],
    [Verdict.DROP, PathKind.NONE, "dropped", "none"],
    [Verdict.FORWARD, 9, "forwarded", "none"],
  ] as const)("the kernel's verdict %i by way %i is told as %s, %s", (verdict, kind, word, way) => {
    const { packet, next } = scene();
    packet(TUPLE, 0, path({ verdict, kind }));
    expect(carried(next())).toMatchObject({
      verdict: VERDICT_NUMBER[word],
      way: WAY_NUMBER[way],
      carried: 1,
    });
  });

  test("is carried while its way is asked for, too", () => {
    const { packet, next } = scene();
    packet(TUPLE, 0, path({ generation: 0, verdict: Verdict.UNKNOWN, slowPackets: 1 }));
    expect(carried(next())).toMatchObject({ carried: 1, verdict: VERDICT_NUMBER.unknown, slow: 1 });
  });

  test("says why it is dropped, also where the kernel dropped nothing of it", () => {
    const { packet, next } = scene();
    packet(TUPLE, 0, path({ verdict: Verdict.DROP, reason: PathReason.POLICY, rule: 256, slowPackets: 1 }));
    const batch = next();
    expect(batch.head.reasons[(batch.flows.dropReason[0] as number) - 1]).toBe("MILLRACE_POLICY");
    expect(batch.flows.rule[0]).toBe(256);
  });

  test("that another carries tells none of it, and costs no byte", () => {
    const { packet, next } = scene();
    packet(TUPLE, 0);
    expect(carried(next())).toMatchObject({ carried: 0, way: 0, slow: 0, rule: 0, revision: 0 });
  });
});

test("packets of flows beyond an endpoint's budget are told in a class of their own, as differences", () => {
  const { host, packet, next } = scene();
  host.kernel.flowBudget = 1;
  packet({ sport: 50_000, dport: 80 }, 0);
  for (const direction of [0, 0, 1] as const) packet({ sport: 50_001, dport: 80 }, direction);
  const overBudget = ({ head }: StoredBatch) =>
    head.endpoints.map(({ egress, ingress }) => [egress.overBudget.packets, ingress.overBudget.packets]);
  const first = next();
  expect([overBudget(first), first.head.flowRows]).toEqual([[[2, 1]], 1]);
  packet({ sport: 50_002, dport: 80 }, 0);
  expect(overBudget(next())).toEqual([[1, 0]]);
});

describe("a flow to a service", () => {
  const TUPLE = { sport: 50_000, dport: 8080 };
  const OPENED = { opener: FlowOpener.LOCAL, opens: 1 };
  const virtual = (port: number) => ({ address: "10.210.0.4", port, protocol: 6 });
  const note = ({ host, pod }: ReturnType<typeof scene>, asked: VirtualPort | undefined, tuple = TUPLE) => {
    const key = text(keyBytes(host.key(pod, { local: WEB, remote: FAR, ...tuple })));
    if (asked) host.kernel.asked.set(key, asked);
    else host.kernel.asked.delete(key);
  };
  /** By row. */
  const told = ({ head, services }: StoredBatch) =>
    Object.fromEntries(
      Array.from({ length: head.serviceRows }, (_, i) => [
        services.row[i],
        `${addressText(services.address.subarray(i * 16, i * 16 + 16))}:${services.port[i]}`,
      ]),
    );

  test("tells what was asked for in each update, also when the kernel has forgotten it", () => {
    const one = scene();
    note(one, virtual(80));
    one.packet(TUPLE, 0, OPENED);
    one.packet({ sport: 50_001, dport: 8080 }, 0, OPENED);
    const first = one.next();
    expect(first.head.flowRows).toBe(2);
    const row = [0, 1].find((i) => first.flows.srcPort[i] === TUPLE.sport) as number;
    expect(told(first)).toEqual({ [row]: "10.210.0.4:80" });
    expect(addressText(first.flows.dst.subarray(row * 16, row * 16 + 16))).toBe(FAR);
    note(one, undefined);
    one.packet(TUPLE, 0);
    expect(told(one.next())).toEqual({ 0: "10.210.0.4:80" });
  });

  test("asks anew when its tuple opens anew, for another service or for none", () => {
    const one = scene();
    note(one, virtual(80));
    one.packet(TUPLE, 0, OPENED);
    one.next();
    note(one, virtual(443));
    one.packet(TUPLE, 0, { ...OPENED, opens: 2 });
    expect(told(one.next())).toEqual({ 0: "10.210.0.4:443" });
    note(one, undefined);
    one.packet(TUPLE, 0, { ...OPENED, opens: 3 });
    expect(told(one.next())).toEqual({});
  });

  test("is asked about by its opener's end only, and only where it is TCP", () => {
    const one = scene();
    const asked = vi.spyOn(one.dataplane.services, "askedFor");
    one.packet({ sport: 80, dport: 50_000 }, 1, { opener: FlowOpener.REMOTE, opens: 1 });
    one.packet({ sport: 50_000, dport: 53, proto: 17 }, 0, { opener: FlowOpener.LOCAL });
    one.next();
    expect(asked).not.toHaveBeenCalled();
    for (let sport = 1; sport <= 100; sport++) one.packet({ sport, dport: 80 }, 0, OPENED);
    one.next();
    expect(asked).toHaveBeenCalledOnce();
  });

  test("keeps what was told over a restart, and learns what its earlier life died before telling", () => {
    const one = scene();
    note(one, virtual(80));
    one.packet(TUPLE, 0, OPENED);
    one.next();
    note(one, undefined);
    const later = { sport: 50_001, dport: 8080 };
    note(one, virtual(443), later);
    one.packet(later, 0, OPENED);
    one.packet(TUPLE, 0);
    const services = Object.values(told(one.next(new Life(one.host, one.directory))));
    expect(services.sort()).toEqual(["10.210.0.4:443", "10.210.0.4:80"]);
  });
});

describe("drops", () => {
  test("are told by reason and place with the packet's own direction, and only what is new", () => {
    const { host, pod, next } = scene();
    const flow = host.key(pod, { local: WEB, remote: FAR, sport: 9, dport: 53, proto: 17 });
    const key = { flow, reason: 3, location: 0n, netnsCookie: 1n, ifindex: 2, direction: 1 };
    host.kernel.drop(key, 60);
    host.kernel.drop(key, 60);
    const first = next();
    expect(addressText(first.drops.src)).toBe(FAR);
    expect(addressText(first.drops.dst)).toBe(WEB);
    expect([first.drops.packets[0], first.drops.bytes[0], first.drops.srcPort[0]]).toEqual([2, 120, 53]);
    expect(first.head.reasons).toEqual(["NO_SOCKET"]);
    expect(first.head.places).toEqual(["address hidden by the kernel"]);
    host.kernel.drop({ ...key, flow: { ...flow } }, 60);
    expect(next().drops.packets[0]).toBe(1);
    host.kernel.drop({ ...key, flow: { ...flow, sport: 4242, dport: 0, proto: 1 } }, 60);
    const echo = next().drops;
    expect([addressText(echo.src), echo.srcPort[0], echo.dstPort[0]]).toEqual([FAR, 4242, 0]);
  });

  test("leave the kernel's table when they have been quiet, and no other does", () => {
    const { host, pod, agent } = scene();
    const at = (sport: number) => ({
      ...{ flow: host.key(pod, { local: WEB, remote: FAR, sport, dport: 53, proto: 17 }), reason: 3 },
      ...{ location: 0n, netnsCookie: 1n, ifindex: 2, direction: 1 },
    });
    host.kernel.drop(at(1), 60);
    for (let i = 0; i < 59; i++) agent.second();
    host.kernel.drop(at(2), 60);
    for (let i = 0; i < 4; i++) agent.second();
    expect([...host.kernel.drops.values()].map(({ key }) => key.flow.sport)).toEqual([2]);
  });
});
