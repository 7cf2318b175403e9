/**
 * Services in the kernel: the cgroup's hooks, pinned, and their tables. What should stand in the tables, and where, is
 * decided elsewhere.
 */
import fs from "node:fs";
import {
  decodeServiceBackendCounts,
  decodeServiceCounts,
  SERVICE_BACKEND_COUNTS_SIZE,
  SERVICE_COUNTS_SIZE,
  ServiceLimit,
} from "@millrace/abi/generated/service";
import {
  type BpfLink,
  type BpfMap,
  type BpfProgram,
  openPinnedLink,
  rcuBarrier,
} from "@millrace/native/native";
import { decideAnew } from "./forwarding.ts";
import type { Pins } from "./pins.ts";
import { cgroup2Mount } from "./probe.ts";
import { relayed, relayedTo } from "./relays.ts";
import {
  backendBytes,
  backendEntry,
  keyBytes,
  part,
  rangeKey,
  serviceBytes,
  serviceEntry,
} from "./service-entries.ts";
import { ServiceFlows } from "./service-flows.ts";
import type {
  BackendCounts,
  RelayClient,
  ServiceCapacity,
  ServiceChanges,
  ServiceCounts,
  Services,
  ServiceTables,
} from "./services.ts";
import { replace, u32, u64 } from "./trace-object.ts";

/** At the root of the cgroups: which namespaces they are for is in a table. */
const CGROUP_PROGRAMS = [
  ...["service_connect4", "service_connect6", "service_sendmsg4", "service_sendmsg6"],
  ...["service_recvmsg4", "service_recvmsg6", "service_getpeername4", "service_getpeername6"],
  "service_sockops",
] as const;
const MOVED = "service_connection_moved";
const ONE = u32(1);

export type LibbpfServicesOptions = {
  pins: Pins;
  program: (name: string) => BpfProgram;
  /** Whether this kernel runs the program. */
  can: (name: string) => boolean;
  map: (name: string) => BpfMap;
  /** Of a table summed over CPUs: one element. */
  sum: (name: string, index: number) => number;
  onAsked: (call: (address: string) => void) => void;
};

export class LibbpfServices implements Services {
  readonly #o: LibbpfServicesOptions;
  readonly #links = new Map<string, BpfLink>();
  readonly #flows: ServiceFlows;

  constructor(options: LibbpfServicesOptions) {
    this.#o = options;
    this.#flows = new ServiceFlows(options);
  }
  /** By program, for the list of programs. */
  attachments(program: string): number {
    return this.#links.has(program) || (program === MOVED && this.#links.size > 0) ? 1 : 0;
  }
  get capacity(): ServiceCapacity {
    const [services, backends, slots] = ["services", "service_backends", "service_slots"].map(
      (name) => this.#o.map(name).maxEntries,
    ) as [number, number, number];
    return { services, backends, slots };
  }

  attach(): void {
    const path = cgroup2Mount();
    if (!path) throw new Error("services need a mounted cgroup2");
    for (const name of CGROUP_PROGRAMS)
      this.#links.set(name, this.#adopt(name) ?? this.#pin(name, { kind: "cgroup", path }));
    this.#o.map("service_moved_now").setProgram(0, this.#o.program(MOVED));
    const entry = `${MOVED}_entry`;
    const file = this.#o.pins.service(entry);
    const link = fs.existsSync(file) ? openPinnedLink(file) : this.#pin(entry, { kind: "tracing" });
    this.#links.set(entry, link);
  }
  detach(): void {
    this.close();
    for (const file of this.#o.pins.services()) this.#o.pins.remove(file);
  }
  close(): void {
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
  }

  setClients(cookies: readonly bigint[]): void {
    replace(
      this.#o.map("service_clients"),
      cookies.map((cookie) => [u64(cookie), ONE] as const),
    );
  }
  setRanges(prefixes: readonly string[]): void {
    replace(
      this.#o.map("service_ranges"),
      prefixes.flatMap((text) => rangeKey(text) ?? []).map((key) => [key, ONE] as const),
    );
  }
  onAsked(call: (address: string) => void): void {
    this.#o.onAsked(call);
  }

  read(): ServiceTables {
    return {
      services: readEach(this.#o.map("services"), serviceEntry),
      backends: readEach(this.#o.map("service_backends"), backendEntry),
      slots: readSlots(this.#o.map("service_slots")),
      countedServices: numbersIn(this.#o.map("service_counts")),
      countedBackends: numbersIn(this.#o.map("service_backend_counts")),
    };
  }

  /**
   * What is named is there before its name is, and what is gone is unnamed before it goes. Programs that run meanwhile
   * may still hold the old names: they are waited for.
   */
  write(changes: ServiceChanges): void {
    const { services, backends, slotAt, slotBackend, goneServices, goneBackends } = changes;
    const map = this.#o.map;
    put(
      map("service_backend_counts"),
      backends.map(({ number }) => [u32(number), NO_BACKEND_COUNTS]),
      "create",
    );
    put(
      map("service_backends"),
      backends.map((one) => [u32(one.number), backendBytes(one)]),
    );
    writeSlots(map("service_slots"), slotAt, slotBackend);
    const numbered = services.filter(isNumbered);
    put(
      map("service_counts"),
      numbered.map(({ number }) => [u32(number), NO_COUNTS]),
      "create",
    );
    put(
      map("services"),
      services.map((one) => [keyBytes(one), serviceBytes(one)]),
    );
    remove(map("services"), goneServices.map(keyBytes));
    // Nobody holds on to what only says that an address is known.
    if (services.some(isNumbered) || goneServices.some(isNumbered) || goneBackends.length > 0) rcuBarrier();
    remove(map("service_backends"), goneBackends.map(u32));
    // Flows of datagrams don't end by themselves: those to a backend that has gone are given another.
    if (goneBackends.length > 0) decideAnew(map("forwarding"));
    remove(map("service_counts"), changes.goneServiceCounts.map(u32));
    remove(map("service_backend_counts"), changes.goneBackendCounts.map(u32));
  }

  totals(): number[] {
    return Array.from({ length: ServiceLimit.COUNTS }, (_, i) => this.#o.sum("service_totals", i));
  }
  /** Also while nothing is attached: the notes of an earlier life are there. */
  askedFor(keys: Uint8Array, count: number): Uint8Array {
    return this.#flows.find(keys, count);
  }
  relayed(client: RelayClient): string | undefined {
    return relayed(this.#o.map("relays"), client);
  }
  relayedTo(seconds: number): Set<string> {
    return relayedTo(this.#o.map("relays"), seconds);
  }
  serviceCounts(): ServiceCounts[] {
    return readEach(this.#o.map("service_counts"), (key, value) => ({
      ...{ number: key.getUint32(0, true), opened: 0n, refused: 0n },
      ...decodeServiceCounts(value),
    }));
  }
  backendCounts(): BackendCounts[] {
    return readEach(this.#o.map("service_backend_counts"), (key, value) => ({
      ...{ number: key.getUint32(0, true), opened: 0n, answered: 0n, failures: 0n, resets: 0n },
      ...decodeServiceBackendCounts(value),
    }));
  }

  #adopt(name: string): BpfLink | undefined {
    const file = this.#o.pins.service(name);
    if (!fs.existsSync(file)) return undefined;
    const link = openPinnedLink(file);
    link.update(this.#o.program(name));
    return link;
  }
  #pin(name: string, attach: Parameters<BpfProgram["attach"]>[0]): BpfLink {
    const link = this.#o.program(name).attach(attach);
    try {
      link.pin(this.#o.pins.service(name));
    } catch (error) {
      link.close();
      throw error;
    }
    return link;
  }
}

const NO_BACKEND_COUNTS = new Uint8Array(SERVICE_BACKEND_COUNTS_SIZE);
const NO_COUNTS = new Uint8Array(SERVICE_COUNTS_SIZE);
const BATCH = 4096;

type Entry = readonly [key: Uint8Array, value: Uint8Array];

/** "create": what is there already stays as it is. */
function put(map: BpfMap, entries: readonly Entry[], mode: "any" | "create" = "any"): void {
  if (mode === "create") {
    for (const [key, value] of entries) if (!map.lookup(key)) map.update(key, value);
    return;
  }
  for (let at = 0; at < entries.length; at += BATCH) {
    const part = entries.slice(at, at + BATCH);
    map.updateBatch(
      Buffer.concat(part.map(([key]) => key)),
      Buffer.concat(part.map(([, value]) => value)),
      part.length,
    );
  }
}
const isNumbered = ({ number }: { number: number }): boolean => number > 0;
function remove(map: BpfMap, keys: readonly Uint8Array[]): void {
  for (let at = 0; at < keys.length; at += BATCH) {
    const part = keys.slice(at, at + BATCH);
    map.deleteBatch(Buffer.concat(part), part.length);
  }
}
function writeSlots(map: BpfMap, at: readonly number[], backend: readonly number[]): void {
  if (at.length === 0) return;
  map.updateBatch(bytesOf(Uint32Array.from(at)), bytesOf(Uint32Array.from(backend)), at.length);
}

function readEach<T>(map: BpfMap, read: (key: DataView, value: DataView) => T): T[] {
  const { count, keys, values } = map.readAll();
  return Array.from({ length: count }, (_, i) =>
    read(part(keys, i * map.keySize, map.keySize), part(values, i * map.valueSize, map.valueSize)),
  );
}
function readSlots(map: BpfMap): Uint32Array {
  const { count, values } = map.readAll();
  const slots = new Uint32Array(count);
  for (let i = 0; i < count; i++) slots[i] = values.readUInt32LE(i * 4);
  return slots;
}
const numbersIn = (map: BpfMap): number[] => readEach(map, (key) => key.getUint32(0, true));

const bytesOf = (words: Uint32Array): Uint8Array => new Uint8Array(words.buffer);
