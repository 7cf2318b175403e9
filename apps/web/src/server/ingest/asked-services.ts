/**
 * Which services a batch's flows asked for: the virtual address named as the control plane knows it at that moment, and
 * the three as one id. An address that is nobody's any more goes by the name it was last told under, since connections
 * outlive their service. It writes ids and no telemetry.
 */
import type { ServiceColumns } from "@millrace/contract/batch-wire";
import type { Queryable } from "../db.ts";
import { Lru } from "../lru.ts";
import { keysOf, textOf } from "./address.ts";
import { type Budget, Interner } from "./names.ts";

type AskedService = { address: string; port: number; namespace: string; name: string };
type Owner = Pick<AskedService, "namespace" | "name">;

const NOBODY: Owner = { namespace: "", name: "" };
/** So long after it was looked up an address may be somebody else's. */
const FRESH_MS = 2000;
const MOST_KEPT = 20_000;

const keyOf = ({ address, port, namespace, name }: AskedService): string =>
  `${address} ${port} ${namespace}/${name}`;

export class AskedServices {
  readonly #db: Queryable;
  readonly #owners = new Lru<string, Owner & { atMs: number }>(MOST_KEPT);
  readonly #ids: Interner<AskedService>;

  constructor(db: Queryable) {
    this.#db = db;
    this.#ids = new Interner(MOST_KEPT, (keys) => idsOf(db, keys));
  }

  /** By row of `services`; 0 for those beyond the budget. */
  async ids(services: ServiceColumns, budget: Budget, nowMs: number): Promise<number[]> {
    if (services.row.length === 0) return [];
    const addresses = keysOf(services.address).map(textOf);
    const owners = await this.#ownersOf(new Set(addresses), nowMs);
    const asked = addresses.map((address, at): AskedService => {
      const { namespace, name } = owners.get(address) ?? NOBODY;
      return { address, port: services.port[at] as number, namespace, name };
    });
    const ids = await this.#ids.ids(new Map(asked.map((one) => [keyOf(one), one])), budget);
    return asked.map((one) => ids.get(keyOf(one)) ?? 0);
  }

  async #ownersOf(addresses: ReadonlySet<string>, nowMs: number): Promise<Map<string, Owner>> {
    const owners = new Map<string, Owner>();
    const unsure: string[] = [];
    for (const address of addresses) {
      const known = this.#owners.get(address);
      if (known && nowMs - known.atMs < FRESH_MS) owners.set(address, known);
      else unsure.push(address);
    }
    if (unsure.length === 0) return owners;
    for (const { address, ...owner } of await findOwners(this.#db, unsure)) {
      this.#owners.set(address, { ...owner, atMs: nowMs });
      owners.set(address, owner);
    }
    return owners;
  }
}

async function findOwners(
  db: Queryable,
  addresses: readonly string[],
): Promise<(Owner & { address: string })[]> {
  const { rows } = await db.query<Owner & { address: string }>(
    `select host(w.address) as address, coalesce(d.namespace, l.namespace, '') as namespace,
       coalesce(d.name, l.name, '') as name
     from unnest($1::inet[]) as w(address)
     left join service_addresses a on a.address = w.address
     left join documents d on d.id = a.document_id
     left join lateral (
       select s.namespace, s.name from asked_services s
       where d.id is null and s.address = w.address and s.name <> '' order by s.id desc limit 1) l on true`,
    [addresses],
  );
  return rows;
}

async function idsOf(
  db: Queryable,
  keys: ReadonlyMap<string, AskedService>,
): Promise<ReadonlyMap<string, number>> {
  const found = await find(db, keys);
  const missing = new Map([...keys].filter(([key]) => !found.has(key)));
  if (missing.size === 0) return found;
  await db.query(
    `insert into asked_services (address, port, namespace, name)
     select * from unnest($1::inet[], $2::int[], $3::text[], $4::text[]) on conflict do nothing`,
    columnsOf(missing),
  );
  return new Map([...found, ...(await find(db, missing))]);
}

async function find(
  db: Queryable,
  keys: ReadonlyMap<string, AskedService>,
): Promise<ReadonlyMap<string, number>> {
  const { rows } = await db.query<AskedService & { id: number }>(
    `select id, host(address) as address, port, namespace, name from asked_services
     where (address, port, namespace, name) in (select * from unnest($1::inet[], $2::int[], $3::text[], $4::text[]))`,
    columnsOf(keys),
  );
  return new Map(rows.map((row) => [keyOf(row), row.id]));
}

function columnsOf(keys: ReadonlyMap<string, AskedService>): unknown[] {
  const all = [...keys.values()];
  return [
    all.map((s) => s.address),
    all.map((s) => s.port),
    all.map((s) => s.namespace),
    all.map((s) => s.name),
  ];
}
