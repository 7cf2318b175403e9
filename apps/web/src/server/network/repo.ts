/** underlays, network_endpoints, identities, resolve_leases. Pools and blocks are pool's, but for reading where an address lies. */
import type { Labels } from "@millrace/contract/identity";
import type { Underlay } from "@millrace/contract/network";
import type { Transaction } from "../audit/service.ts";
import { notifyHosts } from "../bus.ts";
import { pool, prisma } from "../db.ts";
import { leaseSql } from "../lease-sql.ts";

export const transact = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> =>
  prisma().$transaction(work, { timeout: 15_000, maxWait: 5000 });

// ---- hosts and their underlays ----

export type UnderlayRow = Underlay & { publishedGeneration: number };

/** The host's lock, until the transaction's end: what it leases and publishes, and its release, come one after the other. */
export async function lockUnderlay(tx: Transaction, hostId: number): Promise<UnderlayRow | undefined> {
  const [row] = await tx.$queryRaw<UnderlayRow[]>`
    select host(uplink4) as uplink4, host(uplink6) as uplink6, mac, mtu, vtep_port as "vtepPort",
      published_generation::float8 as "publishedGeneration"
    from underlays where host_id = ${hostId} for no key update`;
  return row;
}
/** Where there is none yet; from then on there is one to be locked. True when there was none. */
export async function insertUnderlay(tx: Transaction, hostId: number, underlay: Underlay): Promise<boolean> {
  const { count } = await tx.underlay.createMany({ data: { hostId, ...underlay }, skipDuplicates: true });
  return count === 1;
}
export async function updateUnderlay(tx: Transaction, hostId: number, underlay: Underlay): Promise<void> {
  await tx.underlay.update({ where: { hostId }, data: underlay, select: { hostId: true } });
}
export async function setPublished(tx: Transaction, hostId: number, generation: number): Promise<void> {
  await tx.underlay.update({
    where: { hostId },
    data: { publishedGeneration: generation },
    select: { hostId: true },
  });
}

export async function findHostId(tx: Transaction, name: string): Promise<number | undefined> {
  return (await tx.host.findUnique({ where: { name }, select: { id: true } }))?.id;
}
/** Since the host's last sign of life; null: it was never heard, or may not speak. */
export async function findSilence(tx: Transaction, hostId: number): Promise<number | null> {
  const [row] = await tx.$queryRaw<{ silentMs: number | null }[]>`
    select case when revoked_at is null then extract(epoch from clock_timestamp() - greatest(heartbeat_at,
      (select max(last_confirmed_at) from blocks where host_id = hosts.id)))::float8 * 1000 end as "silentMs"
    from hosts where id = ${hostId}`;
  return row?.silentMs ?? null;
}

// ---- endpoints ----

export type EndpointRow = {
  attachmentId: string;
  address4: string | null;
  address6: string | null;
  identityId: number;
};
export const findEndpoints = (
  tx: Transaction,
  hostId: number,
): Promise<(EndpointRow & { generation: number })[]> =>
  tx.$queryRaw`
    select attachment_id as "attachmentId", host(address4) as address4, host(address6) as address6,
      identity_id as "identityId", generation::float8 as generation
    from network_endpoints where host_id = ${hostId}`;

export async function insertEndpoints(
  tx: Transaction,
  hostId: number,
  generation: number,
  endpoints: readonly EndpointRow[],
): Promise<void> {
  await tx.networkEndpoint.createMany({ data: endpoints.map((row) => ({ hostId, generation, ...row })) });
}
export async function markEndpoints(
  tx: Transaction,
  hostId: number,
  generation: number,
  attachmentIds: string[],
): Promise<void> {
  const where = { hostId, attachmentId: { in: attachmentIds } };
  await tx.networkEndpoint.updateMany({ where, data: { generation } });
}
export async function deleteEndpoints(
  tx: Transaction,
  hostId: number,
  attachmentIds: string[],
): Promise<void> {
  await tx.networkEndpoint.deleteMany({ where: { hostId, attachmentId: { in: attachmentIds } } });
}

// ---- identities ----

export type LabelSet = { hash: string; labels: Labels };

/** Keeps them from being forgotten, also by who is about to. At most a write an hour each. */
export async function touchIdentities(tx: Transaction, hashes: readonly string[]): Promise<void> {
  await tx.$executeRaw`
    update identities set last_used_at = now() where id in (
      select id from identities where hash = any(${hashes}::text[]) and last_used_at < now() - interval '1 hour'
      order by id for no key update)`;
}
export const findIdentities = (
  tx: Transaction,
  hashes: readonly string[],
): Promise<{ id: number; hash: string }[]> =>
  tx.identity.findMany({ where: { hash: { in: [...hashes] } }, select: { id: true, hash: true } });

/** A number or a set that is taken meanwhile is left out: look again. In the order of hashes, so that two meet once. */
export async function insertIdentities(tx: Transaction, sets: readonly LabelSet[]): Promise<void> {
  await tx.$executeRaw`
    insert into identities (hash, labels)
    select s->>'hash', s->'labels' from jsonb_array_elements(${JSON.stringify(sets)}::jsonb) s order by 1
    on conflict do nothing`;
}
/** From now on they rest. One that somebody else is writing is in use, or rests from then on. */
export async function giveUpIdentities(tx: Transaction, ids: readonly number[]): Promise<void> {
  await tx.$executeRaw`
    update identities set last_used_at = now() where id in (
      select id from identities where id = any(${ids}::int[]) for no key update skip locked)`;
}
export async function forgetIdentities(): Promise<void> {
  await pool().query(
    `delete from identities i where last_used_at < now() - interval '1 day'
       and not exists (select from network_endpoints e where e.identity_id = i.id)`,
  );
}

// ---- who asked for what ----

const LEASES = leaseSql("resolve_leases", { address: "inet" });

export async function saveLeases(
  hostId: number,
  addresses: readonly string[],
  seconds: number,
): Promise<void> {
  await pool().query(LEASES.save, [hostId, seconds, addresses]);
  await pool().query(LEASES.trim, [hostId]);
}
export async function deleteEndedLeases(): Promise<void> {
  await pool().query(LEASES.forget);
}

export async function findAskers(addresses: readonly string[]): Promise<number[]> {
  const { rows } = await pool().query<{ hostId: number }>(LEASES.askers, [addresses]);
  return rows.map((row) => row.hostId);
}
/** Who asked for any address of the host. */
export async function findAskersOf(hostId: number): Promise<number[]> {
  const { rows } = await pool().query<{ hostId: number }>(
    `select distinct l.host_id as "hostId" from network_endpoints e
     join resolve_leases l on l.address in (e.address4, e.address6)
     where e.host_id = $1 and l.until > now()`,
    [hostId],
  );
  return rows.map((row) => row.hostId);
}
export async function findIdentityIdsOf(hostId: number): Promise<number[]> {
  const { rows } = await pool().query<{ id: number }>(
    "select distinct identity_id as id from network_endpoints where host_id = $1",
    [hostId],
  );
  return rows.map((row) => row.id);
}
export const tell = (hostIds: readonly number[]): Promise<void> =>
  notifyHosts(pool(), "millrace_network", hostIds);

// ---- where an address is ----

export type Asked = { address: string; poolId: number; index: number };
export type Place = {
  hostId: number | null;
  revoked: boolean | null;
  host: string | null;
  underlay: Underlay | null;
  identity: number | null;
  labels: Labels | null;
};
/** One probe of an index for each part of an answer, however many hosts there are. */
export const PLACES = `
  select b.host_id as "hostId", h.revoked_at is not null as revoked, h.name as host,
    case when u.host_id is not null then jsonb_build_object('uplink4', host(u.uplink4), 'uplink6', host(u.uplink6),
      'mac', u.mac, 'mtu', u.mtu, 'vtepPort', u.vtep_port) end as underlay,
    i.id as identity, i.labels
  from unnest($1::inet[], $2::int[], $3::int[]) with ordinality asked(address, pool_id, index, nth)
  left join blocks b on b.pool_id = asked.pool_id and b.index = asked.index
  left join hosts h on h.id = b.host_id
  left join underlays u on u.host_id = b.host_id
  left join network_endpoints e4 on e4.address4 = asked.address and e4.host_id = b.host_id
  left join network_endpoints e6 on e6.address6 = asked.address and e6.host_id = b.host_id
  left join identities i on i.id = coalesce(e4.identity_id, e6.identity_id)
  order by nth`;
/** In the order asked. */
export async function findPlaces(asked: readonly Asked[]): Promise<Place[]> {
  const column = <Key extends keyof Asked>(key: Key) => asked.map((one) => one[key]);
  const { rows } = await pool().query<Place>(PLACES, [column("address"), column("poolId"), column("index")]);
  return rows;
}

export type HostAt = { address: string; name: string | null; underlay: Underlay | null };
/** In the order asked; of two that say they have an address, the one that was heard last. */
export async function findHostsAt(addresses: readonly string[]): Promise<HostAt[]> {
  const { rows } = await pool().query<HostAt>(
    `select asked.address, found.name, found.underlay
     from unnest($1::text[]) with ordinality asked(address, nth)
     left join lateral (
       select h.name, jsonb_build_object('uplink4', host(u.uplink4), 'uplink6', host(u.uplink6),
         'mac', u.mac, 'mtu', u.mtu, 'vtepPort', u.vtep_port) as underlay
       from underlays u join hosts h on h.id = u.host_id
       where (u.uplink4 = asked.address::inet or u.uplink6 = asked.address::inet) and h.revoked_at is null
       order by h.heartbeat_at desc nulls last limit 1
     ) found on true
     order by nth`,
    [addresses],
  );
  return rows;
}
