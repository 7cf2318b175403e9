/**
 * Pools of addresses as operators make and remove them, and as agents are told of them. Whose the blocks are is block.ts's;
 * which prefixes a pool may have, the contract's.
 */
import { AppError } from "@millrace/contract/error";
import { GATEWAY4, GATEWAY6, OVERLAY_BYTES, type PoolFacts } from "@millrace/contract/network";
import {
  type CreatePoolInput,
  type HeldBlocksView,
  MOST_HELD,
  MOST_POOLS,
  type PoolView,
} from "@millrace/contract/pool";
import { cutPool, overlaps, parsePrefix, prefixText } from "@millrace/contract/prefix";
import { type Author, change, type Transaction } from "../audit/service.ts";
import { findServiceRanges } from "./range.ts";
import * as repo from "./repo.ts";

export { blocksOf, leaseBlocks, releaseBlocks, SILENT_MS, sweepBlocks } from "./block.ts";
export {
  findServiceRanges,
  getServiceRanges,
  lockAddressPlan,
  plannedServiceRanges,
  prefixesOf,
  setServiceRanges,
  settleServiceRanges,
} from "./range.ts";
export type { BlockRow, PoolRow } from "./repo.ts";
export { asOnlyPoolMaker } from "./repo.ts";

const refused = (code: "CONFLICT" | "NOT_FOUND", why: string): AppError =>
  new AppError(code, why, { publicMessage: why });

export const findPools = (tx?: Transaction): Promise<repo.PoolRow[]> => repo.findPools(tx);

export async function listPools(): Promise<PoolView[]> {
  const [pools, use] = await Promise.all([repo.findPools(), repo.findUse()]);
  return pools.map((pool) => viewOf(pool, use.get(pool.id)));
}

function viewOf({ id: _, createdAt, ...pool }: repo.PoolRow, use?: repo.Use): PoolView {
  const total = cutPool(pool).count;
  const { leased = 0, quarantined = 0, ip4 = 0, ip6 = 0 } = use ?? {};
  return {
    ...pool,
    createdAtMs: createdAt.getTime(),
    blocks: { total, leased, quarantined, free: total - leased - quarantined },
    addressesUsed: { ip4, ip6 },
  };
}

export async function listHeld(): Promise<HeldBlocksView> {
  const rows = await repo.findHeld(MOST_HELD);
  const held = rows.map(({ total: _, ...row }) => row);
  return { held, more: (rows[0]?.total ?? 0) - held.length };
}

/** What its agents need to know of a pool. */
export const factsOf = ({ id: _, createdAt: __, ...pool }: repo.PoolRow): PoolFacts => ({
  ...pool,
  mtuOverhead: pool.mode === "overlay" ? OVERLAY_BYTES : 0,
  gateway4: GATEWAY4,
  gateway6: GATEWAY6,
});

export async function createPool(input: CreatePoolInput, author: Author): Promise<PoolView> {
  const pool = { ...input, prefix4: input.prefix4 ?? null, prefix6: input.prefix6 ?? null };
  const { name, ...detail } = pool;
  const made = await change({ author, action: "pools.create", target: name, detail }, async (tx) => {
    await repo.asOnlyPoolMaker(tx);
    const others = await repo.findPools(tx);
    if (others.some((other) => other.name === name))
      throw refused("CONFLICT", `name: there is a pool “${name}” already`);
    if (others.length >= MOST_POOLS)
      throw refused("CONFLICT", `there are ${MOST_POOLS} pools, the most there may be`);
    await refuseClash(tx, "prefix4", pool.prefix4, others);
    await refuseClash(tx, "prefix6", pool.prefix6, others);
    const row = await repo.insertPool(tx, pool);
    await repo.tellAll(tx);
    return row;
  });
  return viewOf(made);
}

/** An address means one thing: a pod of one pool, a service, or a host. */
async function refuseClash(
  tx: Transaction,
  field: "prefix4" | "prefix6",
  text: string | null,
  others: readonly repo.PoolRow[],
): Promise<void> {
  const prefix = text === null ? undefined : parsePrefix(text);
  if (!prefix || text === null) return;
  for (const other of others) {
    const there = other[field] === null ? undefined : parsePrefix(other[field]);
    if (there && overlaps(prefix, there))
      throw refused("CONFLICT", `${field}: ${text} overlaps ${other[field]} of pool “${other.name}”`);
  }
  const range = parsePrefix((await findServiceRanges(tx))?.[field] ?? "");
  if (range && overlaps(prefix, range))
    throw refused("CONFLICT", `${field}: ${text} overlaps ${prefixText(range)}, the range of services`);
  const used = await repo.findUplinkIn(tx, text);
  if (used)
    throw refused(
      "CONFLICT",
      `${field}: ${text} holds ${used.uplink}, by which host “${used.host}” is reached`,
    );
}

/** Only when no block of it is anybody's: pods have addresses of those that are. */
export async function removePool(name: string, author: Author): Promise<{ name: string }> {
  await change({ author, action: "pools.remove", target: name }, async (tx) => {
    const [pool] = await repo.lockPools(tx, [name]);
    if (!pool) throw refused("NOT_FOUND", `there is no pool “${name}”`);
    const held = await repo.countHeld(tx, pool.id);
    if (held > 0) throw refused("CONFLICT", `pool “${name}”: hosts hold ${held} of its blocks`);
    await repo.deletePool(tx, pool.id);
    await repo.tellAll(tx);
  });
  return { name };
}
