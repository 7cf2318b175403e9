/*
 * Services as tests use them: the cgroup's programs on the root cgroup, for one pod's namespace, and tables filled by
 * hand. Real sockets. Not the agent's part, which decides what these tables hold.
 */
import { existsSync } from "node:fs";
import { ABI_HASH } from "@millrace/abi/generated/abi-hash";
import { encodeObserveConfig, OBSERVE_CONFIG_SIZE } from "@millrace/abi/generated/config";
import { encodeNetnsInfo, NETNS_INFO_SIZE, NetnsKind } from "@millrace/abi/generated/endpoint";
import { type FlowKey, readFlowKey } from "@millrace/abi/generated/flow";
import { encodeRouteKey, ROUTE_KEY_SIZE } from "@millrace/abi/generated/forward";
import {
  decodeServiceBackendCounts,
  decodeServiceCounts,
  encodeService,
  encodeServiceBackend,
  encodeServiceKey,
  readServiceFlow,
  SERVICE_BACKEND_COUNTS_SIZE,
  SERVICE_BACKEND_SIZE,
  SERVICE_COUNTS_SIZE,
  SERVICE_KEY_SIZE,
  SERVICE_SIZE,
  type ServiceBackendCounts,
  ServiceCount,
  type ServiceCounts,
  type ServiceFlow,
} from "@millrace/abi/generated/service";
import { type BpfLink, type BpfObject, netnsCookie, openObject } from "@millrace/native/native";
import type { TestNetns } from "./netns.ts";
import { OBSERVE_OBJECT, u32, u64, viewOf } from "./observer.ts";
import { addressBytes } from "./packet-builder.ts";

export const PROTOCOL = { tcp: 6, udp: 17 } as const;
export const CLIENT_ENDPOINT = 7;
export type Place = { address: string; port: number };
export type Backend = Place & { number: number };

const PROGRAMS = ["connect", "sendmsg", "recvmsg", "getpeername"].flatMap((hook) =>
  [4, 6].map((family) => `service_${hook}${family}`),
);

export class Balancer implements Disposable {
  readonly object: BpfObject;
  readonly #links: BpfLink[] = [];
  #slots = 0;
  #numbers = 0;

  constructor(client: TestNetns) {
    this.object = openObject(OBSERVE_OBJECT);
    const config = new Uint8Array(OBSERVE_CONFIG_SIZE);
    encodeObserveConfig({ abiHash: ABI_HASH, breakCounter: 0, flowBudget: 0 }, viewOf(config));
    this.object.setRodata(".rodata", "observe_config", config);
    this.object.setMaxEntries("flows", 64);
    const wanted = [...PROGRAMS, "service_sockops", "service_connection_ended"];
    for (const name of this.object.programs()) this.object.setAutoload(name, wanted.includes(name));
    this.object.load();
    const cookie = netnsCookie(client.path);
    this.object.map("service_clients").update(u64(cookie), u32(1));
    const info = Buffer.alloc(NETNS_INFO_SIZE);
    const endpointIds = [CLIENT_ENDPOINT, ...Array(7).fill(0)];
    encodeNetnsInfo({ kind: NetnsKind.POD, endpointCount: 1, endpointIds }, viewOf(info));
    this.object.map("netns").update(u64(cookie), info);
    for (const [prefix, bits] of [
      ["10.96.0.0", 96 + 16],
      ["fd00:96::", 64],
    ] as const)
      this.#range(prefix, bits);
    this.#attach(wanted);
  }

  /** A backend of the service of that number, and what is counted of it. */
  backend(service: number, place: Place): Backend {
    const number = ++this.#numbers;
    const value = new Uint8Array(SERVICE_BACKEND_SIZE);
    encodeServiceBackend({ address: addressBytes(place.address), port: place.port, service }, viewOf(value));
    this.object.map("service_backends").update(u32(number), value);
    this.object
      .map("service_backend_counts")
      .update(u32(number), new Uint8Array(SERVICE_BACKEND_COUNTS_SIZE));
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
    const counts = this.object.map("service_counts");
    if (!counts.lookup(u32(number))) counts.update(u32(number), new Uint8Array(SERVICE_COUNTS_SIZE));
    const slotBase = this.#slots;
    for (const { number: backend } of slots)
      this.object.map("service_slots").update(u32(this.#slots++), u32(backend));
    const value = new Uint8Array(SERVICE_SIZE);
    encodeService(
      { number, slotBase, slotCount: slots.length, affinitySeconds: options.affinitySeconds ?? 0 },
      viewOf(value),
    );
    this.object.map("services").update(keyBytes(at, protocol), value);
  }
  /** This host was told what the address is. */
  know(address: string): void {
    this.object.map("services").update(keyBytes({ address, port: 0 }, 0), new Uint8Array(SERVICE_SIZE));
  }
  remove(at: Place, protocol: number): void {
    this.object.map("services").delete(keyBytes(at, protocol));
  }
  removeBackend({ number }: Backend): void {
    this.object.map("service_backends").delete(u32(number));
  }

  total(what: keyof typeof ServiceCount): number {
    const value = this.object.map("service_totals").lookup(u32(ServiceCount[what])) as Buffer;
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
  flows(): { key: FlowKey; flow: ServiceFlow }[] {
    const map = this.object.map("service_flows");
    const { count, keys, values } = map.readAll();
    return Array.from({ length: count }, (_, i) => ({
      key: readFlowKey(viewOf(keys), i * map.keySize),
      flow: readServiceFlow(viewOf(values), i * map.valueSize),
    }));
  }

  #value(map: string, number: number): Buffer {
    return this.object.map(map).lookup(u32(number)) as Buffer;
  }
  #range(prefix: string, prefixBits: number): void {
    const key = new Uint8Array(ROUTE_KEY_SIZE);
    encodeRouteKey({ prefixBits, address: addressBytes(prefix) }, viewOf(key));
    this.object.map("service_ranges").update(key, u32(1));
  }
  #attach(programs: readonly string[]): void {
    const path = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].find((p) => existsSync(`${p}/cgroup.procs`));
    if (!path) throw new Error("no cgroup v2 hierarchy");
    for (const name of programs) {
      const program = this.object.program(name);
      const isTracing = name === "service_connection_ended";
      this.#links.push(program.attach(isTracing ? { kind: "tracing" } : { kind: "cgroup", path }));
    }
  }

  [Symbol.dispose](): void {
    for (const link of this.#links) link.close();
    this.object.close();
  }
}

function keyBytes({ address, port }: Place, proto: number): Uint8Array {
  const key = new Uint8Array(SERVICE_KEY_SIZE);
  encodeServiceKey({ address: addressBytes(address), port, proto }, viewOf(key));
  return key;
}
