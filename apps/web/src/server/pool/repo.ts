/** pools, blocks, and which virtual addresses lie where. Which changes of a block are allowed is contract's machines/block.ts; which prefixes a pool may have, pool.ts's. */
import type { BlockState } from "@millrace/contract/machines/block";
import type { HeldBlocks } from "@millrace/contract/pool";
import type { BlockPrefixes } from "@millrace/contract/prefix";
import type { Transaction } from "../audit/service.ts";
import { pool as connections, prisma } from "../db.ts";
import type { Prisma } from "../generated/prisma/client.ts";

export type PoolRow = Omit<Prisma.PoolGetPayload<object>, "mode"> & { mode: "direct" | "overlay" };
/** What stands in `mode` was checked when it was written. */
const typed = (row: Prisma.PoolGetPayload<object>): PoolRow => row as PoolRow;

export async function findPools(tx: Transaction = prisma()): Promise<PoolRow[]> {
  return (await tx.pool.findMany({ orderBy: { name: "asc" } })).map(typed);
}

/** Until the transaction's end: nobody else leases a block of it, or removes it. In the order of names, so that two who lock several meet once. */
export async function lockPools(tx: Transaction, names: readonly string[]): Promise<PoolRow[]> {
  await tx.$queryRaw`select 1 from pools where name = any(${names}::text[]) order by name for no key update`;
  const rows = await tx.pool.findMany({ where: { name: { in: [...names] } }, orderBy: { name: "asc" } });
  return rows.map(typed);
}

/** Until the transaction's end: who compares prefixes with those of other pools and adds one does so alone. */
export async function asOnlyPoolMaker(tx: Transaction): Promise<void> {
  await tx.$executeRaw`select pg_advisory_xact_lock(7318003)`;
}
export type NewPool = Omit<PoolRow, "id" | "createdAt">;
export async function insertPool(tx: Transaction, pool: NewPool): Promise<PoolRow> {
  return typed(await tx.pool.create({ data: pool }));
}
export async function deletePool(tx: Transaction, id: number): Promise<void> {
  await tx.pool.delete({ where: { id }, select: { id: true } });
}

/** A host that is reached by an address in the prefix; one that may not speak any more is not. */
export async function findUplinkIn(
  tx: Transaction,
  prefix: string,
): Promise<{ host: string; uplink: string } | undefined> {
  const [found] = await tx.$queryRaw<{ host: string; uplink: string }[]>`
    select h.name as host, host(uplink) as uplink
    from underlays u join hosts h on h.id = u.host_id, unnest(array[u.uplink4, u.uplink6]) uplink
    where uplink << ${prefix}::inet and h.revoked_at is null order by h.name limit 1`;
  return found;
}

/** A virtual address outside all of the ranges, with whose it is. */
export async function findServiceOutside(
  tx: Transaction,
  ranges: readonly string[],
): Promise<{ address: string; service: string } | undefined> {
  const [found] = await tx.$queryRaw<{ address: string; service: string }[]>`
    select host(a.address) as address, d.namespace || '/' || d.name as service
    from service_addresses a join documents d on d.id = a.document_id
    where not exists (select from unnest(${[...ranges]}::inet[]) range where a.address << range)
    order by a.address limit 1`;
  return found;
}
export async function countServiceAddresses(): Promise<{ ip4: number; ip6: number }> {
  const { rows } = await connections().query<{ ip4: number; ip6: number }>(
    `select count(*) filter (where family(address) = 4)::int as ip4,
       count(*) filter (where family(address) = 6)::int as ip6 from service_addresses`,
  );
  return rows[0] as { ip4: number; ip6: number };
}

export type Use = { leased: number; quarantined: number; ip4: number; ip6: number };
/** Of each pool. Addresses are counted between a prefix's first and last, which is how their index is ordered. */
export async function findUse(): Promise<Map<number, Use>> {
  const { rows } = await connections().query<Use & { id: number }>(
    `select p.id,
       (select count(*)::int from blocks b where b.pool_id = p.id and b.state = 'leased') as leased,
       (select count(*)::int from blocks b where b.pool_id = p.id and b.state = 'quarantined') as quarantined,
       (select count(*)::int from network_endpoints e where e.address4 between
         set_masklen(p.prefix4, 32) and set_masklen(broadcast(p.prefix4), 32)) as ip4,
       (select count(*)::int from network_endpoints e where e.address6 between
         set_masklen(p.prefix6, 128) and set_masklen(broadcast(p.prefix6), 128)) as ip6
     from pools p`,
  );
  return new Map(rows.map(({ id, ...use }) => [id, use]));
}

/** By host, pool and state; those of silent hosts first. `total`: how many there are beyond the limit, too. */
export async function findHeld(most: number): Promise<(HeldBlocks & { total: number })[]> {
  const { rows } = await connections().query<HeldBlocks & { total: number }>(
    `select p.name as pool, h.name as host, b.state,
       json_agg(json_build_object('prefix4', b.prefix4::text, 'prefix6', b.prefix6::text) order by b.index) as blocks,
       extract(epoch from max(b.last_confirmed_at))::float8 * 1000 as "confirmedAtMs",
       (select count(*)::int from network_endpoints e where e.host_id = b.host_id) as endpoints,
       (count(*) over ())::int as total
     from blocks b join pools p on p.id = b.pool_id join hosts h on h.id = b.host_id
     group by p.name, h.name, b.host_id, b.state
     order by b.state = 'quarantined' desc, h.name, p.name limit $1`,
    [most],
  );
  return rows;
}

/** Blocks that are somebody's. */
export const countHeld = (tx: Transaction, poolId: number): Promise<number> =>
  tx.block.count({ where: { poolId, hostId: { not: null } } });

const WITH_POOL = { pool: { select: { name: true } } } satisfies Prisma.BlockInclude;
export type BlockRow = Prisma.BlockGetPayload<{ include: typeof WITH_POOL }>;

export const findBlocks = (hostId: number, tx: Transaction = prisma()): Promise<BlockRow[]> =>
  tx.block.findMany({
    where: { hostId },
    include: WITH_POOL,
    orderBy: [{ poolId: "asc" }, { index: "asc" }],
  });

/** The first index that was never leased; those before it have rows. The pool is locked. */
export async function firstUnused(tx: Transaction, poolId: number): Promise<number> {
  const { _max } = await tx.block.aggregate({ where: { poolId }, _max: { index: true } });
  return (_max.index ?? -1) + 1;
}

export type NewBlock = BlockPrefixes & { index: number };
export async function insertBlocks(
  tx: Transaction,
  state: BlockState,
  owner: { poolId: number; hostId: number },
  blocks: readonly NewBlock[],
): Promise<void> {
  const column = <Key extends keyof NewBlock>(key: Key) => blocks.map((block) => block[key]);
  await tx.$executeRaw`
    insert into blocks (pool_id, index, host_id, prefix4, prefix6, state, generation, leased_at, last_confirmed_at)
    select ${owner.poolId}, index, ${owner.hostId}, prefix4::inet, prefix6::inet, ${state}, 1, now(), now()
    from unnest(${column("index")}::int[], ${column("prefix4")}::text[], ${column("prefix6")}::text[])
      block(index, prefix4, prefix6)`;
}

export type Step = { from: BlockState; to: BlockState };

/** At most `count` blocks that are free, those first that rested longest; how many there were. The pool is locked. */
export const takeFree = (
  tx: Transaction,
  { from, to }: Step,
  poolId: number,
  hostId: number,
  count: number,
): Promise<number> =>
  tx.$executeRaw`
    update blocks set state = ${to}, host_id = ${hostId}, generation = generation + 1,
      leased_at = now(), last_confirmed_at = now()
    where (pool_id, index) in (
      select pool_id, index from blocks where pool_id = ${poolId} and state = ${from}
      order by last_confirmed_at, index limit ${count})`;

/** The host speaks: its blocks are confirmed, and those taken for lost are back. */
export async function confirm(tx: Transaction, back: Step, hostId: number): Promise<void> {
  await tx.$executeRaw`
    update blocks set last_confirmed_at = now(), state = case state when ${back.from} then ${back.to} else state end
    where host_id = ${hostId}`;
}
export async function moveBlocksOf(tx: Transaction, { from, to }: Step, hostId: number): Promise<void> {
  await tx.block.updateMany({ where: { hostId, state: from }, data: { state: to } });
}
export async function freeBlocksOf(tx: Transaction, { from, to }: Step, hostId: number): Promise<void> {
  await tx.block.updateMany({ where: { hostId, state: from }, data: { state: to, hostId: null } });
}

export type Moved = { host: string; blocks: number };
/**
 * Blocks in that state whose hosts have, or have not, been heard for so long. Blocks that are being changed are
 * left for the next round, so that nobody waits for this and this for nobody.
 */
export async function moveBySilence({ from, to }: Step, silent: boolean, afterMs: number): Promise<Moved[]> {
  const { rows } = await connections().query<Moved>(
    `with moved as (
       update blocks set state = $2 where (pool_id, index) in (
         select b.pool_id, b.index from blocks b join hosts h on h.id = b.host_id
         where b.state = $1 and $3 = (h.revoked_at is not null
           or greatest(h.heartbeat_at, b.last_confirmed_at) < now() - $4 * interval '1 ms')
         for update of b skip locked)
       returning host_id)
     select h.name as host, count(*)::int as blocks from moved join hosts h on h.id = moved.host_id
     group by h.name order by h.name`,
    [from, to, silent, afterMs],
  );
  return rows;
}

/** Every host: what it knows of pools is no longer so. Heard when the transaction commits. */
export async function tellAll(tx: Transaction): Promise<void> {
  await tx.$executeRaw`select pg_notify('millrace_network', '*')`;
}
/** Every host: which addresses may be services' is no longer as it was. Heard when the transaction commits. */
export async function tellAllOfRanges(tx: Transaction): Promise<void> {
  await tx.$executeRaw`select pg_notify('millrace_service', '*')`;
}
