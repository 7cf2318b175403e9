/**
 * Single addresses out of this host's blocks: the next free one after the last given, round about, so that a freed
 * address rests as long as the block allows. Both families of one pod have the same place in their blocks.
 */
import type { LeasedBlock, PoolFacts } from "@millrace/contract/network";
import { addressText, lastOf, type Prefix, parsePrefix } from "@millrace/contract/prefix";
import type { Allocation } from "../attachment/pod-attachments.ts";

type Range = { pool: PoolFacts; prefix4: Prefix | undefined; prefix6: Prefix | undefined; size: number };

export class Addresses {
  #ranges: Range[] = [];
  #last = -1;

  set(pools: readonly PoolFacts[], blocks: readonly LeasedBlock[]): void {
    this.#ranges = blocks.flatMap((block) => {
      const pool = pools.find(({ name }) => name === block.pool);
      return pool ? [rangeOf(pool, block)] : [];
    });
  }
  get size(): number {
    return this.#ranges.reduce((sum, { size }) => sum + size, 0);
  }

  /** Undefined when all are taken. */
  next(taken: ReadonlySet<string>): Allocation | undefined {
    const { size } = this;
    for (let step = 1; step <= size; step++) {
      const at = (this.#last + step) % size;
      const allocation = this.#at(at);
      if (allocation.addresses.some(({ address }) => taken.has(address))) continue;
      this.#last = at;
      return allocation;
    }
    return undefined;
  }

  #at(position: number): Allocation {
    let left = position;
    const range = this.#ranges.find(({ size }) => {
      if (left < size) return true;
      left -= size;
      return false;
    }) as Range;
    const { pool } = range;
    const at = (prefix: Prefix | undefined, gateway: string) =>
      prefix === undefined
        ? []
        : [{ address: addressText({ family: prefix.family, value: prefix.first + BigInt(left) }), gateway }];
    return {
      ...{ pool: pool.name, mtuOverhead: pool.mtuOverhead },
      addresses: [...at(range.prefix4, pool.gateway4), ...at(range.prefix6, pool.gateway6)],
    };
  }
}

function rangeOf(pool: PoolFacts, { prefix4, prefix6 }: LeasedBlock): Range {
  const range = {
    pool,
    prefix4: prefix4 === null ? undefined : parsePrefix(prefix4),
    prefix6: prefix6 === null ? undefined : parsePrefix(prefix6),
  };
  const sizes = [range.prefix4, range.prefix6].flatMap((prefix) =>
    prefix ? [Number(lastOf(prefix).value - prefix.first) + 1] : [],
  );
  return { ...range, size: Math.min(...sizes) };
}
