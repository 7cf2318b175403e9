/**
 * The kernel's side of the fake: tables, interfaces and packets put in by hand. It outlives agents as pins
 * do: start another agent over the same one. Imported by tests only.
 */
import {
  ENDPOINT_OFFSETS,
  EndpointClass,
  EndpointLimit,
  type NetnsInfo,
} from "@millrace/abi/generated/endpoint";
import type { DropKey } from "@millrace/abi/generated/event";
import {
  encodeFlowKey,
  FLOW_COUNTERS_SIZE,
  FLOW_KEY_SIZE,
  type FlowKey,
  FlowLifecycle,
  FlowLimit,
  type FlowPath,
  type FlowRecord,
} from "@millrace/abi/generated/flow";
import type { TraceStats } from "@millrace/abi/generated/trace";
import { hashText } from "@millrace/contract/hash";
import type {
  EndpointEntry,
  EndpointTotal,
  InterfaceFacts,
  LeftBehind,
  TraceAttachment,
  TraceHandlers,
  TraceRequest,
} from "./dataplane.ts";
import type { VirtualPort } from "./services.ts";

export type FakeFlow = { key: FlowKey; record: FlowRecord };
export type FakeDrop = {
  key: DropKey;
  record: { packets: bigint; bytes: bigint; firstSeenNs: bigint; lastSeenNs: bigint };
};
export type FakeInterface = InterfaceFacts & { cookie: bigint };
type Direction = 0 | 1;

/** What stays in the kernel while no agent runs. */
export class FakeKernel {
  generation = "";
  /** Given up and not removed yet. */
  left: LeftBehind[] = [];
  reported = false;
  bootNs = 1_000_000_000_000n;
  realtimeNs = 1_790_000_000_000_000_000n;
  readonly flows = new Map<string, FakeFlow>();
  readonly drops = new Map<string, FakeDrop>();
  readonly endpoints = new Map<string, { entry: EndpointEntry; totals: Buffer }>();
  readonly hooks = new Set<string>();
  readonly namespaces = new Map<bigint, NetnsInfo>();
  /** By path. */
  readonly cookies = new Map<string, bigint>();
  readonly interfaces: FakeInterface[] = [];
  flowCapacity = 1024;
  /** 0: as many as there are. */
  flowBudget = 0;
  /** What flows were asked for, by their keys. */
  readonly asked = new Map<string, VirtualPort>();
  readonly traces = new Set<FakeTrace>();
  /** Names of flows that opened or moved, with the epoch; what the ring would hold. */
  moved: { name: string; epoch: bigint }[] = [];
  missed = false;

  advance(ms: number): void {
    this.bootNs += BigInt(ms) * 1_000_000n;
    this.realtimeNs += BigInt(ms) * 1_000_000n;
  }

  /** One packet at an attached endpoint, counted as the programs would. */
  packet(key: FlowKey, direction: Direction, bytes: number, change: Partial<FlowRecord> = {}): void {
    const endpoint = [...this.endpoints.values()].find(({ entry }) => entry.endpointId === key.endpointId);
    if (!endpoint || !this.hooks.has(placeOf(endpoint.entry))) return;
    const link = this.interfaces.find(
      (i) => i.cookie === endpoint.entry.cookie && i.ifindex === endpoint.entry.ifindex,
    );
    if (link) addStats(link.stats, direction, bytes);
    addTotal(endpoint.totals, direction, EndpointClass.TOTAL, bytes);
    const flow = this.#flow(key, change);
    if (typeof flow === "number") addTotal(endpoint.totals, direction, flow, bytes);
    else if (flow.record.lifecycle === FlowLifecycle.RETIRED)
      addTotal(endpoint.totals, direction, EndpointClass.FLOW_RETIRED, bytes);
    else {
      const counters = flow.record.counters[direction];
      if (!counters) throw new RangeError(`no direction ${direction}`);
      counters.packets += 1n;
      counters.segments += 1n;
      counters.bytes += BigInt(bytes);
      if (this.#epoch(flow.record.lastSeenNs) !== this.#epoch(this.bootNs)) this.#told(text(keyBytes(key)));
      Object.assign(flow.record, change, { lastSeenNs: this.bootNs });
    }
  }

  drop(key: DropKey, bytes: number): void {
    const name = JSON.stringify([text(keyBytes(key.flow)), key.reason, String(key.location)]);
    const known = this.drops.get(name);
    const record = known?.record ?? {
      ...{ packets: 0n, bytes: 0n, firstSeenNs: this.bootNs, lastSeenNs: this.bootNs },
    };
    record.packets += 1n;
    record.bytes += BigInt(bytes);
    record.lastSeenNs = this.bootNs;
    this.drops.set(name, { key, record });
    const flow = this.flows.get(text(keyBytes(key.flow)));
    if (!known) this.#told(text(keyBytes(key.flow)));
    if (flow) Object.assign(flow.record, { drops: flow.record.drops + 1n, dropReason: key.reason });
  }

  /** Or the class of a packet that has none. */
  #flow(key: FlowKey, change: Partial<FlowRecord>): FakeFlow | EndpointClass {
    const name = text(keyBytes(key));
    const known = this.flows.get(name);
    if (known) return known;
    if (this.flowBudget && (this.holders().get(key.endpointId) ?? 0) >= this.flowBudget)
      return EndpointClass.OVER_BUDGET;
    if (this.flows.size >= this.flowCapacity) return EndpointClass.TABLE_FULL;
    const flow = { key, record: { ...emptyRecord(), ...change, firstSeenNs: this.bootNs } };
    this.flows.set(name, flow);
    this.#told(name);
    return flow;
  }
  /** By endpoint, how many flows it has. */
  holders(): Map<number, number> {
    const holders = new Map<number, number>();
    for (const { key } of this.flows.values())
      holders.set(key.endpointId, (holders.get(key.endpointId) ?? 0) + 1);
    return holders;
  }
  #told(name: string): void {
    this.moved.push({ name, epoch: this.#epoch(this.bootNs) });
  }
  #epoch(ns: bigint): bigint {
    return ns >> BigInt(FlowLimit.EPOCH_BITS);
  }
  /** Names to look at now; those whose epoch is not over stay to be looked at again. */
  takeMoved(): string[] {
    const names = this.moved.map(({ name }) => name);
    this.moved = this.moved.filter(({ epoch }) => epoch >= this.#epoch(this.bootNs));
    return names;
  }
}

export class FakeTrace implements TraceAttachment {
  readonly request: TraceRequest;
  readonly handlers: TraceHandlers;
  readonly #kernel: FakeKernel;
  readonly counts: TraceStats = { seen: 0n, emitted: 0n, overRate: 0n, ringFull: 0n, afterLease: 0n };
  scopes = 0;

  constructor(kernel: FakeKernel, request: TraceRequest, handlers: TraceHandlers) {
    this.#kernel = kernel;
    this.request = request;
    this.handlers = handlers;
    kernel.traces.add(this);
  }
  stats(): TraceStats {
    return this.counts;
  }
  setScope(): void {
    this.scopes++;
  }
  async close(): Promise<void> {
    this.#kernel.traces.delete(this);
  }
}

export function emptyRecord(): FlowRecord {
  const none = () => ({ packets: 0n, segments: 0n, bytes: 0n });
  return {
    counters: [none(), none()],
    ...{ firstSeenNs: 0n, lastSeenNs: 0n, cgroupId: 0n, drops: 0n, dropReason: 0, rttUs: 0, rttMinUs: 0 },
    ...{ retransmits: 0, isn: 0, opens: 0, lifecycle: FlowLifecycle.LIVE, tupleCheck: 0 },
    ...{ tcpFlags: new Uint8Array(2), tcpState: 0, opener: 0, shown: 0, path: emptyPath() },
  };
}

export function emptyPath(): FlowPath {
  return {
    ...{ generation: 0, verdict: 0, kind: 0, reason: 0, ifindex: 0, remote: 0, identity: 0, peerIdentity: 0 },
    ...{ peerEndpoint: 0, rule: 0, revision: 0, natAddress: new Uint8Array(16), natPort: 0, slowPackets: 0 },
    ...{ natDst: new Uint8Array(16), natDstPort: 0, wirePort: 0, backend: 0 },
  };
}

function addTotal(totals: Buffer, direction: Direction, which: EndpointClass, bytes: number): void {
  const at = ENDPOINT_OFFSETS.counters + (direction * EndpointLimit.EP_CLASSES + which) * FLOW_COUNTERS_SIZE;
  for (const [word, add] of [1, 1, bytes].entries())
    totals.writeBigUInt64LE(totals.readBigUInt64LE(at + word * 8) + BigInt(add), at + word * 8);
}
function addStats(stats: Record<string, bigint>, direction: Direction, bytes: number): void {
  const side = direction === 0 ? "tx" : "rx";
  stats[`${side}_packets`] = (stats[`${side}_packets`] ?? 0n) + 1n;
  stats[`${side}_bytes`] = (stats[`${side}_bytes`] ?? 0n) + BigInt(bytes);
}

export const placeOf = (at: { cookie: bigint; ifindex: number }): string => `${at.cookie}/${at.ifindex}`;
export const text = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
export const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
export function keyBytes(key: FlowKey): Buffer {
  const out = Buffer.alloc(FLOW_KEY_SIZE);
  encodeFlowKey(key, viewOf(out));
  return out;
}

/** What changes when anything of a flow that is told changes, as in scan.bpf.c. */
export function foldOf({
  counters,
  drops,
  retransmits,
  opens,
  tcpState,
  tcpFlags,
  lifecycle,
}: FlowRecord): number {
  const all = [...counters.map(({ packets }) => packets), drops, retransmits, opens, tcpState, ...tcpFlags];
  return (hashText(all.join(), lifecycle) | 2) >>> 0;
}

export function namesIn(keys: Uint8Array, count: number): string[] {
  return Array.from({ length: count }, (_, i) =>
    text(keys.subarray(i * FLOW_KEY_SIZE, (i + 1) * FLOW_KEY_SIZE)),
  );
}

export function totalOf(endpointId: number, totals: Buffer): EndpointTotal {
  const both = (word: number) =>
    [0, 1].reduce((sum, direction) => {
      const at = ENDPOINT_OFFSETS.counters + direction * EndpointLimit.EP_CLASSES * FLOW_COUNTERS_SIZE;
      return sum + Number(totals.readBigUInt64LE(at + word * 8));
    }, 0);
  return { endpointId, packets: both(0), bytes: both(2) };
}
