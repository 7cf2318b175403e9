/*
 * The observer as tests use it: loaded once per instance, its one endpoint the loopback of a private
 * namespace (where test runs happen), packets in by test-run, maps out decoded. Not the agent's dataplane.
 */

import { existsSync } from "node:fs";
import { ABI_HASH } from "@millrace/abi/generated/abi-hash";
import { encodeObserveConfig, OBSERVE_CONFIG_SIZE, type ObserveConfig } from "@millrace/abi/generated/config";
import {
  type Endpoint,
  EndpointClass,
  EndpointNote,
  encodeNetnsInfo,
  NETNS_INFO_SIZE,
  type NetnsKind,
} from "@millrace/abi/generated/endpoint";
import {
  FLOW_KEY_SIZE,
  FLOW_RECORD_SIZE,
  type FlowCounters,
  FlowDirection,
  type FlowKey,
  type FlowRecord,
  readFlowKey,
  readFlowRecord,
} from "@millrace/abi/generated/flow";
import type { ObserverCount } from "@millrace/abi/generated/observer";
import { type BpfLink, type BpfMap, type BpfObject, netnsCookie, openObject } from "@millrace/native/native";
import { attachAt } from "./device-side.ts";
import { EndpointSlots } from "./endpoint-slots.ts";
import { TestNetns } from "./netns.ts";

export const OBSERVE_OBJECT = new URL("../build/observe.bpf.o", import.meta.url).pathname;
export const TCX_NEXT = 0xffffffff;

export type Way = "egress" | "ingress";

export interface ObserverOptions {
  flows?: number;
  config?: Partial<ObserveConfig>;
  /** Programs to load; by default those that test-run can drive. */
  programs?: string[];
  /** Of its namespace; see TestNetns. */
  ipv6?: boolean;
}

export interface Flow {
  key: FlowKey;
  record: FlowRecord;
}

const TEST_RUN_PROGRAMS = [
  "endpoint_ingress",
  "endpoint_egress",
  "flow_retire",
  "flow_delete",
  "abi_matches",
];

export class Observer implements Disposable {
  readonly object: BpfObject;
  readonly netns: TestNetns;
  readonly cookie: bigint;
  readonly #endpoints = new EndpointSlots((name) => this.object.map(name));
  readonly #links: BpfLink[] = [];

  constructor(label: string, options: ObserverOptions = {}) {
    this.netns = new TestNetns(label, { ipv6: options.ipv6 ?? true });
    this.cookie = netnsCookie(this.netns.path);
    this.object = openObject(OBSERVE_OBJECT);
    this.object.setMaxEntries("flows", options.flows ?? 1024);
    this.object.setRodata(".rodata", "observe_config", configBytes(options.config));
    const wanted = options.programs ?? TEST_RUN_PROGRAMS;
    for (const name of this.object.programs()) this.object.setAutoload(name, wanted.includes(name));
    this.object.load();
  }

  /** Registers an interface; its id is what flows and drops name. */
  addEndpoint(endpointId: number, ifindex = 1, cookie = this.cookie): void {
    this.#endpoints.add({ cookie, ifindex }, endpointId);
  }

  addNetns(cookie: bigint, kind: NetnsKind, endpointIds: number[] = []): void {
    const value = Buffer.alloc(NETNS_INFO_SIZE);
    const ids = Array.from({ length: 8 }, (_, i) => endpointIds[i] ?? 0);
    encodeNetnsInfo({ kind, endpointCount: endpointIds.length, endpointIds: ids }, viewOf(value));
    this.object.map("netns").update(u64(cookie), value);
  }

  /** Runs the hook on a packet; returns its verdict. */
  send(
    way: Way,
    data: Uint8Array,
    options: { gsoSegs?: number; gsoSize?: number; cpu?: number } = {},
  ): number {
    const ctx = options.gsoSegs ? skbContext(options.gsoSegs, options.gsoSize ?? 1) : undefined;
    const { retval, dataOut } = this.object
      .program(`endpoint_${way}`)
      .testRun({ data, netns: this.netns.path, ...(ctx ? { ctx } : {}) });
    if (!dataOut.equals(data)) throw new Error("the packet was changed");
    return retval;
  }

  /** As after load, with one endpoint: tables of packets share an observer, because loading takes 50 ms. */
  reset(endpointId: number, ifindex = 1): void {
    for (const name of ["flows", "fragments"]) clearMap(this.object.map(name));
    this.#endpoints.clear();
    this.addEndpoint(endpointId, ifindex);
  }

  /** The real hook on a device of the namespace; lasts as long as the observer. */
  attach(way: Way, ifindex: number, netns = this.netns): void {
    const attach = attachAt({ ifindex, direction: way, netns: netns.path });
    this.#links.push(this.object.program(`endpoint_${way}`).attach(attach));
  }

  /** Attaches a program to where its section says, or sockops to the root cgroup; lasts as long as the observer. */
  attachTracing(program: string): void {
    this.#links.push(this.object.program(program).attach({ kind: "tracing" }));
  }

  attachSockops(): void {
    const path = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].find((p) => existsSync(`${p}/cgroup.procs`));
    if (!path) throw new Error("no cgroup v2 hierarchy");
    this.#links.push(this.object.program("tcp_sockops").attach({ kind: "cgroup", path }));
  }

  flows(): Flow[] {
    return readFlows(this.object.map("flows"));
  }

  flow(): Flow {
    const all = this.flows();
    if (all.length !== 1 || !all[0]) throw new Error(`expected one flow, found ${all.length}`);
    return all[0];
  }

  endpoint(ifindex = 1, cookie = this.cookie): Endpoint {
    return this.#endpoints.find({ cookie, ifindex });
  }

  counters(way: Way, what: EndpointClass, ifindex = 1): FlowCounters {
    const direction = way === "egress" ? FlowDirection.EGRESS : FlowDirection.INGRESS;
    return this.endpoint(ifindex).counters[direction]?.[what] as FlowCounters;
  }

  /** Packets by class in both directions together; classes without any are left out. */
  classes(ifindex = 1): Partial<Record<keyof typeof EndpointClass, number>> {
    const endpoint = this.endpoint(ifindex);
    return named(EndpointClass, (index) =>
      endpoint.counters.reduce((sum, way) => sum + Number(way[index]?.packets), 0),
    );
  }

  notes(ifindex = 1): Partial<Record<keyof typeof EndpointNote, number>> {
    const endpoint = this.endpoint(ifindex);
    return named(EndpointNote, (index) => Number(endpoint.notes[index]));
  }

  observed(what: ObserverCount): number {
    return sumU64(this.object.map("observer_counts"), what);
  }

  [Symbol.dispose](): void {
    for (const link of this.#links) link.close();
    this.object.close();
    this.netns.remove();
  }
}

export function readFlows(map: BpfMap): Flow[] {
  const { count, keys, values } = map.readAll();
  const flows: Flow[] = [];
  for (let i = 0; i < count; i++)
    flows.push({
      key: readFlowKey(viewOf(keys), i * FLOW_KEY_SIZE),
      record: readFlowRecord(viewOf(values), i * FLOW_RECORD_SIZE),
    });
  return flows;
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
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

export function sumU64(map: BpfMap, index: number): number {
  const value = map.lookup(u32(index));
  let sum = 0n;
  for (let at = 0; value && at < value.length; at += 8) sum += value.readBigUInt64LE(at);
  return Number(sum);
}

function named<E extends Record<string, number>>(
  numbers: E,
  countOf: (index: number) => number,
): Partial<Record<keyof E, number>> {
  const found: Partial<Record<keyof E, number>> = {};
  for (const [name, index] of Object.entries(numbers) as [keyof E, number][]) {
    const value = countOf(index);
    if (value > 0) found[name] = value;
  }
  return found;
}

function configBytes(config: Partial<ObserveConfig> = {}): Uint8Array {
  const bytes = new Uint8Array(OBSERVE_CONFIG_SIZE);
  const plain = { abiHash: ABI_HASH, breakCounter: 0, flowBudget: 0, netkit: 0 };
  encodeObserveConfig({ ...plain, ...config }, viewOf(bytes));
  return bytes;
}

export function clearMap(map: BpfMap): void {
  for (let key = map.nextKey(); key; key = map.nextKey()) map.delete(key);
}

export function plus(a: FlowCounters, b: FlowCounters): FlowCounters {
  return { packets: a.packets + b.packets, segments: a.segments + b.segments, bytes: a.bytes + b.bytes };
}

/** struct __sk_buff with only the two fields a test run takes from it. */
function skbContext(gsoSegs: number, gsoSize: number): Uint8Array {
  const ctx = Buffer.alloc(192);
  ctx.writeUInt32LE(gsoSegs, 164);
  ctx.writeUInt32LE(gsoSize, 176);
  return ctx;
}
