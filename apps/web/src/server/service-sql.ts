/** What a service has, and who goes by it, as SQL of the row of documents with the alias d. Who gives it is service/'s. */

import { namespaceOf } from "./namespace-sql.ts";

/** Its virtual addresses. */
export const ADDRESSES = `array(
  select host(a.address) from service_addresses a where a.document_id = d.id order by family(a.address))`;

/** Its node ports, each with the port of the service that it leads to. */
export const NODE_PORTS = `(
  select coalesce(jsonb_agg(jsonb_build_object('protocol', p.protocol, 'port', p.port, 'servicePort', p.service_port)
    order by p.protocol, p.service_port), '[]')
  from node_ports p where p.document_id = d.id)`;
export type HeldNodePort = { protocol: number; port: number; servicePort: number };

/** A table of the hosts that go by an answer about one of either now, each once. */
export const ASKERS = `(
  select l.host_id from service_addresses a join service_leases l using (address)
  where a.document_id = d.id and l.until > now()
  union
  select l.host_id from node_ports p join node_port_leases l using (protocol, port)
  where p.document_id = d.id and l.until > now())`;

/** A row of how many pods it selects, how many endpoints its slices have by their state, and how many hosts go by it. */
export const COUNTED = `(
  select
    (select count(*)::int from identities i
     join network_endpoints e on e.identity_id = i.id
     join hosts h on h.id = e.host_id and h.revoked_at is null
     where jsonb_typeof(d.reading->'selector') = 'object' and i.labels @> (d.reading->'selector')
       and ${namespaceOf("i")} = d.namespace) as pods,
    s.ready, s.draining,
    (select count(*)::int from ${ASKERS} asker) as hosts
  from (select count(*) filter (where one->>'state' = 'ready')::int as ready,
      count(*) filter (where one->>'state' = 'draining')::int as draining
    from documents slice, jsonb_array_elements(slice.reading->'endpoints') one
    where slice.kind = 'EndpointSlice' and slice.scope = d.namespace || '/' || d.name) s)`;
export type Counted = { pods: number; ready: number; draining: number; hosts: number };
