/**
 * What a batch's rows need beyond their columns: ids for all names, who is at the remote end, which of two
 * observers counts. It writes names and claims of coverage (each in a statement of its own) and no telemetry.
 */
import type pg from "pg";
import { type AddressKey, keyOf, keysOf, textOf } from "./address.ts";
import { AskedServices } from "./asked-services.ts";
import { Coverage, claimsOf } from "./coverage.ts";
import { CoverageStore } from "./coverage-store.ts";
import type { Batch } from "./decode.ts";
import { Endpoints, type Reporter } from "./endpoints.ts";
import { FleetAddresses, type FleetEndpoint } from "./fleet-addresses.ts";
import { FOREVER, NameBudgets } from "./name-budget.ts";
import {
  type Budget,
  type HostedWorkload,
  type Interner,
  nameInterner,
  OVERFLOW_NAME,
  workloadHash,
  workloadInterner,
} from "./names.ts";
import { outsideOf, type PairKeys, pairKeys, sourceIsFirst } from "./pair-key.ts";
import { type RollupName, rollupName } from "./rollup-name.ts";

/** By row, or by the batch's dictionaries. Ids of 0 stand for none. */
export type Names = {
  readonly pairKeys: PairKeys;
  /** COUNTS, or UNTIL_COVERED: as long as nobody is known to cover the end whose word goes before; else 0. */
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
  /** By row of the batch's services. */
  readonly serviceIds: readonly number[];
};

/** What the database says of the names in a batch's dictionaries. */
export type Ids = {
  readonly workloads: readonly number[];
  readonly reasons: readonly number[];
  readonly places: readonly number[];
  readonly endpoints: readonly number[];
  /** By row of the batch's services. */
  readonly services: readonly number[];
};

const SOURCE = 0;
const DESTINATION = 1;
export const COUNTS = 1;
export const UNTIL_COVERED = 2;

export class Enricher {
  readonly fleet = new FleetAddresses();
  readonly endpoints: Endpoints;
  readonly coverage: CoverageStore;
  readonly #covered = new Coverage();
  readonly #budgets = new NameBudgets();
  /** Their tables are small and everybody's: no host may have more than a part of them. */
  readonly #reasonBudgets = new NameBudgets(400, FOREVER);
  readonly #placeBudgets = new NameBudgets(10_000, FOREVER);
  readonly #workloads;
  readonly #reasons;
  readonly #places;
  readonly #services;

  constructor(pool: pg.Pool) {
    this.endpoints = new Endpoints(pool, this.fleet);
    this.coverage = new CoverageStore(pool, this.#covered);
    this.#workloads = workloadInterner(pool);
    this.#reasons = nameInterner(pool, { table: "drop_reasons", most: 4_000 });
    this.#places = nameInterner(pool, { table: "drop_places", most: 100_000 });
    this.#services = new AskedServices(pool);
  }

  budget(hostId: number, nowMs: number): Budget {
    return this.#budgets.of(hostId, nowMs);
  }

  /** Writes the names and who covers what, all of it before the batch's own transaction. */
  async identify(batch: Batch, from: Reporter, nowMs: number): Promise<Ids> {
    const { head } = batch;
    const budget = this.budget(from.hostId, nowMs);
    const workloads = await this.#workloadIds(batch, from, budget);
    const reasons = await namesOf(this.#reasons, head.reasons, this.#reasonBudgets.of(from.hostId, nowMs));
    const places = await namesOf(this.#places, head.places, this.#placeBudgets.of(from.hostId, nowMs));
    const endpoints = await this.endpoints.ids(from, head, workloads, budget);
    await this.coverage.claim(claimsOf(head, endpoints, nowMs * 1000), nowMs * 1000, budget);
    const services = await this.#services.ids(batch.services, budget, nowMs);
    return {
      workloads,
      reasons,
      places,
      endpoints,
      services,
    };
  }

  /** Decides who is at the ends and who counts: by what is known now, in memory. */
  resolve(batch: Batch, from: Reporter, ids: Ids): Names {
    const { head, flows, drops } = batch;
    const ends = new Ends(batch, from, ids.workloads, this.fleet);
    const src = ends.resolve(flows.src, flows.srcWorkload);
    const dst = ends.resolve(flows.dst, flows.dstWorkload);
    ends.resolveHidden(src, flows.srcWorkload, batch.translations.src);
    ends.resolveHidden(dst, flows.dstWorkload, batch.translations.dst);
    const outside = outsideOf(batch);
    return {
      pairKeys: pairKeys(outside, head.flowRows),
      counted: counted(batch, src.keys, dst.keys, this.#covered),
      flowSrc: src.workloads,
      flowDst: dst.workloads,
      flowSrcName: src.names,
      flowDstName: dst.names,
      dropSrc: ends.resolve(drops.src, drops.srcWorkload).workloads,
      dropDst: ends.resolve(drops.dst, drops.dstWorkload).workloads,
      reasonIds: ids.reasons,
      placeIds: ids.places,
      endpointIds: ids.endpoints,
      serviceIds: ids.services,
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

/** The ids of plain names, in their order; beyond the budget, that of the name for too many. */
async function namesOf(
  interner: Interner<string>,
  names: readonly string[],
  budget: Budget,
): Promise<number[]> {
  const found = await interner.ids(new Map(names.map((name) => [name, name])), budget);
  if (names.every((name) => found.has(name))) return names.map((name) => found.get(name) ?? 0);
  const overflow = await interner.ids(new Map([[OVERFLOW_NAME, OVERFLOW_NAME]]));
  return names.map((name) => found.get(name) ?? overflow.get(OVERFLOW_NAME) ?? 0);
}

type Resolved = {
  readonly workloads: Int32Array;
  readonly names: RollupName[];
  readonly keys: readonly AddressKey[];
};

/** The ends of one batch's rows: each address is looked up once. */
class Ends {
  readonly #atUs: number;
  readonly #hostId: number;
  readonly #workloadIds: readonly number[];
  readonly #dictionary: readonly (RollupName | undefined)[];
  readonly #fleet: FleetAddresses;
  readonly #translated: Uint16Array;
  readonly #holders = new Map<AddressKey, FleetEndpoint | null>();
  readonly #names = new Map<AddressKey, RollupName>();

  constructor(batch: Batch, from: Reporter, workloadIds: readonly number[], fleet: FleetAddresses) {
    this.#atUs = batch.head.to;
    this.#hostId = from.hostId;
    this.#workloadIds = workloadIds;
    this.#dictionary = batch.head.workloads.map((w) => rollupName(w, from.hostName));
    this.#fleet = fleet;
    this.#translated = batch.translations.row;
  }

  /** The agent's own word comes first; for ends it couldn't name, who has the address. */
  resolve(column: Uint8Array, indexes: Uint16Array): Resolved {
    const keys = keysOf(column);
    const workloads = new Int32Array(keys.length);
    const names = new Array<RollupName>(keys.length);
    for (let row = 0; row < keys.length; row++) {
      const key = keys[row] as AddressKey;
      const holder = this.#holder(key);
      const said = (indexes[row] as number) - 1;
      workloads[row] = this.#workloadIds[said] || holder?.workloadId || 0;
      names[row] = this.#dictionary[said] ?? holder?.name ?? this.#byAddress(key);
    }
    return { workloads, names, keys };
  }

  /** An end that is nobody's own address, as a service's, goes by who has it on the other side of the NAT. */
  resolveHidden({ workloads, names, keys }: Resolved, indexes: Uint16Array, translated: Uint8Array): void {
    const others = keysOf(translated);
    for (const [at, row] of this.#translated.entries()) {
      if (indexes[row] !== 0 || this.#holder(keys[row] as AddressKey)) continue;
      const holder = this.#holder(others[at] as AddressKey);
      if (!holder) continue;
      workloads[row] = holder.workloadId ?? 0;
      names[row] = holder.name;
    }
  }

  #holder(key: AddressKey): FleetEndpoint | null {
    let holder = this.#holders.get(key);
    if (holder === undefined) {
      holder = this.#fleet.find(key, this.#atUs, this.#hostId) ?? null;
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
 * Of two observers of a flow exactly one counts in sums: the source's, and the destination's only while no
 * agent is known to cover the source. One that doesn't know its side goes by the order of the ends: the first's counts.
 */
function counted(
  batch: Batch,
  src: readonly AddressKey[],
  dst: readonly AddressKey[],
  coverage: Coverage,
): Uint8Array {
  const { flows, head } = batch;
  const result = new Uint8Array(head.flowRows);
  const covered = new Map<AddressKey, boolean>();
  const isCovered = (key: AddressKey): boolean => {
    let known = covered.get(key);
    if (known === undefined) {
      known = coverage.covers(key, head.to);
      covered.set(key, known);
    }
    return known;
  };
  const hidden = new Map<number, AddressKey>();
  const { row: translated, src: hiddenSrc } = batch.translations;
  for (const [at, key] of keysOf(hiddenSrc).entries()) hidden.set(translated[at] as number, key);
  for (let row = 0; row < head.flowRows; row++) {
    const observer = flows.observer[row];
    const before = hidden.get(row);
    const isSource = observer === DESTINATION || sourceIsFirst(flows, row);
    const goesBefore = (isSource ? src : dst)[row] as AddressKey;
    if (observer === SOURCE || (observer !== DESTINATION && standsAt(batch, row, goesBefore)))
      result[row] = COUNTS;
    else result[row] = isCovered(goesBefore) || (before && isCovered(before)) ? 0 : UNTIL_COVERED;
  }
  return result;
}

const standsAt = ({ head, flows }: Batch, row: number, end: AddressKey): boolean =>
  head.endpoints[flows.endpoint[row] as number]?.addresses.some((text) => keyOf(text) === end) ?? false;
