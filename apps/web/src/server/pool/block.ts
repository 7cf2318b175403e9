/**
 * Which blocks of the pools are which host's. The one place where a block changes state, by the table in the contract.
 * A block is one host's until a person releases it, however long the host is silent: its pods may go on without its agent.
 */
import { AppError } from "@millrace/contract/error";
import { BLOCK, type BlockEvent, type BlockState } from "@millrace/contract/machines/block";
import { next } from "@millrace/contract/machines/machine";
import { type BlockName, LEASE_LIMITS, type LeasedBlock, type LeaseInput } from "@millrace/contract/network";
import { blockOf, cutPool } from "@millrace/contract/prefix";
import type { AgentHost } from "../agent-gateway/service.ts";
import type { Transaction } from "../audit/service.ts";
import * as repo from "./repo.ts";

function step(from: BlockState, event: BlockEvent): repo.Step {
  const to = next(BLOCK, from, event);
  if (!to) throw new Error(`no block that is ${from} knows the event ${event}`);
  return { from, to };
}
const LEASE = step("free", "lease");
const SILENCE = step("leased", "silence");
const RETURN = step("quarantined", "return");
const RELEASE = step("quarantined", "release");
/** A host that wasn't heard for so long is taken for silent. */
export const SILENT_MS = BLOCK.states.leased.deadline?.ms ?? 0;

const conflict = (why: string): AppError => new AppError("CONFLICT", why, { publicMessage: why });

export const blocksOf = (tx: Transaction, hostId: number): Promise<repo.BlockRow[]> =>
  repo.findBlocks(hostId, tx);

const nameOf = ({ pool, prefix4, prefix6 }: repo.BlockRow): BlockName => ({
  pool: pool.name,
  prefix4,
  prefix6,
});
const keyOf = ({ pool, prefix4, prefix6 }: BlockName): string => `${pool} ${prefix4} ${prefix6}`;

/**
 * All blocks that are the host's afterwards, and those it named that are not. All that it wants is leased, or nothing: then the
 * error names the pool. The caller holds the host's lock.
 */
export async function leaseBlocks(
  tx: Transaction,
  { hostId, hostName }: AgentHost,
  { blocks, want }: LeaseInput,
): Promise<{ blocks: LeasedBlock[]; notOwn: BlockName[] }> {
  await repo.confirm(tx, RETURN, hostId);
  const held = await repo.findBlocks(hostId, tx);
  const heldKeys = new Set(held.map((row) => keyOf(nameOf(row))));
  const named = new Map(blocks.map((name) => [keyOf(name), name]));
  const wanting = Object.entries(want).flatMap(([pool, more]) => {
    const known = [...named].filter(([key, name]) => name.pool === pool && heldKeys.has(key)).length;
    const count = known + more - held.filter((row) => row.pool.name === pool).length;
    return count > 0 ? [{ pool, count }] : [];
  });
  const sum = wanting.reduce((all, { count }) => all + count, held.length);
  if (sum > LEASE_LIMITS.blocksPerHost)
    throw conflict(`host ${hostName} would hold ${sum} blocks, and may hold ${LEASE_LIMITS.blocksPerHost}`);
  await take(tx, hostId, wanting);
  const own = wanting.length > 0 ? await repo.findBlocks(hostId, tx) : held;
  for (const row of own) named.delete(keyOf(nameOf(row)));
  return {
    blocks: own.map((row) => ({ ...nameOf(row), generation: row.generation })),
    notOwn: [...named.values()],
  };
}

type Wanting = { pool: string; count: number };
async function take(tx: Transaction, hostId: number, wanting: readonly Wanting[]): Promise<void> {
  if (wanting.length === 0) return;
  const pools = await repo.lockPools(
    tx,
    wanting.map(({ pool }) => pool),
  );
  for (const { pool: name, count } of wanting) {
    const pool = pools.find((row) => row.name === name);
    if (!pool)
      throw new AppError("NOT_FOUND", `there is no pool ${name}`, {
        publicMessage: `There is no pool “${name}”`,
      });
    await takeOf(tx, pool, hostId, count);
  }
}

/** First what was never used, then what rested longest: an address that somebody may still send to is given out last. */
async function takeOf(tx: Transaction, pool: repo.PoolRow, hostId: number, count: number): Promise<void> {
  const cut = cutPool(pool);
  const unused = await repo.firstUnused(tx, pool.id);
  const unusedCount = Math.min(count, cut.count - unused);
  const indexes = Array.from({ length: unusedCount }, (_, i) => unused + i);
  const made = indexes.map((index) => ({ index, ...blockOf(cut, index) }));
  if (made.length > 0) await repo.insertBlocks(tx, LEASE.to, { poolId: pool.id, hostId }, made);
  const taken =
    made.length < count ? await repo.takeFree(tx, LEASE, pool.id, hostId, count - made.length) : 0;
  if (made.length + taken < count)
    throw conflict(
      `pool ${pool.name} is exhausted: of its ${cut.count} blocks ${made.length + taken} are free, ${count} are wanted`,
    );
}

/** By presence: blocks of silent hosts are quarantined, those of hosts that are heard again are theirs as before. */
export async function sweepBlocks(): Promise<{ quarantined: repo.Moved[]; returned: repo.Moved[] }> {
  return {
    quarantined: await repo.moveBySilence(SILENCE, true, SILENT_MS),
    returned: await repo.moveBySilence(RETURN, false, SILENT_MS),
  };
}

/** All blocks of a host that the caller knows to be silent are free. The caller holds the host's lock. */
export async function releaseBlocks(tx: Transaction, hostId: number): Promise<BlockName[]> {
  const held = await repo.findBlocks(hostId, tx);
  await repo.moveBlocksOf(tx, SILENCE, hostId);
  await repo.freeBlocksOf(tx, RELEASE, hostId);
  return held.map(nameOf);
}
