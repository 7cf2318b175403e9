/**
 * Who has an address: the endpoints that agents reported, in memory, so that ingest can name a flow's
 * remote end. Not the truth: that is the endpoints table, from which it is filled at start and now and then. Of an
 * address that several may have, nobody is named. Which of two observers counts is coverage.ts's.
 */
import type { AddressKey } from "./address.ts";
import type { RollupName } from "./rollup-name.ts";

export type FleetEndpoint = {
  readonly id: number;
  readonly hostId: number;
  readonly workloadId: number | null;
  readonly name: RollupName;
  readonly addresses: readonly AddressKey[];
  readonly firstUs: number;
  lastUs: number;
};
const SECOND_US = 1e6;
/** An endpoint that was silent for this long before a flow may be gone. */
const STALE_US = 600 * SECOND_US;
/** An endpoint is reported after its first packets were counted. */
const EARLY_US = 15 * SECOND_US;
/** On one host, an address that is reported again has moved on from the endpoint that no longer is. */
const SUCCEEDED_US = 3 * SECOND_US;
/** 200,000 endpoints × ~400 bytes = 80 MB; beyond, the longest silent go first. */
export const MOST_ENDPOINTS = 200_000;

export class FleetAddresses {
  readonly #byId = new Map<number, FleetEndpoint>();
  readonly #byAddress = new Map<AddressKey, FleetEndpoint[]>();
  readonly #most: number;

  constructor(most = MOST_ENDPOINTS) {
    this.#most = most;
  }
  get size(): number {
    return this.#byId.size;
  }

  /** Adds an endpoint or replaces what is known of it. */
  set(endpoint: FleetEndpoint): void {
    const old = this.#byId.get(endpoint.id);
    if (old) this.remove(endpoint.id);
    const lastUs = Math.max(old?.lastUs ?? 0, endpoint.lastUs);
    const firstUs = Math.min(old?.firstUs ?? Number.POSITIVE_INFINITY, endpoint.firstUs);
    const known = { ...endpoint, firstUs, lastUs };
    this.#byId.set(known.id, known); // the longest untouched stay at the map's front
    for (const key of known.addresses) {
      const holders = this.#byAddress.get(key);
      if (holders) holders.push(known);
      else this.#byAddress.set(key, [known]);
    }
    if (this.#byId.size > this.#most) this.remove(this.#byId.keys().next().value as number);
  }

  get(id: number): FleetEndpoint | undefined {
    return this.#byId.get(id);
  }

  /**
   * A host's heartbeat lists the addresses of the pods it covers, idle ones too: they are alive. Of several
   * endpoints of the host with one address, the newest is meant, unless as many pods have it. Returns their ids.
   */
  alive(hostId: number, addresses: readonly AddressKey[], atUs: number): number[] {
    const ids = new Set<number>();
    const pods = new Map<AddressKey, number>();
    for (const key of addresses) pods.set(key, (pods.get(key) ?? 0) + 1);
    for (const [key, count] of pods) {
      const own = (this.#byAddress.get(key) ?? []).filter((e) => e.hostId === hostId);
      const newest = own.sort((a, b) => b.firstUs - a.firstUs).slice(0, count);
      for (const endpoint of newest) {
        endpoint.lastUs = Math.max(endpoint.lastUs, atUs);
        ids.add(endpoint.id);
      }
    }
    return [...ids];
  }

  remove(id: number): void {
    const old = this.#byId.get(id);
    if (!old) return;
    this.#byId.delete(id);
    for (const key of old.addresses) {
      const left = (this.#byAddress.get(key) ?? []).filter((e) => e.id !== id);
      if (left.length > 0) this.#byAddress.set(key, left);
      else this.#byAddress.delete(key);
    }
  }

  /** Who had the address then, as `hostId` sees it: an endpoint of the same host comes before others'. */
  find(key: AddressKey, atUs: number, hostId: number): FleetEndpoint | undefined {
    const all = this.#byAddress.get(key);
    if (!all) return undefined;
    const alive = all.filter((e) => e.firstUs - EARLY_US <= atUs && atUs <= e.lastUs + STALE_US);
    const here = alive.filter((e) => e.hostId === hostId);
    return only(here.length > 0 ? here : alive);
  }
}

/** The one endpoint left when those that others of their host succeeded are out. */
function only(candidates: readonly FleetEndpoint[]): FleetEndpoint | undefined {
  if (candidates.length === 1) return candidates[0];
  const left = candidates.filter(
    (e) => !candidates.some((o) => o.hostId === e.hostId && o.lastUs > e.lastUs + SUCCEEDED_US),
  );
  return left.length === 1 ? left[0] : undefined;
}
