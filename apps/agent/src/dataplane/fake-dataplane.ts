/**
 * A dataplane over tables in memory, in the kernel's layouts, for tests. What it counts is fake-kernel.ts's.
 * Imported by tests only.
 */
import {
  ENDPOINT_KEY_SIZE,
  ENDPOINT_SIZE,
  encodeEndpointKey,
  type NetnsInfo,
} from "@millrace/abi/generated/endpoint";
import { encodeDropKey, encodeDropRecord } from "@millrace/abi/generated/event";
import { encodeFlowRecord, FLOW_RECORD_SIZE, FlowLifecycle } from "@millrace/abi/generated/flow";
import type { Capability } from "@millrace/contract/agent-protocol";
import type {
  Dataplane,
  DataplaneClock,
  EndpointEntry,
  EventCounts,
  FlowHolder,
  InterfaceChange,
  InterfaceFacts,
  InterfaceFollower,
  LeftBehind,
  MapFacts,
  MoveLosses,
  PerCpuBytes,
  ProgramFacts,
  TableBytes,
  TraceAttachment,
  TraceHandlers,
  TraceRequest,
  TranslationSource,
} from "./dataplane.ts";
import { FakeForwarding } from "./fake-forwarding.ts";
import {
  type FakeFlow,
  FakeKernel,
  FakeTrace,
  foldOf,
  keyBytes,
  namesIn,
  placeOf,
  text,
  totalOf,
  viewOf,
} from "./fake-kernel.ts";
import { FakeServices } from "./fake-services.ts";
import type { AttachPoint, EndpointPlace, MendedHooks } from "./place.ts";

let generations = 0;

export class FakeDataplane implements Dataplane {
  readonly kernel: FakeKernel;
  refuseAttach: string | undefined;
  refuseTrace: string | undefined;
  /** Why what is in the kernel can't be taken up. */
  misfit: string | undefined;
  readonly forwarding = new FakeForwarding();
  readonly services: FakeServices;
  /** Records of connection tracking: those there are, and those told since. */
  readonly translations = { all: new Uint8Array(), news: new Uint8Array() };
  #left: LeftBehind[] = [];
  #onOpened: () => void = () => {};
  #onInterfaces: (change: InterfaceChange) => void = () => {};

  constructor(kernel = new FakeKernel()) {
    this.kernel = kernel;
    this.services = new FakeServices({}, kernel.asked);
  }
  opened(): void {
    this.#onOpened();
  }

  capabilities(): Capability[] {
    return [{ name: "tracing", supported: true, reason: null }];
  }
  dropReasonValues(): { name: string; value: bigint }[] {
    return [
      { name: "SKB_NOT_DROPPED_YET", value: 0n },
      { name: "SKB_DROP_REASON_NO_SOCKET", value: 3n },
    ];
  }
  leftBehind(): readonly LeftBehind[] {
    return this.#left;
  }
  start(generation: string | undefined): { generation: string; adopted: boolean } {
    const { kernel } = this;
    const unreported = kernel.generation !== "" && !kernel.reported;
    const fits = this.misfit === undefined;
    const adopted = fits && (generation === kernel.generation || unreported);
    if (!adopted) {
      this.#leave(this.misfit ?? "what was reported of it is not known here");
      kernel.reported = false;
      for (const table of [kernel.flows, kernel.drops, kernel.endpoints, kernel.hooks]) table.clear();
      kernel.generation = `fake-${++generations}`;
    }
    this.#left = [...kernel.left];
    return { generation: kernel.generation, adopted };
  }
  #leave(why: string): void {
    const { generation, reported, endpoints } = this.kernel;
    const totals = [...endpoints.values()].map(({ entry, totals }) => totalOf(entry.endpointId, totals));
    if (generation !== "") this.kernel.left.push({ generation, why, reported, totals });
  }
  markReported(): void {
    this.kernel.reported = true;
    this.kernel.left = [];
  }
  removeLeft(): void {}
  settle(): void {}
  moveLosses(): MoveLosses {
    return { packets: 0, bytes: 0, unknown: [] };
  }
  endpoints(): EndpointEntry[] {
    return [...this.kernel.endpoints.values()].map(({ entry }) => entry);
  }
  setDropClasses(): void {}

  attach(point: AttachPoint): void {
    if (this.refuseAttach) throw new Error(this.refuseAttach);
    const { cookie, ifindex, endpointId } = point;
    const place = placeOf(point);
    if (!this.kernel.endpoints.has(place)) {
      const totals = Buffer.alloc(ENDPOINT_SIZE);
      totals.writeUInt32LE(endpointId, 0);
      this.kernel.endpoints.set(place, { entry: { cookie, ifindex, endpointId }, totals });
    }
    this.kernel.hooks.add(place);
  }
  detach(place: EndpointPlace): void {
    this.kernel.hooks.delete(placeOf(place));
  }
  /** What a look at the hooks comes to. */
  hooks: MendedHooks = { mended: [], off: [] };
  mendHooks(): MendedHooks {
    return this.hooks;
  }
  forget(place: EndpointPlace): void {
    this.kernel.endpoints.delete(placeOf(place));
  }
  setNamespace(cookie: bigint, info: NetnsInfo): void {
    this.kernel.namespaces.set(cookie, info);
  }
  removeNamespace(cookie: bigint): void {
    this.kernel.namespaces.delete(cookie);
  }
  setAddresses(): void {}

  readFlows(): TableBytes {
    return tableOf([...this.kernel.flows.values()]);
  }
  *movedFlows(): Generator<TableBytes> {
    yield tableOf(this.#changed(this.kernel.takeMoved()));
  }
  *changedFlows(keys: Uint8Array, count: number): Generator<TableBytes> {
    yield tableOf(this.#changed(namesIn(keys, count)));
  }
  *scanFlows(): Generator<TableBytes, number> {
    yield tableOf(this.#changed([...this.kernel.flows.keys()]));
    return this.kernel.flows.size;
  }
  missedMoves(): boolean {
    const { missed } = this.kernel;
    this.kernel.missed = false;
    return missed;
  }
  /** What was handed out is not again until it changes, as in scan.bpf.c. */
  #changed(names: readonly string[]): FakeFlow[] {
    return names.flatMap((name) => {
      const flow = this.kernel.flows.get(name);
      const fold = flow && foldOf(flow.record);
      if (!flow || flow.record.shown === fold) return [];
      flow.record.shown = fold as number;
      return [flow];
    });
  }
  flowCapacity(): number {
    return this.kernel.flowCapacity;
  }
  flowBudget(): number {
    return this.kernel.flowBudget || this.kernel.flowCapacity;
  }
  flowHolders(): FlowHolder[] {
    return [...this.kernel.holders()].map(([endpointId, flows]) => ({ endpointId, flows }));
  }
  retireFlows(keys: Uint8Array, count: number, quietSinceNs: bigint): number {
    let retired = 0;
    for (const name of namesIn(keys, count)) {
      const record = this.kernel.flows.get(name)?.record;
      if (!record || (record.lifecycle === FlowLifecycle.LIVE && record.lastSeenNs >= quietSinceNs)) continue;
      record.lifecycle = FlowLifecycle.RETIRED;
      retired++;
    }
    return retired;
  }
  barrier(): void {}
  deleteFlows(keys: Uint8Array, count: number): void {
    for (const name of namesIn(keys, count)) this.kernel.flows.delete(name);
  }
  readEndpoints(): PerCpuBytes {
    const all = [...this.kernel.endpoints.values()];
    const keys = Buffer.alloc(all.length * ENDPOINT_KEY_SIZE);
    all.forEach(({ entry }, i) => {
      const key = { netnsCookie: entry.cookie, ifindex: entry.ifindex };
      encodeEndpointKey(key, viewOf(keys), i * ENDPOINT_KEY_SIZE);
    });
    const values = Buffer.concat(all.map(({ totals }) => totals));
    return { count: all.length, keys, values, cpus: 1, stride: ENDPOINT_SIZE };
  }
  readDrops(): TableBytes {
    const drops = [...this.kernel.drops.values()];
    const keys = Buffer.alloc(drops.length * 72);
    const values = Buffer.alloc(drops.length * 32);
    drops.forEach(({ key, record }, i) => {
      encodeDropKey(key, viewOf(keys), i * 72);
      encodeDropRecord(record, viewOf(values), i * 32);
    });
    return { count: drops.length, keys, values };
  }
  deleteDrops(keys: readonly Uint8Array[]): void {
    const wanted = new Set(keys.map(text));
    for (const [name, { key }] of this.kernel.drops) {
      const bytes = Buffer.alloc(72);
      encodeDropKey(key, viewOf(bytes));
      if (wanted.has(text(bytes))) this.kernel.drops.delete(name);
    }
  }
  observerCounts(): { counts: number[]; ringLost: number } {
    return { counts: new Array<number>(16).fill(0), ringLost: 0 };
  }
  eventCounts(): EventCounts {
    return { opened: 0, moved: 0, closed: 0, drops: 0, lost: 0 };
  }
  onOpened(call: () => void): void {
    this.#onOpened = call;
  }
  sockets(): Uint8Array {
    return new Uint8Array();
  }
  watchTranslations(): TranslationSource {
    const { translations } = this;
    return {
      dump: () => ({ bytes: translations.all, left: 0 }),
      read: () => {
        const bytes = translations.news;
        translations.news = new Uint8Array();
        return { bytes, overran: false };
      },
      close: () => {},
    };
  }
  trace(request: TraceRequest, handlers: TraceHandlers): TraceAttachment {
    if (this.refuseTrace) throw new Error(this.refuseTrace);
    return new FakeTrace(this.kernel, request, handlers);
  }
  programs(): ProgramFacts[] {
    return [
      { name: "fake", id: 1, type: "tc", attachments: this.kernel.hooks.size, verifiedInstructions: 1 },
    ];
  }
  maps(): MapFacts[] {
    return [{ name: "flows", type: "hash", capacity: this.kernel.flowCapacity, bytes: 1 }];
  }
  clock(): DataplaneClock {
    return { bootNs: this.kernel.bootNs, realtimeNs: this.kernel.realtimeNs };
  }
  netnsCookie(file: string): bigint {
    const cookie = this.kernel.cookies.get(file);
    if (cookie === undefined) throw new Error(`no namespace at ${file}`);
    return cookie;
  }
  interfaces(netns: string): InterfaceFacts[] {
    const cookie = this.netnsCookie(netns);
    return this.kernel.interfaces.filter((link) => link.cookie === cookie);
  }
  /** The kernel tells of a change. */
  tellOfInterfaces(change: InterfaceChange): void {
    this.#onInterfaces(change);
  }
  followInterfaces(_hostNetns: string, on: (change: InterfaceChange) => void): InterfaceFollower {
    this.#onInterfaces = on;
    return { follow: () => true, forget: () => {}, close: () => {} };
  }
  async close(options: { remove: boolean }): Promise<void> {
    if (!options.remove) return;
    this.kernel.reported = true;
    this.start(undefined);
  }
}

function tableOf(flows: readonly FakeFlow[]): TableBytes {
  const values = Buffer.alloc(flows.length * FLOW_RECORD_SIZE);
  for (const [i, { record }] of flows.entries())
    encodeFlowRecord(record, viewOf(values), i * FLOW_RECORD_SIZE);
  return { count: flows.length, keys: Buffer.concat(flows.map(({ key }) => keyBytes(key))), values };
}
