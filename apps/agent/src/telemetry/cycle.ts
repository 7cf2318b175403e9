/**
 * One interval's work, in the order exactness demands: retire what has been quiet, wait a grace period, read
 * what moved, spool, and only then delete. If the spool refuses, nothing is deleted and no baseline moves:
 * the next interval reads the same increments again, from the whole table. Synchronous, so that a kill finds
 * no half-way state but between two system calls.
 */
import { ObserverCount } from "@millrace/abi/generated/observer";
import type { Loss } from "@millrace/contract/batch";
import type { Dataplane } from "../dataplane/dataplane.ts";
import type { Baselines } from "./baselines.ts";
import type { BatchBuilder } from "./batch.ts";
import type { DropPass } from "./drops.ts";
import { deviceCounters, readTotals } from "./endpoint-baseline.ts";
import type { EndpointReports, ReportedEndpoint } from "./endpoint-reports.ts";
import { KEY_WORDS } from "./flow-table.ts";
import type { FlowPass } from "./flows.ts";
import { QuietSearch } from "./quiet-flows.ts";
import { KeyList } from "./retire.ts";
import type { WallClock } from "./time.ts";

const EVERYTHING = 0xffff_ffff_ffff_ffffn;
/** An entry may change without a packet: a late drop, a retransmit. */
const SCAN_NS = 10_000_000_000n;
const RETIRE_NS = 2_000_000_000n;
const EMPTY_BATCH_US = 10_000_000;
const DEVICE_SWEEP_US = 10_000_000;

export type CycleEndpoint = ReportedEndpoint & {
  /** A path to its namespace, while that exists. */
  netns: string | undefined;
  /** Passes since it was detached: programs that were running then have ended. */
  leavingPasses: number;
};
/** A counter of losses as it stands; `name` is its tally, `agent:` in front when it dies with this process. */
export type LossCounter = { what: Loss["what"]; name: string; value: number };
export type CycleOptions = {
  dataplane: Dataplane;
  baselines: Baselines;
  batch: BatchBuilder;
  flows: FlowPass;
  drops: DropPass;
  reports: EndpointReports;
  endpoints: Map<number, CycleEndpoint>;
  clock: WallClock;
  /** Takes in what the host's NAT has translated; called when the flows have been read. */
  refreshTranslations: () => void;
  /** Losses counted by this process. */
  losses: () => LossCounter[];
  /** The endpoint's last report is in the spool, its flows are deleted: the kernel may forget it. */
  onGone: (endpoint: CycleEndpoint) => void;
};
export type CycleResult = { ok: boolean; flows: number; retired: number; orphans: number };

export class Cycle {
  readonly #o: CycleOptions;
  readonly #quiet = new QuietSearch();
  readonly #leaving = new KeyList();
  /** Asked to retire in this interval. */
  readonly #asked = new KeyList();
  #retireAtNs = 0n;
  #scanAtNs = 0n;
  /** The whole table is read and compared: after a start, after a refusal, while an endpoint leaves. */
  #whole = true;
  #lastToUs = 0;
  #lastSweepUs = 0;
  #flowsUsed = 0;
  #moved = new Set<number>();

  constructor(options: CycleOptions) {
    this.#o = options;
  }
  get flowsUsed(): number {
    return this.#flowsUsed;
  }

  readWholeNext(): void {
    this.#whole = true;
  }

  run(): CycleResult {
    const { dataplane, clock, batch, flows, drops, reports } = this.#o;
    const whole = this.#whole || [...this.#o.endpoints.values()].some((endpoint) => endpoint.leaving);
    this.#whole = true; // until all is well
    const retired = this.#retire();
    const now = dataplane.clock();
    clock.set(now);
    const toUs = clock.usOf(now.bootNs);
    const totals = this.#readTotals();
    reports.begin(totals, this.#readDevices(totals, toUs));
    batch.begin({ fromUs: Math.min(this.#lastToUs || toUs, toUs), toUs });
    this.#addLosses();
    flows.begin();
    const written =
      (whole ? this.#takeAll() : this.#takeMoved(now.bootNs)) &&
      drops.run(dataplane.readDrops(), now.bootNs) &&
      this.#finish(toUs);
    this.#leaving.take(flows.leaving);
    const result = { flows: this.#flowsUsed, retired, orphans: flows.orphans };
    if (!written) return { ok: false, ...result };
    this.#whole = false;
    this.#delete(totals);
    return { ok: true, ...result };
  }

  /** race: killed after the mark, the next life finds the entries RETIRED and carries on from there. */
  #retire(): number {
    const { dataplane, baselines } = this.#o;
    const { bootNs } = dataplane.clock();
    const isFirst = this.#retireAtNs === 0n;
    let retired = 0;
    this.#asked.clear();
    if (bootNs - this.#retireAtNs >= RETIRE_NS) {
      this.#retireAtNs = bootNs;
      for (const { keys, sinceNs } of this.#quiet.find(baselines.flows, bootNs, this.#fill())) {
        retired += dataplane.retireFlows(keys.bytes(), keys.count, sinceNs);
        this.#asked.take(keys);
      }
    }
    if (this.#leaving.count)
      retired += dataplane.retireFlows(this.#leaving.bytes(), this.#leaving.count, EVERYTHING);
    this.#leaving.clear();
    // Also after a start: an earlier life may have died between its mark and its grace period.
    if (retired > 0 || isFirst) dataplane.barrier();
    return retired;
  }
  #fill(): number {
    return this.#flowsUsed / this.#o.dataplane.flowCapacity();
  }

  #takeAll(): boolean {
    const table = this.#o.dataplane.readFlows();
    this.#flowsUsed = table.count;
    this.#o.refreshTranslations();
    return this.#o.flows.take(table);
  }
  /** Those that moved or were retired; now and then all that changed, as not every change is told of. */
  #takeMoved(nowNs: bigint): boolean {
    const { dataplane, baselines } = this.#o;
    const scan = dataplane.missedMoves() || nowNs - this.#scanAtNs >= SCAN_NS;
    const tables = [
      ...dataplane.changedFlows(this.#asked.bytes(), this.#asked.count),
      ...dataplane.movedFlows(),
    ];
    if (scan) {
      this.#scanAtNs = nowNs;
      tables.push(...dataplane.scanFlows());
    }
    this.#flowsUsed = baselines.flows.size;
    this.#o.refreshTranslations();
    return tables.every((table) => this.#o.flows.take(table));
  }

  #readTotals(): Map<number, number[]> {
    const { values, count, cpus, stride } = this.#o.dataplane.readEndpoints();
    const view = new DataView(values.buffer, values.byteOffset, values.byteLength);
    const out = new Map<number, number[]>();
    for (let i = 0; i < count; i++) {
      const at = i * cpus * stride;
      out.set(view.getUint32(at, true), readTotals(view, at, cpus, stride));
    }
    return out;
  }

  /** Of those that had packets, and of all from time to time: a counter that hooks missed must show. */
  #readDevices(totals: Map<number, number[]>, nowUs: number): Map<number, number[]> {
    const sweep = nowUs - this.#lastSweepUs >= DEVICE_SWEEP_US;
    if (sweep) this.#lastSweepUs = nowUs;
    if (sweep) this.#o.baselines.sweepTranslations();
    const wanted = new Map<string, CycleEndpoint[]>();
    for (const endpoint of this.#o.endpoints.values()) {
      if (!endpoint.netns || endpoint.leaving) continue;
      const moved = this.#hasMoved(endpoint.id, totals);
      // Once more after the last packet: what a queue held back leaves the interface later.
      if (sweep || moved || this.#moved.has(endpoint.id))
        wanted.set(endpoint.netns, [...(wanted.get(endpoint.netns) ?? []), endpoint]);
    }
    this.#moved = new Set([...totals.keys()].filter((id) => this.#hasMoved(id, totals)));
    const devices = new Map<number, number[]>();
    for (const [netns, endpoints] of wanted) this.#readNamespace(netns, endpoints, devices);
    return devices;
  }

  #hasMoved(id: number, totals: Map<number, number[]>): boolean {
    const counted = totals.get(id);
    return counted !== undefined && this.#o.reports.totalsMoved(id, counted);
  }

  /** A namespace that has gone meanwhile has no counters; discovery will say so next. */
  #readNamespace(netns: string, endpoints: CycleEndpoint[], devices: Map<number, number[]>): void {
    try {
      const interfaces = new Map(this.#o.dataplane.interfaces(netns).map((i) => [i.ifindex, i]));
      for (const endpoint of endpoints) {
        const found = interfaces.get(endpoint.state.ifindex);
        if (found) devices.set(endpoint.id, deviceCounters(found.stats));
      }
    } catch {
      return;
    }
  }

  /** Each loss is told once: its tally moves with the batch that tells it. */
  #addLosses(): void {
    const { counts } = this.#o.dataplane.observerCounts();
    const value = counts[ObserverCount.DROPS_UNATTRIBUTED] ?? 0;
    const kernel: LossCounter = { what: "drop-aggregates", name: "drop-aggregates", value };
    for (const loss of [kernel, ...this.#o.losses()]) {
      const told = this.#o.baselines.tallies.get(loss.name) ?? 0;
      if (loss.value > told) this.#o.batch.addLoss(loss.what, loss.value - told, loss);
    }
  }

  /** The rest of the last batch; none when nothing happened, except now and then. */
  #finish(toUs: number): boolean {
    const { batch, reports, flows } = this.#o;
    if (!reports.addChanged(batch)) return false;
    if (!batch.isEmpty || toUs - this.#lastToUs >= EMPTY_BATCH_US) {
      if (!batch.commit()) return false;
      this.#lastToUs = toUs;
    }
    flows.committed();
    return true;
  }

  /** race: killed in here, the next life finds entries that are reported for good, and deletes them. */
  #delete(totals: Map<number, number[]>): void {
    const { dataplane, flows, drops, baselines } = this.#o;
    const { finished } = flows;
    if (finished.count > 0) {
      dataplane.deleteFlows(finished.bytes(), finished.count);
      for (let i = 0; i < finished.count; i++) baselines.flows.remove(finished.words, i * KEY_WORDS);
    }
    if (drops.quiet.length > 0) {
      dataplane.deleteDrops(drops.quiet);
      for (const key of drops.quiet) baselines.drops.remove(key);
    }
    this.#forget(totals);
  }

  /** An endpoint goes when it was detached a while ago, has no flows and all its totals are reported. */
  #forget(totals: Map<number, number[]>): void {
    const { endpoints, baselines } = this.#o;
    for (const endpoint of [...endpoints.values()].filter((e) => e.leaving)) {
      const moved = this.#hasMoved(endpoint.id, totals);
      if (endpoint.leavingPasses++ < 1 || endpoint.flows > 0 || moved) continue;
      this.#o.onGone(endpoint);
      endpoints.delete(endpoint.id);
      baselines.endpoints.delete(endpoint.id);
    }
  }
}
