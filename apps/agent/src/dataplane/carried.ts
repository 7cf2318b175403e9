/**
 * Flows and endpoints of maps that were moved, into those that programs count in by now: what is new is opened there, what
 * came to it is added, by programs (carry.bpf.c), since packets come meanwhile. Rows are in our layout.
 */
import {
  ENDPOINT_CARRY_REQUEST_SIZE,
  ENDPOINT_OFFSETS,
  ENDPOINT_SIZE,
  type Endpoint,
  EndpointClass,
  EndpointLimit,
  encodeEndpointCarryRequest,
  readEndpoint,
} from "@millrace/abi/generated/endpoint";
import {
  encodeFlowScanRequest,
  FLOW_CHUNK_OFFSETS,
  FLOW_CHUNK_SIZE,
  FLOW_KEY_OFFSETS,
  FLOW_KEY_SIZE,
  FLOW_PATH_OFFSETS,
  FLOW_RECORD_OFFSETS,
  FLOW_RECORD_SIZE,
  FLOW_SCAN_REQUEST_SIZE,
  FlowCarry,
  type FlowCounters,
  FlowLimit,
  readFlowRecord,
  readFlowScanRequest,
} from "@millrace/abi/generated/flow";
import type { BpfMap, BpfProgram } from "@millrace/native/native";
import { keysOf, type Rows } from "./map-move.ts";
import { u32 } from "./trace-object.ts";

type Kernel = { map: (name: string) => BpfMap; program: (name: string) => BpfProgram };
type Row = { key: Uint8Array; record: Buffer };

export class Carried {
  readonly #kernel: Kernel;
  /** What was counted by endpoints that have gone meanwhile, with nobody left to report it. */
  readonly lost = { packets: 0, bytes: 0 };

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** Into a table that nothing counts in yet. Throws an Error where there isn't room for all. */
  openFlows(rows: Rows): void {
    const missed = this.#carry(rowsOf(rows).map((row) => asked(row, FlowCarry.OPEN)));
    if (missed.length > 0) throw new Error(`${missed.length} of ${rows.count} flows found no room`);
  }

  /**
   * What came to each since it was read `first`, and those that came since. Packets of one that found no room, or has gone, are
   * its endpoint's that have no flow; where that has gone too they are lost; `isLossTold`: false where its total comes as well.
   */
  addFlows(first: Rows, last: Rows, isLossTold: boolean): void {
    const before = new Map(keysOf(first, FLOW_KEY_SIZE).map((key, n) => [key, n]));
    const wanted = rowsOf(last).flatMap((row) => {
      const n = before.get(text(row.key));
      if (n === undefined) return [asked(row, FlowCarry.LATE)];
      const old = first.values.subarray(n * FLOW_RECORD_SIZE, (n + 1) * FLOW_RECORD_SIZE);
      return row.record.equals(old) ? [] : [asked(grown(row, Buffer.from(old)), FlowCarry.ADD)];
    });
    const missed = this.#carry(wanted);
    if (missed.length > 0) this.#addMissed(missed, { before: new Set(before.keys()), isLossTold });
  }

  /** Likewise of endpoints, whose slots are the same. */
  addEndpoints(first: Rows, last: Rows): void {
    const { cpus, stride } = this.#kernel.map("endpoints");
    for (let slot = 0; slot < last.count; slot++) {
      const at = { slot, cpus, stride };
      const counted = less(endpointIn(last, at), endpointIn(first, at));
      if (counted.endpointId === 0 || this.#addEndpoint(slot, counted)) continue;
      this.#lose(counted.counters.flatMap((way) => way[EndpointClass.TOTAL] ?? []));
    }
  }

  /** False: another has the slot by now, or nobody. */
  #addEndpoint(slot: number, counted: Endpoint): boolean {
    const ctx = new Uint8Array(ENDPOINT_CARRY_REQUEST_SIZE);
    encodeEndpointCarryRequest({ slot, counted }, viewOf(ctx));
    if (ctx.subarray(REQUEST_COUNTERS).every((byte) => byte === 0)) return true;
    return this.#kernel.program("endpoint_carry").testRun({ ctx }).retval === 1;
  }

  #addMissed(
    rows: readonly Row[],
    { before, isLossTold }: { before: ReadonlySet<string>; isLossTold: boolean },
  ): void {
    const slots = this.#slots();
    const sums = new Map<number, Endpoint>();
    for (const { key, record } of rows) {
      const endpointId = viewOf(key).getUint32(FLOW_KEY_OFFSETS.endpointId, true);
      const slot = slots.get(endpointId);
      const { counters } = readFlowRecord(viewOf(record), 0);
      if (slot === undefined && isLossTold) this.#lose(counters);
      if (slot === undefined) continue;
      const why = before.has(text(key)) ? EndpointClass.FLOW_RETIRED : EndpointClass.TABLE_FULL;
      const sum = sums.get(slot) ?? { ...NOTHING, endpointId };
      sums.set(
        slot,
        combined(sum, withoutFlow(counters, why), (a, b) => a + b),
      );
    }
    for (const [slot, counted] of sums) this.#addEndpoint(slot, counted);
  }
  /** Which endpoint has which. */
  #slots(): Map<number, number> {
    const map = this.#kernel.map("endpoints");
    const values = viewOf(map.lookupBatch({ max: EndpointLimit.EP_SLOTS }).values);
    const slots = Array.from({ length: EndpointLimit.EP_SLOTS - 1 }, (_, n) => n + 1);
    return new Map(
      slots.map((slot) => [values.getUint32(slot * map.stride + ENDPOINT_OFFSETS.endpointId, true), slot]),
    );
  }
  #lose(counters: readonly FlowCounters[]): void {
    for (const { packets, bytes } of counters) {
      this.lost.packets += Number(packets);
      this.lost.bytes += Number(bytes);
    }
  }

  /** Returns those that found no room, or have gone. */
  #carry(rows: readonly Row[]): Row[] {
    const changes = this.#kernel.map("flow_changes");
    const room = changes.maxEntries * FlowLimit.CHUNK;
    const missed: Row[] = [];
    for (let at = 0; at < rows.length; at += room) {
      const some = rows.slice(at, at + room);
      const chunks = Array.from({ length: Math.ceil(some.length / FlowLimit.CHUNK) }, (_, n) =>
        chunkOf(some.slice(n * FlowLimit.CHUNK, (n + 1) * FlowLimit.CHUNK)),
      );
      const places = Buffer.concat(chunks.map((_, n) => u32(n)));
      changes.updateBatch(places, Buffer.concat(chunks), chunks.length);
      if (this.#run(some.length) === some.length) continue;
      const after = chunks.map((_, n) => changes.lookup(u32(n)) as Buffer);
      missed.push(...some.filter((_, n) => isMissed(after, n)));
    }
    return missed;
  }
  #run(count: number): number {
    const ctx = new Uint8Array(FLOW_SCAN_REQUEST_SIZE);
    encodeFlowScanRequest({ count, room: 0, found: 0, total: 0 }, viewOf(ctx));
    const { ctxOut } = this.#kernel.program("flow_carry").testRun({ ctx });
    return readFlowScanRequest(viewOf(ctxOut), 0).found;
  }
}

const NOTHING = readEndpoint(new DataView(new ArrayBuffer(ENDPOINT_SIZE)), 0);
const COUNTER_BYTES = 24;
const REQUEST_COUNTERS = ENDPOINT_CARRY_REQUEST_SIZE - ENDPOINT_SIZE + ENDPOINT_OFFSETS.counters;
/** 64-bit words of a record that grow; the state of a connection goes as it is. */
const GROWING = [
  ...Array.from({ length: (2 * COUNTER_BYTES) / 8 }, (_, n) => FLOW_RECORD_OFFSETS.counters + n * 8),
  FLOW_RECORD_OFFSETS.drops,
];
const SLOW_PACKETS = FLOW_RECORD_OFFSETS.path + FLOW_PATH_OFFSETS.slowPackets;

const rowsOf = ({ count, keys, values }: Rows): Row[] =>
  Array.from({ length: count }, (_, n) => ({
    key: keys.subarray(n * FLOW_KEY_SIZE, (n + 1) * FLOW_KEY_SIZE),
    record: Buffer.from(values.subarray(n * FLOW_RECORD_SIZE, (n + 1) * FLOW_RECORD_SIZE)),
  }));

function asked({ key, record }: Row, how: FlowCarry): Row {
  record.writeUInt32LE(how, FLOW_RECORD_OFFSETS.shown);
  return { key, record };
}

/** What the record grew by. */
function grown({ key, record }: Row, old: Buffer): Row {
  for (const at of GROWING) record.writeBigUInt64LE(record.readBigUInt64LE(at) - old.readBigUInt64LE(at), at);
  for (const at of [FLOW_RECORD_OFFSETS.retransmits, FLOW_RECORD_OFFSETS.opens, SLOW_PACKETS])
    record.writeUInt32LE((record.readUInt32LE(at) - old.readUInt32LE(at)) >>> 0, at);
  return { key, record };
}

function chunkOf(rows: readonly Row[]): Buffer {
  const chunk = Buffer.alloc(FLOW_CHUNK_SIZE);
  rows.forEach(({ key, record }, n) => {
    chunk.set(key, FLOW_CHUNK_OFFSETS.keys + n * FLOW_KEY_SIZE);
    chunk.set(record, FLOW_CHUNK_OFFSETS.records + n * FLOW_RECORD_SIZE);
  });
  return chunk;
}

function isMissed(chunks: readonly Buffer[], n: number): boolean {
  const chunk = chunks[Math.floor(n / FlowLimit.CHUNK)] as Buffer;
  const record = FLOW_CHUNK_OFFSETS.records + (n % FlowLimit.CHUNK) * FLOW_RECORD_SIZE;
  return chunk.readUInt32LE(record + FLOW_RECORD_OFFSETS.shown) === FlowCarry.MISSED;
}

/** What an endpoint counted of a flow, in a class of those that have none. */
function withoutFlow(flow: readonly FlowCounters[], why: EndpointClass): Endpoint {
  const counters = NOTHING.counters.map((ways, direction) =>
    ways.map((none, at) => (at === why ? (flow[direction] ?? none) : none)),
  );
  return { ...NOTHING, counters };
}

/** The sum over CPUs. */
function endpointIn({ values }: Rows, { slot, cpus, stride }: Record<"slot" | "cpus" | "stride", number>) {
  const each = Array.from({ length: cpus }, (_, cpu) =>
    readEndpoint(viewOf(values), slot * stride + (cpu * stride) / cpus),
  );
  return each.reduce((sum, one) => combined(sum, one, (a, b) => a + b));
}
const less = (last: Endpoint, first: Endpoint): Endpoint => combined(last, first, (a, b) => a - b);

type Combine = (a: bigint, b: bigint) => bigint;
function combined(a: Endpoint, b: Endpoint, how: Combine): Endpoint {
  const counters = a.counters.map((ways, way) =>
    ways.map(({ packets, segments, bytes }, n) => {
      const other = b.counters[way]?.[n] ?? { packets: 0n, segments: 0n, bytes: 0n };
      return {
        packets: how(packets, other.packets),
        segments: how(segments, other.segments),
        bytes: how(bytes, other.bytes),
      };
    }),
  );
  return { ...a, counters, notes: a.notes.map((note, n) => how(note, b.notes[n] ?? 0n)) };
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const text = (key: Uint8Array): string => Buffer.from(key).toString("latin1");
