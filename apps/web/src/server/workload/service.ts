/**
 * Ids to names, from memory where possible: interned rows never change, so what was read once stays true.
 * Hosts can change (a new one, a simulated one), and are read anew when they are older than a few seconds.
 */
import { systemClock } from "../clock.ts";
import * as repo from "./repo.ts";

export type WorkloadNames = repo.WorkloadRow;
export type HostNames = repo.HostRow;
export type AskedServiceNames = Omit<repo.AskedServiceRow, "id">;

/** What rows ask for; unknown ids answer undefined, never throw. */
export type Names = {
  workload(id: number | null): WorkloadNames | undefined;
  host(id: number): HostNames | undefined;
  hostNamed(name: string | null): HostNames | undefined;
  reason(id: number | null): string | undefined;
  place(id: number): string | undefined;
  askedService(id: number | null): AskedServiceNames | undefined;
};
export type Wanted = {
  workloads?: Iterable<number | null>;
  hosts?: Iterable<number>;
  reasons?: Iterable<number | null>;
  places?: Iterable<number>;
  askedServices?: Iterable<number | null>;
};

/** 100,000 × about 400 bytes: 40 MB at most; the oldest go first. */
const MOST_KEPT = 100_000;
const HOSTS_FRESH_MS = 5000;

class NameCache implements Names {
  readonly #workloads = new Map<number, WorkloadNames>();
  readonly #reasons = new Map<number, string>();
  readonly #places = new Map<number, string>();
  readonly #askedServices = new Map<number, AskedServiceNames>();
  #hosts = new Map<number, HostNames>();
  #hostsByName = new Map<string, HostNames>();
  #hostsReadAt = 0;

  workload = (id: number | null) => (id === null ? undefined : this.#workloads.get(id));
  host = (id: number) => this.#hosts.get(id);
  hostNamed = (name: string | null) => (name === null ? undefined : this.#hostsByName.get(name));
  reason = (id: number | null) => (id === null ? undefined : this.#reasons.get(id));
  place = (id: number) => this.#places.get(id);
  askedService = (id: number | null) => (id === null ? undefined : this.#askedServices.get(id));

  /** One after the other: `on` may be a single connection. */
  async load(wanted: Wanted, on: repo.Queryable): Promise<void> {
    const workloads = missing(wanted.workloads, this.#workloads);
    if (workloads.length > 0)
      for (const row of await repo.findWorkloads(on, workloads)) keep(this.#workloads, row.id, row);
    await loadWords(on, "drop_reasons", wanted.reasons, this.#reasons);
    await loadWords(on, "drop_places", wanted.places, this.#places);
    const asked = missing(wanted.askedServices, this.#askedServices);
    if (asked.length > 0)
      for (const { id, ...row } of await repo.findAskedServices(on, asked))
        keep(this.#askedServices, id, row);
    await this.#loadHosts(wanted.hosts, on);
  }

  async #loadHosts(ids: Iterable<number> | undefined, on: repo.Queryable): Promise<void> {
    const known = missing(ids, this.#hosts).length === 0;
    const now = systemClock.now();
    if (known && (!ids || now - this.#hostsReadAt < HOSTS_FRESH_MS)) return;
    const hosts = await repo.findHosts(on);
    this.#hosts = new Map(hosts.map((row) => [row.id, row]));
    this.#hostsByName = new Map(hosts.map((row) => [row.name, row]));
    this.#hostsReadAt = now;
  }
}

async function loadWords(
  on: repo.Queryable,
  of: repo.Dictionary,
  wanted: Iterable<number | null> | undefined,
  into: Map<number, string>,
): Promise<void> {
  const ids = missing(wanted, into);
  if (ids.length > 0) for (const row of await repo.findWords(on, of, ids)) keep(into, row.id, row.name);
}

function missing(ids: Iterable<number | null> | undefined, known: Map<number, unknown>): number[] {
  const out = new Set<number>();
  for (const id of ids ?? []) if (id !== null && !known.has(id)) out.add(id);
  return [...out];
}
function keep<V>(map: Map<number, V>, id: number, value: V): void {
  if (map.size >= MOST_KEPT) map.delete(map.keys().next().value as number);
  map.set(id, value);
}

const place = globalThis as { millraceNames?: WeakMap<object, NameCache> };

/**
 * Reads what isn't known yet, and answers from memory. Who holds a connection gives it: were a second one waited for,
 * as many readers as there are connections would wait for each other.
 */
export async function namesFor(wanted: Wanted, on?: repo.Queryable): Promise<Names> {
  place.millraceNames ??= new WeakMap();
  const source = repo.source();
  const cache = place.millraceNames.get(source) ?? new NameCache();
  place.millraceNames.set(source, cache);
  await cache.load(wanted, on ?? source);
  return cache;
}
