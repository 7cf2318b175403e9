/** The interned names that telemetry rows point to: workloads, hosts, drop reasons and places, services. Read only. */
import { pool, type Queryable } from "../db.ts";

export type { Queryable };

export type WorkloadRow = {
  id: number;
  kind: "pod" | "host" | "external";
  host: string | null;
  namespace: string | null;
  pod: string | null;
  container: string | null;
  service: string | null;
  labels: Record<string, string>;
  unknown: string | null;
};

export async function findWorkloads(on: Queryable, ids: number[]): Promise<WorkloadRow[]> {
  const found = await on.query<WorkloadRow>(
    `select w.id, w.kind, h.name as host, w.namespace, w.pod, w.container, w.service, w.labels, w.unknown
     from workloads w left join hosts h on h.id = w.host_id where w.id = any($1)`,
    [ids],
  );
  return found.rows;
}

export type HostRow = {
  id: number;
  name: string;
  simulated: boolean;
  /** Why its connection tracking isn't read; null when it is. */
  noConntrack: string | null;
};
export async function findHosts(on: Queryable): Promise<HostRow[]> {
  const found = await on.query<HostRow>(
    `select id, name, coalesce((hello->>'simulated')::boolean, false) as simulated,
       (select coalesce(c->>'reason', 'no reason given') from jsonb_array_elements(hello->'capabilities') c
        where c->>'name' = 'conntrack' and not (c->>'supported')::boolean limit 1) as "noConntrack"
     from hosts`,
  );
  return found.rows;
}

/** Names are null where nobody knew whose the address was. */
export type AskedServiceRow = {
  id: number;
  ip: string;
  port: number;
  namespace: string | null;
  name: string | null;
};
export async function findAskedServices(on: Queryable, ids: number[]): Promise<AskedServiceRow[]> {
  const found = await on.query<AskedServiceRow>(
    `select id, host(address) as ip, port, nullif(namespace, '') as namespace, nullif(name, '') as name
     from asked_services where id = any($1)`,
    [ids],
  );
  return found.rows;
}

export type Dictionary = "drop_reasons" | "drop_places";
const BY_ID: Record<Dictionary, string> = {
  drop_reasons: "select id, name from drop_reasons where id = any($1)",
  drop_places: "select id, name from drop_places where id = any($1)",
};
export async function findWords(
  on: Queryable,
  of: Dictionary,
  ids: number[],
): Promise<{ id: number; name: string }[]> {
  return (await on.query<{ id: number; name: string }>(BY_ID[of], [ids])).rows;
}

/** The database the names belong to: what is cached of one must not answer for another. */
export const source = (): Queryable => pool();
