/**
 * One trace session in the kernel: an object of its own, never pinned, so that nothing of it outlives this
 * process. Lease and rate are in its constants.
 */
import path from "node:path";
import { DROP_PLACE_SIZE, DropClass, DropPlaceLimit, encodeDropPlace } from "@millrace/abi/generated/event";
import {
  decodeTraceStats,
  encodeTraceConfig,
  TRACE_CONFIG_SIZE,
  TRACE_STATS_SIZE,
  type TraceConfig,
  TraceKind,
  type TraceStats,
} from "@millrace/abi/generated/trace";
import { type BpfLink, type BpfMap, type BpfObject, openObject, RingReader } from "@millrace/native/native";
import type { DropClasses, TraceAttachment, TraceHandlers, TraceRequest, TraceScope } from "./dataplane.ts";

const ONE = u32(1);
const ZERO = u32(0);
const TICK_MS = 50;
const NO_STATS: TraceStats = { seen: 0n, emitted: 0n, overRate: 0n, ringFull: 0n, afterLease: 0n };

export class TraceObject implements TraceAttachment {
  readonly #object: BpfObject;
  readonly #links: BpfLink[] = [];
  readonly #reader: RingReader;
  readonly #events: BpfMap;
  readonly #namespaces: BpfMap;
  readonly #addresses: BpfMap | undefined;
  readonly #stats: BpfMap;
  #last = NO_STATS;
  #closed: Promise<void> | undefined;

  constructor(directory: string, request: TraceRequest, classes: DropClasses, handlers: TraceHandlers) {
    const isDrops = request.config.kind === TraceKind.DROPS;
    const file = path.join(directory, isDrops ? "trace_drops.bpf.o" : "trace_connections.bpf.o");
    this.#object = openObject(file);
    try {
      this.#object.setRodata(".rodata", "trace_config", configBytes(request.config));
      this.#object.load();
      this.#namespaces = this.#object.map("trace_netns");
      this.#stats = this.#object.map("trace_stats");
      this.#addresses = isDrops ? this.#object.map("trace_addresses") : undefined;
      if (isDrops) this.#setClasses(classes);
      this.setScope(request.scope);
      this.#events = this.#object.map("trace_events");
      this.#reader = new RingReader(
        this.#events,
        (batch, lost) => handlers.onRecords(batch, Number(lost.records)),
        { tickMs: TICK_MS, maxBytes: 256 << 10, maxInFlight: 4 },
      );
    } catch (error) {
      this.#object.close();
      throw error;
    }
    this.#attach();
  }

  stats(): TraceStats {
    if (this.#closed) return this.#last;
    const value = this.#stats.lookup(ZERO);
    if (value) this.#last = sumStats(value, this.#stats.cpus);
    return this.#last;
  }

  setScope(scope: TraceScope): void {
    const kinds = scope.namespaces.map(({ cookie, kind }) => [u64(cookie), u32(kind)] as const);
    replace(this.#namespaces, kinds);
    if (this.#addresses)
      replace(
        this.#addresses,
        scope.addresses.map((address) => [address, ONE] as const),
      );
  }

  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  #setClasses(classes: DropClasses): void {
    const opened: BpfMap[] = [];
    setClasses((name) => {
      const map = this.#object.map(name);
      opened.push(map);
      return map;
    }, classes);
    for (const map of opened) map.close();
  }
  #attach(): void {
    try {
      for (const name of this.#object.programs()) {
        const program = this.#object.program(name);
        this.#links.push(program.attach({ kind: "tracing" }));
        program.close();
      }
    } catch (error) {
      void this.close();
      throw error;
    }
  }

  async #end(): Promise<void> {
    for (const link of this.#links) link.close();
    const value = this.#stats.lookup(ZERO);
    if (value) this.#last = sumStats(value, this.#stats.cpus);
    await this.#reader.close();
    // Not left to the collector: each holds its table in the kernel.
    for (const map of [this.#events, this.#namespaces, this.#stats, this.#addresses]) map?.close();
    this.#object.close();
  }
}

/** Adds what is new before it takes away what is old, so that nothing wanted is ever missing. */
export function replace(map: BpfMap, wanted: readonly (readonly [Uint8Array, Uint8Array])[]): void {
  const keep = new Set(wanted.map(([key]) => text(key)));
  for (const [key, value] of wanted) map.update(key, value);
  const { count, keys } = map.readAll();
  for (let i = 0; i < count; i++) {
    const key = keys.subarray(i * map.keySize, (i + 1) * map.keySize);
    if (!keep.has(text(key))) map.delete(Buffer.from(key));
  }
}

const NO_PLACE = { start: 0n, end: 0n, reason: 0, dropClass: DropClass.UNSET };

export function setClasses(map: (name: string) => BpfMap, classes: DropClasses): void {
  const [byReason, byPlace] = [map("drop_classes"), map("drop_places")];
  // Places first: a reason that is judged by them must find them.
  for (let i = 0; i < DropPlaceLimit.PLACES; i++) {
    const place = new Uint8Array(DROP_PLACE_SIZE);
    encodeDropPlace(classes.places[i] ?? NO_PLACE, new DataView(place.buffer));
    byPlace.update(u32(i), place);
  }
  for (const { reason, class: value } of classes.reasons)
    if (value !== DropClass.UNSET && reason < byReason.maxEntries) byReason.update(u32(reason), u32(value));
}

function configBytes(config: TraceConfig): Uint8Array {
  const bytes = new Uint8Array(TRACE_CONFIG_SIZE);
  encodeTraceConfig(config, new DataView(bytes.buffer));
  return bytes;
}

function sumStats(value: Buffer, cpus: number): TraceStats {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const sum = { ...NO_STATS };
  for (let cpu = 0; cpu < cpus; cpu++) {
    const one = decodeTraceStats(view, cpu * TRACE_STATS_SIZE) ?? NO_STATS;
    for (const name of Object.keys(sum) as (keyof TraceStats)[]) sum[name] += one[name];
  }
  return sum;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
export function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}
const text = (key: Uint8Array): string =>
  Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("latin1");
