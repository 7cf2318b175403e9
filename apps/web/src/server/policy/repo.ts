/** identity_leases; documents and identities are others', but for reading what holds for whom. */
import type { NamedPolicy } from "@millrace/contract/declared";
import type { DocumentView } from "@millrace/contract/document";
import type { Labels } from "@millrace/contract/identity";
import type { PolicyDraft } from "@millrace/policy/draft";
import { notifyHosts } from "../bus.ts";
import { pool } from "../db.ts";
import { DOCUMENT_VIEW } from "../document-sql.ts";
import { leaseSql } from "../lease-sql.ts";
import { labelsWithin, namespaceOf } from "../namespace-sql.ts";
import { microseconds } from "../sql.ts";

export type Fact = { identity: number; namespace: string; labels: Labels; namespaceLabels: Labels };

const FACT = `i.id as identity, i.labels, ${namespaceOf("i")} as namespace,
  coalesce(n.reading->'labels', '{}'::jsonb) as "namespaceLabels"`;
const WITH_NAMESPACE = `left join documents n
  on n.kind = 'Namespace' and n.namespace = '' and n.name = ${namespaceOf("i")}`;

/** One probe of an index for each part of an answer, however many identities there are. */
export const FACTS = `
  select ${FACT} from identities i ${WITH_NAMESPACE} where i.id = any($1::int[]) order by i.id`;
export async function findFacts(identities: readonly number[]): Promise<Fact[]> {
  return (await pool().query<Fact>(FACTS, [identities])).rows;
}

/** Of the newest change that is committed. */
export async function findRevision(): Promise<number> {
  const { rows } = await pool().query<{ revision: number }>(
    "select coalesce(max(revision), 0)::float8 as revision from document_changes",
  );
  return rows[0]?.revision ?? 0;
}

export type PolicyRow = { number: number; revision: number; reading: PolicyDraft };
export const POLICIES = `
  select number, revision::float8 as revision, reading from documents
  where kind = any('{Policy,NetworkPolicy}'::text[]) and scope = any($1::text[]) order by number`;
export async function findPolicies(scopes: readonly string[]): Promise<PolicyRow[]> {
  return (await pool().query<PolicyRow>(POLICIES, [scopes])).rows;
}

// ---- for pages ----

export type ListRow = DocumentView & { number: number; reading: PolicyDraft };
/** All of them, or the one of that number. */
export async function listPolicies(number: number | null, limit: number): Promise<ListRow[]> {
  const { rows } = await pool().query<ListRow>(
    `select ${DOCUMENT_VIEW}, d.reading from documents d
     where d.kind = any('{Policy,NetworkPolicy}'::text[]) and ($1::int is null or d.number = $1)
     order by d.namespace, d.name, d.kind limit $2`,
    [number, limit],
  );
  return rows;
}
/** An address that an endpoint has, and since when it is the same endpoint with the same labels. Microseconds. */
export type Holder = { address: string; identity: number; host: string; sinceUs: number };
export async function findHolders(addresses: readonly string[]): Promise<Holder[]> {
  const { rows } = await pool().query<Holder>(
    `select host(asked) as address, e.identity_id as identity, h.name as host, ${microseconds("e.updated_at")} as "sinceUs"
     from unnest($1::inet[]) asked
     join lateral (
       select * from network_endpoints where address4 = asked union all select * from network_endpoints where address6 = asked) e on true
     join hosts h on h.id = e.host_id`,
    [addresses],
  );
  return rows;
}
export type CountedFact = Fact & { endpoints: number };
export async function countInUse(limit: number): Promise<CountedFact[]> {
  const { rows } = await pool().query<CountedFact>(
    `with used as (
       select identity_id, count(*)::int as endpoints from network_endpoints group by identity_id limit $1)
     select ${FACT}, used.endpoints from used join identities i on i.id = used.identity_id ${WITH_NAMESPACE}`,
    [limit],
  );
  return rows;
}
/** Hosts with an endpoint of these identities, and those of them that say that they go by the revision or a later one. */
export type CountedHosts = { selected: number; inForce: number };
export async function countHosts(identities: readonly number[], revision: number): Promise<CountedHosts> {
  const { rows } = await pool().query<CountedHosts>(
    `select count(*)::int as selected,
       (count(*) filter (where (heartbeat->'counters'->>'policy.revision')::float8 >= $2))::int as "inForce"
     from hosts where id in (select host_id from network_endpoints where identity_id = any($1::int[]))`,
    [identities, revision],
  );
  return rows[0] as CountedHosts;
}
export async function findNamed(numbers: readonly number[]): Promise<NamedPolicy[]> {
  const { rows } = await pool().query<NamedPolicy>(
    `select distinct on (number) number, kind, namespace, name, what = 'deleted' as "isDeleted"
     from document_changes where number = any($1::int[]) order by number, revision desc`,
    [numbers],
  );
  return rows;
}

// ---- who asked, and whose they are ----

const LEASES = leaseSql("identity_leases", { identity: "int" });
export async function saveLeases(
  hostId: number,
  identities: readonly number[],
  seconds: number,
): Promise<void> {
  await pool().query(LEASES.save, [hostId, seconds, identities]);
  await pool().query(LEASES.trim, [hostId]);
}
export async function deleteEndedLeases(): Promise<void> {
  await pool().query(LEASES.forget);
}
export async function tell(hostIds: readonly number[]): Promise<void> {
  await notifyHosts(pool(), "millrace_policy", hostIds);
}

/** Identities that endpoints have, in the namespace or (null) everywhere: the next so many of them after a number. */
export async function findInUse(namespace: string | null, after: number, limit: number): Promise<Fact[]> {
  const within = JSON.stringify(namespace === null ? {} : labelsWithin(namespace));
  const { rows } = await pool().query<Fact>(
    `select ${FACT} from identities i ${WITH_NAMESPACE}
     where i.id > $1 and i.labels @> $2::jsonb and ($3::text is null or ${namespaceOf("i")} = $3)
       and exists (select from network_endpoints e where e.identity_id = i.id)
     order by i.id limit $4`,
    [after, within, namespace, limit],
  );
  return rows;
}

type Host = { hostId: number };
export async function findHostsWith(identities: readonly number[]): Promise<number[]> {
  const { rows } = await pool().query<Host>(
    `select distinct host_id as "hostId" from network_endpoints where identity_id = any($1::int[])`,
    [identities],
  );
  return rows.map((row) => row.hostId);
}
/** Hosts with an endpoint in the namespace, and those that go by what they were told of one. */
export async function findHostsOfNamespace(namespace: string): Promise<number[]> {
  const { rows } = await pool().query<Host>(
    `with within as materialized (
       select i.id from identities i where i.labels @> $1::jsonb and ${namespaceOf("i")} = $2)
     select e.host_id as "hostId" from within join network_endpoints e on e.identity_id = within.id
     union
     select l.host_id from within join identity_leases l on l.identity = within.id where l.until > now()`,
    [JSON.stringify(labelsWithin(namespace)), namespace],
  );
  return rows.map((row) => row.hostId);
}
