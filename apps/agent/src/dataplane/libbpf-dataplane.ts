/**
 * The real dataplane: the observer's programs and maps through packages/native, pinned so that counting goes on while no
 * agent runs. Bytes in, bytes out; what they mean is decided elsewhere.
 */
import { randomBytes } from "node:crypto";
import path from "node:path";
import { encodeNetnsInfo, NETNS_INFO_SIZE, type NetnsInfo } from "@millrace/abi/generated/endpoint";
import type { Capability } from "@millrace/contract/agent-protocol";
import { clock, mountBpffs, netnsCookie, RingReader, rcuBarrier } from "@millrace/native/native";
import type {
  Dataplane,
  DropClasses,
  EndpointEntry,
  EventCounts,
  FlowHolder,
  InterfaceChange,
  LeftBehind,
  MapFacts,
  MoveLosses,
  PerCpuBytes,
  ProgramFacts,
  TableBytes,
  TraceAttachment,
  TraceHandlers,
  TraceRequest,
} from "./dataplane.ts";
import { attachBy } from "./device-hook.ts";
import { dropReasonValues } from "./drop-reason-values.ts";
import { EndpointTable } from "./endpoint-table.ts";
import { flowHolders } from "./flow-holders.ts";
import { deleteFlows, retireFlows } from "./flow-retire.ts";
import { FlowScan } from "./flow-scan.ts";
import { decideAnew } from "./forwarding.ts";
import type { HookKind } from "./hook-kind.ts";
import { Hooks, hookedKind } from "./hooks.ts";
import { InterfaceWatch } from "./interface-watch.ts";
import { KernelTables } from "./kernel-tables.ts";
import { lastLook } from "./left-maps.ts";
import { LibbpfForwarding } from "./libbpf-forwarding.ts";
import { LibbpfServices } from "./libbpf-services.ts";
import { endMoves } from "./map-moves.ts";
import { interfacesIn, translationsIn } from "./namespace-facts.ts";
import { LAYOUT, MapMisfit, ObserveObject } from "./observe-object.ts";
import { observerCounts } from "./observer-counts.ts";
import { ObserverEvents } from "./observer-events.ts";
import { missingMount, Pins } from "./pins.ts";
import type { AttachPoint, HeldPlace, MendedHooks } from "./place.ts";
import { isCapable, probe } from "./probe.ts";
import { replace, setClasses, TraceObject, u32, u64 } from "./trace-object.ts";

const EVENT_TICK_MS = 50;

export type LibbpfOptions = {
  /** Where the BPF objects are. */
  bpfDirectory: string;
  pinDirectory: string;
  flowCapacity: number;
  /** Of these, as many as one endpoint may hold. */
  flowBudget: number;
  hostNetns: string;
  hooks?: HookKind | undefined;
  breakCounter?: boolean;
};

export class LibbpfDataplane implements Dataplane {
  readonly #options: LibbpfOptions;
  readonly #pins: Pins;
  #observe: ObserveObject | undefined;
  #hooks: Hooks | undefined;
  #events: RingReader | undefined;
  #capabilities: Capability[] | undefined;
  #classes: DropClasses = { reasons: [], places: [] };
  readonly #observed = new ObserverEvents();
  readonly #left: LeftBehind[] = [];
  /** Maps that a killed life moved, and did not finish with. */
  #cut: readonly string[] = [];
  readonly #tables = new KernelTables((name) => this.#started().observe.object.map(name));
  readonly #endpoints = new EndpointTable(this.#tables);
  readonly forwarding: LibbpfForwarding;
  readonly services: LibbpfServices;
  readonly #scan = new FlowScan((name) => this.#tables.map(name));

  constructor(options: LibbpfOptions) {
    this.#options = options;
    this.#pins = new Pins(options.pinDirectory);
    this.forwarding = new LibbpfForwarding({
      ...{ hostNetns: options.hostNetns, pins: this.#pins, map: (name) => this.#tables.map(name) },
      program: (name) => this.#started().observe.program(name),
      attachAt: (side) => this.#started().hooks.attachAt(side),
    });
    this.services = new LibbpfServices({
      ...{ pins: this.#pins, map: (name) => this.#tables.map(name) },
      program: (name) => this.#started().observe.program(name),
      can: (name) => this.#started().observe.can(name),
      sum: (name, index) => this.#tables.sum(name, index),
      onAsked: (call) => {
        this.#observed.onServiceAsked = call;
      },
    });
  }

  capabilities(): Capability[] {
    this.#capabilities ??= probe();
    return this.#capabilities;
  }
  get hookKind(): HookKind {
    return this.#options.hooks ?? (isCapable(this.capabilities(), "tcx") ? "tcx" : "tc");
  }
  readonly dropReasonValues = dropReasonValues;

  start(generation: string | undefined): { generation: string; adopted: boolean } {
    const mount = missingMount(this.#options.pinDirectory);
    if (mount) mountBpffs(mount);
    const adopted = this.#load(generation);
    const observe = this.#observe as ObserveObject;
    this.#hooks = new Hooks(this.#pins, (name) => observe.program(name), attachBy(this.hookKind, this.#pins));
    this.#endpoints.load();
    this.#left.push(...endMoves(this.#cut, this.#pins, (name) => this.#tables.map(name)));
    observe.attachMachineWide(this.#pins);
    const host = netnsCookie(this.#options.hostNetns);
    this.#left.push(...this.#pins.untold().map((left) => lastLook(left, host)));
    this.#hooks.removeOthers(this.endpoints());
    const take = (batch: Uint8Array, lost: { records: bigint }) => this.#observed.take(batch, lost.records);
    this.#events = new RingReader(this.#tables.map("events"), take, { tickMs: EVENT_TICK_MS });
    return { generation: this.#pins.generation, adopted };
  }

  leftBehind(): readonly LeftBehind[] {
    return this.#left;
  }
  markReported(): void {
    this.#pins.markReported();
  }
  removeLeft(): void {
    this.#pins.removeLeft();
  }
  settle(): void {
    const { observe, hooks } = this.#started();
    if (!observe.moves.isPending || !hooks.areAllTaken()) return;
    observe.moves.finish();
    decideAnew(this.#tables.map("forwarding"));
  }
  moveLosses(): MoveLosses {
    return this.#started().observe.moves.losses();
  }
  endpoints(): EndpointEntry[] {
    return this.#endpoints.entries();
  }
  setDropClasses(classes: DropClasses): void {
    this.#classes = classes;
    setClasses((name) => this.#tables.map(name), classes);
  }

  attach(point: AttachPoint): void {
    const kind = hookedKind(point);
    this.#endpoints.add(point, point.endpointId, kind);
    this.#started().hooks.attach(point, kind);
  }
  detach(place: HeldPlace): void {
    if (!this.#endpoints.isAnothers(place)) this.#started().hooks.detach(place);
  }
  mendHooks(): MendedHooks {
    return this.forwarding.mend(this.#started().hooks.mend({ mended: [], off: [] }));
  }
  forget(place: HeldPlace): void {
    this.#endpoints.forget(place);
  }
  setNamespace(cookie: bigint, info: NetnsInfo): void {
    const value = new Uint8Array(NETNS_INFO_SIZE);
    encodeNetnsInfo(info, new DataView(value.buffer));
    this.#tables.map("netns").update(u64(cookie), value);
  }
  removeNamespace(cookie: bigint): void {
    this.#tables.map("netns").delete(u64(cookie));
  }
  setAddresses(addresses: readonly { address: Uint8Array; endpointId: number }[]): void {
    replace(
      this.#tables.map("addresses"),
      addresses.map(({ address, endpointId }) => [address, u32(endpointId)] as const),
    );
  }

  readFlows(): TableBytes {
    return this.#tables.read("flows");
  }
  *movedFlows(): Generator<TableBytes> {
    const { moved } = this.#observed;
    const since = clock().bootNs;
    yield* this.changedFlows(moved.keys(), moved.count);
    moved.looked(since);
  }
  *changedFlows(keys: Uint8Array, count: number): Generator<TableBytes> {
    yield* this.#scan.collect(this.#started().observe.program("flow_collect"), keys, count);
  }
  scanFlows(): Generator<TableBytes, number> {
    return this.#scan.scan(this.#started().observe.program("flow_scan"));
  }
  missedMoves(): boolean {
    return this.#observed.missed(this.observerCounts().ringLost);
  }
  flowCapacity(): number {
    return this.#options.flowCapacity;
  }
  flowBudget(): number {
    return this.#options.flowBudget;
  }
  flowHolders(): FlowHolder[] {
    return flowHolders(this.#tables.read("flow_holders"));
  }
  retireFlows(keys: Uint8Array, count: number, quietSinceNs: bigint): number {
    const program = this.#started().observe.program("flow_retire");
    return retireFlows(this.#tables.map("retire_batch"), program, { keys, count, quietSinceNs });
  }
  readonly barrier = rcuBarrier;
  deleteFlows(keys: Uint8Array, count: number): void {
    const programs = ["translations_end", "flow_delete"].map((name) => this.#started().observe.program(name));
    deleteFlows(this.#tables.map("retire_batch"), programs, keys, count);
  }
  readEndpoints(): PerCpuBytes {
    return this.#endpoints.read();
  }
  readDrops(): TableBytes {
    return this.#tables.read("drops");
  }
  deleteDrops(keys: readonly Uint8Array[]): void {
    for (const key of keys) this.#tables.map("drops").delete(key);
  }
  observerCounts(): { counts: number[]; ringLost: number } {
    return observerCounts(this.#tables);
  }
  eventCounts(): EventCounts {
    return this.#observed.counts();
  }
  onOpened(call: () => void): void {
    this.#observed.onFresh = call;
  }
  sockets(netns: string): Uint8Array {
    const { observe } = this.#started();
    return observe.can("tcp_sockets") ? observe.program("tcp_sockets").iterate({ netns }) : new Uint8Array();
  }

  trace(request: TraceRequest, handlers: TraceHandlers): TraceAttachment {
    return new TraceObject(this.#options.bpfDirectory, request, this.#classes, handlers);
  }
  programs(): ProgramFacts[] {
    const { observe, hooks } = this.#started();
    const hooked: Record<string, number> = { ...hooks.counts(), wire_ingress: this.forwarding.uplinks };
    return [...observe.programs.values()].map(({ name, id, type, verifiedInstructions }) => {
      const attachments = hooked[name] ?? (observe.links.has(name) ? 1 : this.services.attachments(name));
      return { name, id, type, attachments, verifiedInstructions };
    });
  }
  maps(): MapFacts[] {
    return this.#tables.facts(this.#started().observe.object.maps());
  }

  readonly clock = clock;
  readonly netnsCookie = netnsCookie;
  readonly interfaces = interfacesIn;
  readonly watchTranslations = translationsIn;

  followInterfaces(hostNetns: string, on: (change: InterfaceChange) => void): InterfaceWatch | undefined {
    return InterfaceWatch.open(hostNetns, on);
  }

  async close(options: { remove: boolean }): Promise<void> {
    await this.#events?.close();
    this.#hooks?.close();
    this.forwarding.close();
    this.services.close();
    this.#tables.close();
    this.#observe?.close();
    if (options.remove) this.#pins.removeAll();
  }

  #started(): { observe: ObserveObject; hooks: Hooks } {
    if (!this.#observe || !this.#hooks) throw new Error("the dataplane has not been started");
    return { observe: this.#observe, hooks: this.#hooks };
  }
  /**
   * Maps that were pinned with other layouts can't be used: counting then begins anew. Whatever else goes wrong
   * they stay, with all that was counted and not yet reported.
   */
  #load(generation: string | undefined): boolean {
    const { bpfDirectory, flowCapacity: flows, flowBudget, breakCounter = false } = this.#options;
    const file = path.join(bpfDirectory, "observe.bpf.o");
    const adopted = this.#pins.choose(generation, { layout: LAYOUT, flows }, randomBytes(4).toString("hex"));
    this.#cut = adopted ? this.#pins.mendMoves() : [];
    try {
      const more = { capabilities: this.capabilities(), adopts: adopted, breakCounter };
      this.#observe = new ObserveObject({ file, flows, flowBudget, ...more }, this.#pins);
      return adopted;
    } catch (error) {
      if (!adopted) throw error;
      if (!(error instanceof MapMisfit)) throw this.#pins.kept(error as Error);
      this.#pins.giveUp(error);
      return this.#load(undefined);
    }
  }
}
