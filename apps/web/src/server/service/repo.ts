/**
 * service_addresses, node_ports, and the leases of either; documents, identities and endpoints are others', but for reading
 * what is behind a service.
 */
import type { BackendOut } from "@millrace/contract/agent-protocol";
import type { DocumentView } from "@millrace/contract/document";
import { NODE_PORT_ADDRESS } from "@millrace/contract/node-port";
import type { NodePort } from "@millrace/contract/service";
import type { ServiceReading } from "@millrace/policy/service-document";
import type { SliceReading } from "@millrace/policy/slice-document";
import type { Transaction } from "../audit/service.ts";
import { notifyHosts } from "../bus.ts";
import { pool } from "../db.ts";
import { DOCUMENT_VIEW } from "../document-sql.ts";
import { leaseSql } from "../lease-sql.ts";
import { labelsWithin, namespaceOf } from "../namespace-sql.ts";
import { ADDRESSES, ASKERS, COUNTED, type Counted, type HeldNodePort, NODE_PORTS } from "../service-sql.ts";
import type { Selected } from "./backends.ts";

// ---- whose a virtual address or a node port is ----

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

export type OwnedNodePort = HeldNodePort & { documentId: number; owner: string };
/** All of them: so many as there are in one range of ports. */
export const findNodePorts = (tx: Transaction): Promise<OwnedNodePort[]> =>
  tx.$queryRaw`
    select p.protocol, p.port, p.service_port as "servicePort", p.document_id as "documentId",
      d.namespace || '/' || d.name as owner
    from node_ports p join documents d on d.id = p.document_id`;

/** Where services are reached. */
export type Held = { addresses: string[]; nodePorts: HeldNodePort[] };

/** From now on these documents have these and no others. */
export async function replaceHeld(
  tx: Transaction,
  given: readonly ({ documentId: number } & Held)[],
): Promise<void> {
  const ids = given.map(({ documentId }) => documentId);
  const addresses = given.flatMap(({ documentId, addresses }) =>
    addresses.map((address) => ({ address, documentId })),
  );
  const nodePorts = given.flatMap(({ documentId, nodePorts }) =>
    nodePorts.map((nodePort) => ({ ...nodePort, documentId })),
  );
  await tx.$executeRaw`delete from service_addresses where document_id = any(${ids}::int[])`;
  await tx.$executeRaw`delete from node_ports where document_id = any(${ids}::int[])`;
  await tx.$executeRaw`
    insert into service_addresses (address, document_id)
    select r.address, r."documentId" from jsonb_to_recordset(${JSON.stringify(addresses)}::jsonb)
      r(address inet, "documentId" int)`;
  await tx.$executeRaw`
    insert into node_ports (protocol, port, document_id, service_port)
    select r.protocol, r.port, r."documentId", r."servicePort"
    from jsonb_to_recordset(${JSON.stringify(nodePorts)}::jsonb)
      r(protocol smallint, port int, "documentId" int, "servicePort" int)`;
}

export async function findHeld(tx: Transaction, documentIds: readonly number[]): Promise<Held> {
  const ids = [...documentIds];
  const addresses = await tx.$queryRaw<{ address: string }[]>`
    select host(address) as address from service_addresses where document_id = any(${ids}::int[])`;
  const nodePorts = await tx.$queryRaw<HeldNodePort[]>`
    select protocol, port, service_port as "servicePort" from node_ports where document_id = any(${ids}::int[])`;
  return { addresses: addresses.map((row) => row.address), nodePorts };
}

// ---- who asked ----

const ADDRESS_LEASES = leaseSql("service_leases", { address: "inet" });
const NODE_PORT_LEASES = leaseSql("node_port_leases", { protocol: "smallint", port: "int" });
type NodePortKey = Pick<HeldNodePort, "protocol" | "port">;
const columnsOf = (nodePorts: readonly NodePortKey[]): [number[], number[]] => [
  nodePorts.map(({ protocol }) => protocol),
  nodePorts.map(({ port }) => port),
];

export async function saveLeases(
  hostId: number,
  addresses: readonly string[],
  nodePorts: readonly NodePortKey[],
  seconds: number,
): Promise<void> {
  if (addresses.length > 0) {
    await pool().query(ADDRESS_LEASES.save, [hostId, seconds, addresses]);
    await pool().query(ADDRESS_LEASES.trim, [hostId]);
  }
  if (nodePorts.length > 0) {
    await pool().query(NODE_PORT_LEASES.save, [hostId, seconds, ...columnsOf(nodePorts)]);
    await pool().query(NODE_PORT_LEASES.trim, [hostId]);
  }
}
export async function deleteEndedLeases(): Promise<void> {
  await pool().query(ADDRESS_LEASES.forget);
  await pool().query(NODE_PORT_LEASES.forget);
}
export async function tell(hostIds: readonly number[]): Promise<void> {
  await notifyHosts(pool(), "millrace_service", hostIds);
}

type Host = { hostId: number };
const ids = (rows: readonly Host[]): number[] => rows.map((row) => row.hostId);

export async function findAskers({ addresses, nodePorts }: Held): Promise<number[]> {
  const ofAddresses = await pool().query<Host>(ADDRESS_LEASES.askers, [addresses]);
  const ofNodePorts = await pool().query<Host>(NODE_PORT_LEASES.askers, columnsOf(nodePorts));
  return [...new Set(ids([...ofAddresses.rows, ...ofNodePorts.rows]))];
}

/** Of services by namespace and name. */
export async function findAskersOfNamed(
  namespaces: readonly string[],
  names: readonly string[],
): Promise<number[]> {
  const { rows } = await pool().query<Host>(
    `select distinct l.host_id as "hostId" from unnest($1::text[], $2::text[]) asked(namespace, name)
     join documents d on d.kind = 'Service' and d.namespace = asked.namespace and d.name = asked.name
     cross join lateral ${ASKERS} l`,
    [namespaces, names],
  );
  return ids(rows);
}

/** Of services that select any of the identities. */
export async function findAskersOfIdentities(identities: readonly number[]): Promise<number[]> {
  const { rows } = await pool().query<Host>(
    `select distinct l.host_id as "hostId" from identities i
     join documents d on d.kind = 'Service' and d.scope = ${namespaceOf("i")} and d.reading->'selector' <@ i.labels
     cross join lateral ${ASKERS} l
     where i.id = any($1::int[])`,
    [identities],
  );
  return ids(rows);
}

/** Whether the host goes by an answer about its own backends for which a slice that names any of the addresses counts. */
export async function goesByOwn(hostId: number, addresses: readonly string[]): Promise<boolean> {
  const { rows } = await pool().query(
    `select 1 from node_port_leases l
     join node_ports p using (protocol, port)
     join documents d on d.id = p.document_id and d.reading->>'externalTraffic' = 'Local'
     join documents slice on slice.kind = 'EndpointSlice' and slice.scope = d.namespace || '/' || d.name
     cross join lateral jsonb_array_elements(slice.reading->'endpoints') one
     where l.host_id = $1 and l.until > now() and (one->>'address')::inet = any($2::inet[]) limit 1`,
    [hostId, addresses],
  );
  return rows.length > 0;
}

// ---- what is behind an address or a node port ----

export type Found = {
  namespace: string | null;
  name: string;
  reading: ServiceReading;
  addresses: string[];
};
/** One probe of an index for each part of an answer, however many services there are. */
export const SERVICES = `
  select d.namespace, d.name, d.reading, ${ADDRESSES} as addresses
  from unnest($1::inet[]) with ordinality asked(address, nth)
  left join service_addresses held on held.address = asked.address
  left join documents d on d.id = held.document_id
  order by nth`;
/** In the order asked; without a namespace: no service has the address. */
export async function findServices(addresses: readonly string[]): Promise<Found[]> {
  return (await pool().query<Found>(SERVICES, [addresses])).rows;
}

export type FoundNodePort = Omit<Found, "addresses"> & { servicePort: number };
export const NODE_PORTS_ASKED = `
  select d.namespace, d.name, d.reading, held.service_port as "servicePort"
  from unnest($1::smallint[], $2::int[], $3::int[]) with ordinality asked(protocol, port, family, nth)
  left join node_ports held on held.protocol = asked.protocol and held.port = asked.port
    and exists (select from service_addresses a
      where a.document_id = held.document_id and family(a.address) = asked.family)
  left join documents d on d.id = held.document_id
  order by nth`;
/** In the order asked; without a namespace: no service of the family has the port. */
export async function findNodePortServices(asked: readonly NodePort[]): Promise<FoundNodePort[]> {
  const families = asked.map(({ family }) => family);
  return (await pool().query<FoundNodePort>(NODE_PORTS_ASKED, [...columnsOf(asked), families])).rows;
}

/** Identities by their labels, then their endpoints: it costs as much as the service has backends. Of hosts that were revoked none. */
export const SELECTED = `
  select host(e.address4) as address4, host(e.address6) as address6, i.labels, count(*) over ()::int as total
  from identities i
  join network_endpoints e on e.identity_id = i.id
  join hosts h on h.id = e.host_id and h.revoked_at is null
  where i.labels @> $1::jsonb and ${namespaceOf("i")} = $2
    and case $3::int when 4 then e.address4 else e.address6 end is not null
    and ($5::int is null or e.host_id = $5)
  order by case $3::int when 4 then e.address4 else e.address6 end limit $4`;
export async function findSelected(
  namespace: string,
  selector: Record<string, string>,
  family: number,
  limit: number,
  onHost: number | null,
): Promise<{ pods: Selected[]; total: number }> {
  const labels = JSON.stringify(labelsWithin(namespace, selector));
  const { rows } = await pool().query<Selected & { total: number }>(SELECTED, [
    ...[labels, namespace, family, limit, onHost],
  ]);
  return { pods: rows, total: rows[0]?.total ?? 0 };
}

export const SLICES =
  "select reading from documents where kind = 'EndpointSlice' and scope = $1 order by name";
export async function findSlices(scope: string): Promise<SliceReading[]> {
  const { rows } = await pool().query<{ reading: SliceReading }>(SLICES, [scope]);
  return rows.map((row) => row.reading);
}

/** Of these those that are its pods' or its own. */
export async function findAddressesOn(hostId: number, addresses: readonly string[]): Promise<string[]> {
  const { rows } = await pool().query<{ address: string }>(
    `select host(asked.address) as address from unnest($2::inet[]) asked(address)
     where exists (select from network_endpoints e
         where e.host_id = $1 and (e.address4 = asked.address or e.address6 = asked.address))
       or exists (select from underlays u where u.host_id = $1 and asked.address in (u.uplink4, u.uplink6))`,
    [hostId, addresses],
  );
  return rows.map((row) => row.address);
}

// ---- for pages ----

export type ListRow = DocumentView & Held & Counted & { reading: ServiceReading };
/** All of them, or the one of that name. */
export async function list(
  only: { namespace: string; name: string } | null,
  limit: number,
): Promise<ListRow[]> {
  const { rows } = await pool().query<ListRow>(
    `select ${DOCUMENT_VIEW}, d.reading, ${ADDRESSES} as addresses, ${NODE_PORTS} as "nodePorts", c.*
     from documents d
     cross join lateral ${COUNTED} c
     where d.kind = 'Service' and ($1::text is null or d.namespace = $1) and ($2::text is null or d.name = $2)
     order by d.namespace, d.name limit $3`,
    [only?.namespace ?? null, only?.name ?? null, limit],
  );
  return rows;
}

type Failing = BackendOut & { host: string };
/** What hosts that are heard of say of the service's backends: those that their connections fail to. */
export async function findFailing(
  { addresses, nodePorts }: Pick<ListRow, "addresses" | "nodePorts">,
  heardWithinMs: number,
  limit: number,
): Promise<Failing[]> {
  if (addresses.length === 0) return [];
  const [protocols, ports] = columnsOf(nodePorts);
  const { rows } = await pool().query<Failing>(
    `select h.name as host, o.service, o.backend, o.why
     from hosts h, jsonb_to_recordset(h.heartbeat #> '{network,backendsOut,some}')
       as o(service jsonb, backend jsonb, why text)
     where h.heartbeat_at > now() - $2 * interval '1 millisecond' and (o.service ->> 'address' = any($1)
       or (o.service ->> 'address' = $4 and ((o.service ->> 'protocol')::int, (o.service ->> 'port')::int)
         in (select * from unnest($5::int[], $6::int[]))))
     order by h.name, o.backend limit $3`,
    [addresses, heardWithinMs, limit, NODE_PORT_ADDRESS, protocols, ports],
  );
  return rows;
}

/** Hosts that go by an answer about the service, by name. */
export async function findHolders(namespace: string, name: string, limit: number): Promise<string[]> {
  const { rows } = await pool().query<{ name: string }>(
    `select h.name from documents d
     cross join lateral ${ASKERS} l
     join hosts h on h.id = l.host_id
     where d.kind = 'Service' and d.namespace = $1 and d.name = $2 order by h.name limit $3`,
    [namespace, name, limit],
  );
  return rows.map((row) => row.name);
}
