/**
 * Interning: names that repeat in every row are stored once, rows point at them. Ids are made in statements
 * of their own, before the batch's transaction: were they made inside it, an abort would leave ids in the
 * caches that never came to be. Each table has a limit, since agents choose the names.
 */
import { createHash } from "node:crypto";
import type { Workload } from "@millrace/contract/batch";
import type { Queryable } from "../db.ts";
import { Lru } from "../lru.ts";
import type { RollupName } from "./rollup-name.ts";

/** Finds or makes the ids of keys; a key the table has no room for is absent from the answer. */
type Fetch<V> = (keys: ReadonlyMap<string, V>) => Promise<ReadonlyMap<string, number>>;

/** How many more names somebody may make; takes at most as many as are left. */
export type Budget = { take(names: number): number };

/** Cached ids by key, whatever the table. */
export class Interner<V> {
  readonly #cache: Lru<string, number>;
  readonly #fetch: Fetch<V>;

  constructor(limit: number, fetch: Fetch<V>) {
    this.#cache = new Lru(limit);
    this.#fetch = fetch;
  }

  /** With a budget, keys that aren't cached cost it; what it doesn't cover is absent from the answer. */
  async ids(wanted: ReadonlyMap<string, V>, budget?: Budget): Promise<Map<string, number>> {
    const found = new Map<string, number>();
    const missing = new Map<string, V>();
    for (const [key, value] of wanted) {
      const id = this.#cache.get(key);
      if (id === undefined) missing.set(key, value);
      else found.set(key, id);
    }
    if (missing.size === 0) return found;
    const covered = budget?.take(missing.size) ?? missing.size;
    const fetched = covered < missing.size ? new Map([...missing].slice(0, covered)) : missing;
    for (const [key, id] of await this.#fetch(fetched)) {
      this.#cache.set(key, id);
      found.set(key, id);
    }
    return found;
  }
  forget(key: string): void {
    this.#cache.delete(key);
  }
}

type NameTable = { table: "drop_reasons" | "drop_places"; most: number };
/** What names beyond the limit are called: they are counted under one. drop_reasons' ids are smallints. */
export const OVERFLOW_NAME = "(too many names)";

/** A table of plain names. */
export function nameInterner(db: Queryable, { table, most }: NameTable): Interner<string> {
  return new Interner<string>(most, async (keys) => {
    const names = [...keys.keys()];
    const found = await idsOf(db, table, names);
    const missing = names.filter((name) => !found.has(name));
    if (missing.length === 0) return found;
    const { rows } = await db.query<{ count: string }>(`select count(*) from ${table}`);
    const room = most - Number(rows[0]?.count);
    const made = missing.length <= room ? missing : [...missing.slice(0, Math.max(0, room)), OVERFLOW_NAME];
    await db.query(`insert into ${table} (name) select unnest($1::text[]) on conflict (name) do nothing`, [
      made,
    ]);
    const after = await idsOf(db, table, [...missing, OVERFLOW_NAME]);
    const overflow = after.get(OVERFLOW_NAME);
    for (const name of missing) {
      const id = after.get(name) ?? overflow;
      if (id !== undefined) found.set(name, id);
    }
    return found;
  });
}
async function idsOf(db: Queryable, table: string, names: readonly string[]): Promise<Map<string, number>> {
  const text = `select id, name from ${table} where name = any($1::text[])`;
  const { rows } = await db.query<{ id: number; name: string }>(text, [names]);
  return new Map(rows.map((row) => [row.name, row.id]));
}

export const rollupNameKey = (name: RollupName): string => `${name.kind}\n${name.name}`;

export function rollupNameInterner(db: Queryable): Interner<RollupName> {
  const select = `select id, kind, name from rollup_names
    where (kind, name) in (select * from unnest($1::text[], $2::text[]))`;
  const find = async (names: readonly RollupName[]) => {
    const values = [names.map((n) => n.kind), names.map((n) => n.name)];
    const { rows } = await db.query<RollupName & { id: number }>(select, values);
    return new Map(rows.map((row) => [rollupNameKey(row), row.id]));
  };
  return new Interner<RollupName>(50_000, async (keys) => {
    const found = await find([...keys.values()]);
    const missing = [...keys].filter(([key]) => !found.has(key)).map(([, name]) => name);
    if (missing.length === 0) return found;
    await db.query(
      `insert into rollup_names (kind, name) select * from unnest($1::text[], $2::text[])
       on conflict (kind, name) do nothing`,
      [missing.map((n) => n.kind), missing.map((n) => n.name)],
    );
    return new Map([...found, ...(await find(missing))]);
  });
}

/** A workload with the host that reported it; null for those of no host. */
export type HostedWorkload = Workload & { readonly hostId: number | null };

/** Equal exactly for equal workloads: labels in the order of their names. */
export function workloadHash(workload: HostedWorkload): string {
  const { kind, hostId, namespace, pod, container, service, labels, runtime, unknown } = workload;
  const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  const text = JSON.stringify([kind, hostId, namespace, pod, container, service, sorted, runtime, unknown]);
  return createHash("sha256").update(text).digest("base64url");
}

export function workloadInterner(db: Queryable): Interner<HostedWorkload> {
  const find = async (hashes: readonly string[]) => {
    const text = "select id, hash from workloads where hash = any($1::text[])";
    const { rows } = await db.query<{ id: number; hash: string }>(text, [hashes]);
    return new Map(rows.map((row) => [row.hash, row.id]));
  };
  return new Interner<HostedWorkload>(100_000, async (keys) => {
    const found = await find([...keys.keys()]);
    const missing = [...keys].filter(([hash]) => !found.has(hash));
    if (missing.length === 0) return found;
    await db.query(
      `insert into workloads (hash, kind, host_id, namespace, pod, container, service, labels, runtime, unknown)
       select hash, kind, "hostId", namespace, pod, container, service, labels, runtime, unknown
       from jsonb_to_recordset($1::jsonb) as w (hash text, kind text, "hostId" int, namespace text, pod text,
         container text, service text, labels jsonb, runtime text, unknown text)
       on conflict (hash) do nothing`,
      [JSON.stringify(missing.map(([hash, workload]) => ({ ...workload, hash })))],
    );
    return new Map([...found, ...(await find(missing.map(([hash]) => hash)))]);
  });
}
