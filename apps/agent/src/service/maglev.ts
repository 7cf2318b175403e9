/**
 * Consistent hashing after Maglev (Eisenbud et al., NSDI 2016): a table of slots, each a backend's, in which every backend
 * has its share and few slots change hands when backends come and go. Pure, and a function of the backends alone: two hosts
 * with the same backends have the same table, whatever happened before.
 */
import { hashText } from "@millrace/contract/hash";

/** Primes: every skip then visits every slot. Each about twice the one before, so that few changes move a table. */
export const TABLE_SIZES = [251, 509, 1021, 2039, 4093, 8191, 16_381, 32_749, 65_537] as const;
/** Slots to a backend: no share is off by more than a hundredth. */
const SLOTS_PER_BACKEND = 100;
/** Slots of the lightest: its share is off by a tenth at most. */
const SLOTS_OF_LIGHTEST = 10;
const OFFSET_SEED = 0x4d52;
const SKIP_SEED = 0x534b;

export type Candidate = { name: string; weight: number };

/** How large a table they should have. The largest may be smaller than that. */
export function tableSize(candidates: readonly Candidate[]): number {
  const sum = candidates.reduce((total, { weight }) => total + weight, 0);
  const lightest = candidates.reduce((least, { weight }) => Math.min(least, weight), sum);
  const wanted = Math.max(
    candidates.length * SLOTS_PER_BACKEND,
    lightest > 0 ? (sum / lightest) * SLOTS_OF_LIGHTEST : 0,
  );
  return TABLE_SIZES.find((size) => size >= wanted) ?? largest;
}
const largest = TABLE_SIZES[TABLE_SIZES.length - 1] as number;

/** For each slot the place of its owner in `candidates`, of which there is at least one. `size` is one of TABLE_SIZES. */
export function maglevTable(size: number, candidates: readonly Candidate[]): Uint32Array {
  const table = new Uint32Array(size).fill(UNOWNED);
  const turns = turnsOf(size, candidates);
  const heaviest = Math.max(...candidates.map(({ weight }) => weight));
  for (let filled = 0; ; ) {
    for (const turn of turns) {
      turn.credit += turn.weight;
      if (turn.credit < heaviest || turn.quota === 0) continue;
      turn.credit -= heaviest;
      turn.quota--;
      takeNext(table, turn);
      if (++filled === size) return table;
    }
  }
}
const UNOWNED = 0xffff_ffff;

type Turn = { place: number; weight: number; quota: number; credit: number; slot: number; skip: number };

/** In the order of their names, so that nobody's share depends on the order they came in. */
function turnsOf(size: number, candidates: readonly Candidate[]): Turn[] {
  const turns = candidates
    .map(({ name, weight }, place) => ({ name, place, weight }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, place, weight }) => ({
      ...{ place, weight, quota: 0, credit: 0 },
      slot: hashText(name, OFFSET_SEED) % size,
      skip: (hashText(name, SKIP_SEED) % (size - 1)) + 1,
    }));
  setQuotas(size, turns);
  return turns;
}

/** The whole part of each share; the slots that are left go to those whose share has the largest rest. */
function setQuotas(size: number, turns: readonly Turn[]): void {
  const sum = turns.reduce((total, { weight }) => total + weight, 0);
  for (const turn of turns) turn.quota = Math.floor((size * turn.weight) / sum);
  const left = size - turns.reduce((total, { quota }) => total + quota, 0);
  const rest = ({ weight }: Turn) => (size * weight) % sum;
  for (const turn of [...turns].sort((a, b) => rest(b) - rest(a)).slice(0, left)) turn.quota++;
}

/** The first free slot of its own order. */
function takeNext(table: Uint32Array, turn: Turn): void {
  while (table[turn.slot] !== UNOWNED) turn.slot = (turn.slot + turn.skip) % table.length;
  table[turn.slot] = turn.place;
}
