/*
 * The tables of services as tests fill them by hand. Not the agent's layout, which decides what should stand there.
 */
import { encodeRouteKey, ROUTE_KEY_SIZE } from "@millrace/abi/generated/forward";
import {
  decodeServiceBackendCounts,
  decodeServiceCounts,
  encodeService,
  encodeServiceBackend,
  encodeServiceKey,
  SERVICE_BACKEND_COUNTS_SIZE,
  SERVICE_BACKEND_SIZE,
  SERVICE_COUNTS_SIZE,
  SERVICE_KEY_SIZE,
  SERVICE_SIZE,
  type ServiceBackendCounts,
  ServiceCount,
  type ServiceCounts,
} from "@millrace/abi/generated/service";
import type { BpfMap, BpfObject } from "@millrace/native/native";
import { u32, viewOf } from "./observer.ts";
import { addressBytes } from "./packet-builder.ts";

export const PROTOCOL = { tcp: 6, udp: 17 } as const;
export type Place = { address: string; port: number };
export type Backend = Place & { number: number };

const RANGES = [
  ["10.96.0.0", 96 + 16],
  ["fd00:96::", 64],
] as const;

export class TestServices {
  readonly object: BpfObject;
  /** Each is a file descriptor, and a test may ask for thousands. */
  readonly #maps = new Map<string, BpfMap>();
  #slots = 0;
  #numbers = 0;

  constructor(object: BpfObject) {
    this.object = object;
  }
  map(name: string): BpfMap {
    const map = this.#maps.get(name) ?? this.object.map(name);
    this.#maps.set(name, map);
    return map;
  }
  /** All virtual addresses lie in 10.96.0.0/16 and fd00:96::/64. */
  range(): this {
    for (const [prefix, bits] of RANGES) this.#range(prefix, bits);
    return this;
  }
  /** None is. */
  unrange(): void {
    const ranges = this.map("service_ranges");
    for (let key = ranges.nextKey(); key; key = ranges.nextKey()) ranges.delete(key);
  }

  /** A backend of the service of that number, and what is counted of it. */
  backend(service: number, place: Place): Backend {
    const number = ++this.#numbers;
    const value = new Uint8Array(SERVICE_BACKEND_SIZE);
    encodeServiceBackend({ address: addressBytes(place.address), port: place.port, service }, viewOf(value));
    this.map("service_backends").update(u32(number), value);
    this.map("service_backend_counts").update(u32(number), new Uint8Array(SERVICE_BACKEND_COUNTS_SIZE));
    return { ...place, number };
  }

  /** A slot for each of those named, in new slots: a backend named twice has twice the share. */
  set(
    number: number,
    at: Place,
    protocol: number,
    slots: readonly Backend[],
    options: { affinitySeconds?: number } = {},
  ): void {
    const counts = this.map("service_counts");
    if (!counts.lookup(u32(number))) counts.update(u32(number), new Uint8Array(SERVICE_COUNTS_SIZE));
    const slotBase = this.#slots;
    for (const { number: backend } of slots)
      this.map("service_slots").update(u32(this.#slots++), u32(backend));
    const value = new Uint8Array(SERVICE_SIZE);
    encodeService(
      { number, slotBase, slotCount: slots.length, affinitySeconds: options.affinitySeconds ?? 0 },
      viewOf(value),
    );
    this.map("services").update(keyBytes(at, protocol), value);
  }
  /** A port of the host's own that leads to a pod. */
  hostPort(at: Place, protocol: number, pod: Place): void {
    const value = new Uint8Array(SERVICE_BACKEND_SIZE);
    encodeServiceBackend({ address: addressBytes(pod.address), port: pod.port, service: 0 }, viewOf(value));
    this.map("host_ports").update(keyBytes(at, protocol), value);
  }
  /** What is at a node port, of that family. */
  nodePort(
    number: number,
    family: 4 | 6,
    port: number,
    protocol: number,
    slots: readonly Backend[],
    options = {},
  ): void {
    this.set(number, { address: nodePortAddress(family, protocol, port), port }, protocol, slots, options);
    this.know(nodePortAddress(family, protocol, port));
  }
  /** This host was told what the address is. */
  know(address: string): void {
    this.map("services").update(keyBytes({ address, port: 0 }, 0), new Uint8Array(SERVICE_SIZE));
  }
  remove(at: Place, protocol: number): void {
    this.map("services").delete(keyBytes(at, protocol));
  }
  removeBackend({ number }: Backend): void {
    this.map("service_backends").delete(u32(number));
  }

  total(what: keyof typeof ServiceCount): number {
    const value = this.map("service_totals").lookup(u32(ServiceCount[what])) as Buffer;
    let sum = 0n;
    for (let at = 0; at < value.length; at += 8) sum += value.readBigUInt64LE(at);
    return Number(sum);
  }
  counts(number: number): ServiceCounts {
    return decodeServiceCounts(viewOf(this.#value("service_counts", number))) as ServiceCounts;
  }
  backendCounts({ number }: Backend): ServiceBackendCounts {
    return decodeServiceBackendCounts(
      viewOf(this.#value("service_backend_counts", number)),
    ) as ServiceBackendCounts;
  }

  #value(map: string, number: number): Buffer {
    return this.map(map).lookup(u32(number)) as Buffer;
  }
  #range(prefix: string, prefixBits: number): void {
    const key = new Uint8Array(ROUTE_KEY_SIZE);
    encodeRouteKey({ prefixBits, address: addressBytes(prefix) }, viewOf(key));
    this.map("service_ranges").update(key, u32(1));
  }
}

/** As `services` has a node port: lib/node_port.h. */
export const nodePortAddress = (family: 4 | 6, protocol: number, port: number): string =>
  `100::6e70:0:${family}:${protocol.toString(16)}:${port.toString(16)}`;

function keyBytes({ address, port }: Place, proto: number): Uint8Array {
  const key = new Uint8Array(SERVICE_KEY_SIZE);
  encodeServiceKey({ address: addressBytes(address), port, proto }, viewOf(key));
  return key;
}
