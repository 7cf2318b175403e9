/**
 * What a batch's rows need beyond their columns: ids for all names, who is at the remote end, which of two
 * observers counts. It writes names (each in a statement of its own) and no telemetry.
 */
import type { Queryable } from "../db.ts";
import { type AddressKey, keysOf, textOf } from "./address.ts";
import type { Batch } from "./decode.ts";
import { Endpoints, type Reporter } from "./endpoints.ts";
import { FleetAddresses, type Holder } from "./fleet-addresses.ts";
import { NameBudgets } from "./name-budget.ts";
import { type Budget, type HostedWorkload, nameInterner, workloadHash, workloadInterner } from "./names.ts";
import { type PairKeys, pairKeys, sourceIsFirst } from "./pair-key.ts";
import { type RollupName, rollupName } from "./rollup-name.ts";

/** By row, or by the batch's dictionaries. Ids of 0 stand for none. */
export type Names = {
  readonly pairKeys: PairKeys;
  readonly counted: Uint8Array;
  readonly flowSrc: Int32Array;
  readonly flowDst: Int32Array;
  readonly flowSrcName: readonly RollupName[];
  readonly flowDstName: readonly RollupName[];
  readonly dropSrc: Int32Array;
  readonly dropDst: Int32Array;
  readonly reasonIds: readonly number[];
  readonly placeIds: readonly number[];
  readonly endpointIds: readonly number[];
};

const SOURCE = 0;
const DESTINATION = 1;

export class Enricher {
  readonly fleet = new FleetAddresses();
  readonly endpoints: Endpoints;
  readonly #budgets = new NameBudgets();
  readonly #workloads;
  readonly #reasons;
  readonly #places;

  constructor(db: Queryable) {
    this.endpoints = new Endpoints(db, this.fleet);
    this.#workloads = workloadInterner(db);
    this.#reasons = nameInterner(db, { table: "drop_reasons", most: 4_000 });
    this.#places = nameInterner(db, { table: "drop_places", most: 100_000 });
  }

  async enrich(batch: Batch, from: Reporter, nowMs: number): Promise<Names> {
    const { head, flows, drops } = batch;
    const budget = this.#budgets.of(from.hostId, nowMs);
    const workloadIds = await this.#workloadIds(batch, from, budget);
    const reasons = await this.#reasons.ids(asKeys(head.reasons));
    const places = await this.#places.ids(asKeys(head.places));
    const endpointIds = await this.endpoints.ids(from, head, workloadIds, budget);
    const ends = new Ends(batch, from, workloadIds, this.fleet);
    const flowEnds = {
      src: ends.resolve(flows.src, flows.srcWorkload),
      dst: ends.resolve(flows.dst, flows.dstWorkload),
    };
    return {
      pairKeys: pairKeys(flows, head.flowRows),
      counted: counted(batch, flowEnds.src, flowEnds.dst, endpointIds),
      flowSrc: flowEnds.src.workloads,
      flowDst: flowEnds.dst.workloads,
      flowSrcName: flowEnds.src.names,
      flowDstName: flowEnds.dst.names,
      dropSrc: ends.resolve(drops.src, drops.srcWorkload).workloads,
      dropDst: ends.resolve(drops.dst, drops.dstWorkload).workloads,
      reasonIds: head.reasons.map((name) => reasons.get(name) ?? 0),
      placeIds: head.places.map((name) => places.get(name) ?? 0),
      endpointIds,
    };
  }

  async #workloadIds({ head }: Batch, from: Reporter, budget: Budget): Promise<number[]> {
    const hosted = head.workloads.map(
      (w): HostedWorkload => ({ ...w, hostId: w.kind === "external" ? null : from.hostId }),
    );
    const hashes = hosted.map(workloadHash);
    const wanted = new Map(hashes.map((hash, at) => [hash, hosted[at] as HostedWorkload]));
    const ids = await this.#workloads.ids(wanted, budget);
    return hashes.map((hash) => ids.get(hash) ?? 0);
  }
}

const asKeys = (names: readonly string[]): Map<string, string> => new Map(names.map((name) => [name, name]));

type Resolved = {
  readonly workloads: Int32Array;
  readonly names: readonly RollupName[];
  readonly holders: readonly Holder[];
};

/** The ends of one batch's rows: each address is looked up once. */
class Ends {
  readonly #atUs: number;
  readonly #hostId: number;
  readonly #workloadIds: readonly number[];
  readonly #dictionary: readonly (RollupName | undefined)[];
  readonly #fleet: FleetAddresses;
  readonly #holders = new Map<AddressKey, Holder>();
  readonly #names = new Map<AddressKey, RollupName>();

  constructor(batch: Batch, from: Reporter, workloadIds: readonly number[], fleet: FleetAddresses) {
    this.#atUs = batch.head.to;
    this.#hostId = from.hostId;
    this.#workloadIds = workloadIds;
    this.#dictionary = batch.head.workloads.map((w) => rollupName(w, from.hostName));
    this.#fleet = fleet;
  }

  /** The agent's own word comes first; for ends it couldn't name, who has the address. */
  resolve(column: Uint8Array, indexes: Uint16Array): Resolved {
    const keys = keysOf(column);
    const workloads = new Int32Array(keys.length);
    const names = new Array<RollupName>(keys.length);
    const holders = new Array<Holder>(keys.length);
    for (let row = 0; row < keys.length; row++) {
      const key = keys[row] as AddressKey;
      const holder = this.#holder(key);
      const said = (indexes[row] as number) - 1;
      workloads[row] = this.#workloadIds[said] || holder.endpoint?.workloadId || 0;
      names[row] = this.#dictionary[said] ?? holder.endpoint?.name ?? this.#byAddress(key);
      holders[row] = holder;
    }
    return { workloads, names, holders };
  }

  #holder(key: AddressKey): Holder {
    let holder = this.#holders.get(key);
    if (!holder) {
      holder = this.#fleet.find(key, this.#atUs, this.#hostId);
      this.#holders.set(key, holder);
    }
    return holder;
  }
  #byAddress(key: AddressKey): RollupName {
    let name = this.#names.get(key);
    if (!name) {
      name = { kind: "external", name: textOf(key) };
      this.#names.set(key, name);
    }
    return name;
  }
}

/**
 * Of two observers of a flow exactly one counts in sums: the source's, and the destination's only when no
 * agent covers the source. One that doesn't know its side goes by the order of the ends: the first's counts.
 */
function counted(batch: Batch, src: Resolved, dst: Resolved, endpointIds: readonly number[]): Uint8Array {
  const { flows, head } = batch;
  const result = new Uint8Array(head.flowRows);
  for (let row = 0; row < head.flowRows; row++) {
    const observer = flows.observer[row];
    const source = src.holders[row] as Holder;
    const destination = dst.holders[row] as Holder;
    if (observer === SOURCE) result[row] = 1;
    else if (observer === DESTINATION) result[row] = source.covered ? 0 : 1;
    else if (!source.covered || !destination.covered) result[row] = 1;
    else {
      const atSource = source.endpoint?.id === endpointIds[flows.endpoint[row] as number];
      result[row] = atSource === sourceIsFirst(flows, row) ? 1 : 0;
    }
  }
  return result;
}
