/** service_addresses and service_leases; documents, identities and endpoints are others', but for reading what is behind a service. */
import type { BackendOut } from "@millrace/contract/agent-protocol";
import type { DocumentView } from "@millrace/contract/document";
import type { ServiceReading } from "@millrace/policy/service-document";
import type { SliceReading } from "@millrace/policy/slice-document";
import type { Transaction } from "../audit/service.ts";
import { notifyHosts } from "../bus.ts";
import { pool } from "../db.ts";
import { DOCUMENT_VIEW } from "../document-sql.ts";
import { leaseSql } from "../lease-sql.ts";
import { labelsWithin, namespaceOf } from "../namespace-sql.ts";
import type { Selected } from "./backends.ts";

// ---- whose a virtual address is ----

export type Owned = { address: string; owner: string };
/** What these documents have, and whoever has these addresses. */
export const findOwners = (
  tx: Transaction,
  documentIds: readonly number[],
  addresses: readonly string[],
): Promise<Owned[]> =>
  tx.$queryRaw`
    select host(a.address) as address, d.namespace || '/' || d.name as owner
    from service_addresses a join documents d on d.id = a.document_id
    where a.document_id = any(${[...documentIds]}::int[]) or a.address = any(${[...addresses]}::inet[])
    order by family(a.address)`;

export async function findTaken(tx: Transaction, addresses: readonly string[]): Promise<string[]> {
  const rows = await tx.$queryRaw<{ address: string }[]>`
    select host(address) as address from service_addresses where address = any(${[...addresses]}::inet[])`;
  return rows.map((row) => row.address);
}

/** From now on these documents have these addresses and no others. */
export async function replaceAddresses(
  tx: Transaction,
  given: readonly { documentId: number; addresses: readonly string[] }[],
): Promise<void> {
  const rows = given.flatMap(({ documentId, addresses }) =>
    addresses.map((address) => ({ address, documentId })),
  );
  await tx.$executeRaw`
    delete from service_addresses where document_id = any(${given.map((one) => one.documentId)}::int[])`;
  await tx.$executeRaw`
    insert into service_addresses (address, document_id)
    select r.address, r."documentId" from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
      r(address inet, "documentId" int)`;
}

export async function findAddresses(tx: Transaction, documentIds: readonly number[]): Promise<string[]> {
  const rows = await tx.$queryRaw<{ address: string }[]>`
    select host(address) as address from service_addresses where document_id = any(${[...documentIds]}::int[])`;
  return rows.map((row) => row.address);
}

// ---- who asked ----

const LEASES = leaseSql("service_leases", "address", "inet");

export async function saveLeases(
  hostId: number,
  addresses: readonly string[],
  seconds: number,
): Promise<void> {
  await pool().query(LEASES.save, [hostId, addresses, seconds]);
  await pool().query(LEASES.trim, [hostId]);
}
export async function deleteEndedLeases(): Promise<void> {
  await pool().query(LEASES.forget);
}
export async function tell(hostIds: readonly number[]): Promise<void> {
  await notifyHosts(pool(), "millrace_service", hostIds);
}

type Host = { hostId: number };
const ids = (rows: readonly Host[]): number[] => rows.map((row) => row.hostId);

export const findAskers = async (addresses: readonly string[]): Promise<number[]> =>
  ids((await pool().query<Host>(LEASES.askers, [addresses])).rows);

/** Of services by namespace and name. */
export async function findAskersOfNamed(
  namespaces: readonly string[],
  names: readonly string[],
): Promise<number[]> {
  const { rows } = await pool().query<Host>(
    `select distinct l.host_id as "hostId" from unnest($1::text[], $2::text[]) asked(namespace, name)
     join documents d on d.kind = 'Service' and d.namespace = asked.namespace and d.name = asked.name
     join service_addresses a on a.document_id = d.id
     join service_leases l on l.address = a.address and l.until > now()`,
    [namespaces, names],
  );
  return ids(rows);
}

/** Of services that select any of the identities. */
export async function findAskersOfIdentities(identities: readonly number[]): Promise<number[]> {
  const { rows } = await pool().query<Host>(
    `select distinct l.host_id as "hostId" from identities i
     join documents d on d.kind = 'Service' and d.scope = ${namespaceOf("i")} and d.reading->'selector' <@ i.labels
     join service_addresses a on a.document_id = d.id
     join service_leases l on l.address = a.address and l.until > now()
     where i.id = any($1::int[])`,
    [identities],
  );
  return ids(rows);
}

// ---- what is behind an address ----

export type Found = {
  namespace: string | null;
  name: string;
  reading: ServiceReading;
  addresses: string[];
};
/** One probe of an index for each part of an answer, however many services there are. */
export const SERVICES = `
  select d.namespace, d.name, d.reading,
    array(select host(o.address) from service_addresses o where o.document_id = d.id order by family(o.address)) as addresses
  from unnest($1::inet[]) with ordinality asked(address, nth)
  left join service_addresses a on a.address = asked.address
  left join documents d on d.id = a.document_id
  order by nth`;
/** In the order asked; without a namespace: no service has the address. */
export async function findServices(addresses: readonly string[]): Promise<Found[]> {
  return (await pool().query<Found>(SERVICES, [addresses])).rows;
}

/** Identities by their labels, then their endpoints: it costs as much as the service has backends. Of hosts that were revoked none. */
export const SELECTED = `
  select host(e.address4) as address4, host(e.address6) as address6, i.labels, count(*) over ()::int as total
  from identities i
  join network_endpoints e on e.identity_id = i.id
  join hosts h on h.id = e.host_id and h.revoked_at is null
  where i.labels @> $1::jsonb and ${namespaceOf("i")} = $2
    and case $3::int when 4 then e.address4 else e.address6 end is not null
  order by case $3::int when 4 then e.address4 else e.address6 end limit $4`;
export async function findSelected(
  namespace: string,
  selector: Record<string, string>,
  family: number,
  limit: number,
): Promise<{ pods: Selected[]; total: number }> {
  const labels = JSON.stringify(labelsWithin(namespace, selector));
  const { rows } = await pool().query<Selected & { total: number }>(SELECTED, [
    ...[labels, namespace, family, limit],
  ]);
  return { pods: rows, total: rows[0]?.total ?? 0 };
}

export const SLICES =
  "select reading from documents where kind = 'EndpointSlice' and scope = $1 order by name";
export async function findSlices(scope: string): Promise<SliceReading[]> {
  const { rows } = await pool().query<{ reading: SliceReading }>(SLICES, [scope]);
  return rows.map((row) => row.reading);
}

// ---- for pages ----

export type ListRow = DocumentView & {
  reading: ServiceReading;
  addresses: string[];
  pods: number;
  ready: number;
  draining: number;
  hosts: number;
};
/** All of them, or the one of that name. */
export async function list(
  only: { namespace: string; name: string } | null,
  limit: number,
): Promise<ListRow[]> {
  const { rows } = await pool().query<ListRow>(
    `select ${DOCUMENT_VIEW}, d.reading, p.pods, s.ready, s.draining, l.hosts,
       array(select host(a.address) from service_addresses a where a.document_id = d.id order by family(a.address)) as addresses
     from documents d
     cross join lateral (
       select count(*)::int as pods from identities i
       join network_endpoints e on e.identity_id = i.id
       join hosts h on h.id = e.host_id and h.revoked_at is null
       where jsonb_typeof(d.reading->'selector') = 'object' and i.labels @> (d.reading->'selector')
         and ${namespaceOf("i")} = d.namespace) p
     cross join lateral (
       select count(*) filter (where one->>'state' = 'ready')::int as ready,
         count(*) filter (where one->>'state' = 'draining')::int as draining
       from documents slice, jsonb_array_elements(slice.reading->'endpoints') one
       where slice.kind = 'EndpointSlice' and slice.scope = d.namespace || '/' || d.name) s
     cross join lateral (
       select count(distinct l.host_id)::int as hosts from service_addresses a
       join service_leases l on l.address = a.address and l.until > now() where a.document_id = d.id) l
     where d.kind = 'Service' and ($1::text is null or d.namespace = $1) and ($2::text is null or d.name = $2)
     order by d.namespace, d.name limit $3`,
    [only?.namespace ?? null, only?.name ?? null, limit],
  );
  return rows;
}

type Failing = BackendOut & { host: string };
/** What hosts that are heard of say of the service's backends: those that their connections fail to. */
export async function findFailing(
  addresses: readonly string[],
  heardWithinMs: number,
  limit: number,
): Promise<Failing[]> {
  if (addresses.length === 0) return [];
  const { rows } = await pool().query<Failing>(
    `select h.name as host, o.service, o.backend, o.why
     from hosts h, jsonb_to_recordset(h.heartbeat #> '{network,backendsOut,some}')
       as o(service jsonb, backend jsonb, why text)
     where h.heartbeat_at > now() - $2 * interval '1 millisecond' and o.service ->> 'address' = any($1)
     order by h.name, o.backend limit $3`,
    [addresses, heardWithinMs, limit],
  );
  return rows;
}

/** Hosts that go by an answer about the service, by name. */
export async function findHolders(namespace: string, name: string, limit: number): Promise<string[]> {
  const { rows } = await pool().query<{ name: string }>(
    `select distinct h.name from documents d
     join service_addresses a on a.document_id = d.id
     join service_leases l on l.address = a.address and l.until > now()
     join hosts h on h.id = l.host_id
     where d.kind = 'Service' and d.namespace = $1 and d.name = $2 order by h.name limit $3`,
    [namespace, name, limit],
  );
  return rows.map((row) => row.name);
}
