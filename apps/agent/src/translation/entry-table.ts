/**
 * The host's translated connections, found by the tuple that either of its ends sends. Bounded: what doesn't fit is
 * counted. An entry that was destroyed stays until the next reading, for the flows that ended with it. Does not read
 * the kernel: translations.ts feeds it.
 */
import { hashTuple, sameTuple } from "./tuple.ts";

/** Words of a record: op and protocol, then the opener's tuple, then the one its answers have. */
export const RECORD_WORDS = 19;
export const ORIG = 1;
export const REPLY = 10;
const OP_DESTROYED = 2;
const NONE = -1;

/** Record × 76 bytes, and two places in the index: about 11 MB when full. */
export const MOST_ENTRIES = 65_536;

export type Found = { slot: number; side: typeof ORIG | typeof REPLY };

export class EntryTable {
  readonly #most: number;
  #words = new Uint32Array(256 * RECORD_WORDS);
  /** Chains of slot * 2 + side, by the tuple's hash. */
  readonly #heads = new Map<number, number>();
  #next = new Int32Array(512);
  #seenIn = new Uint32Array(256);
  #free: number[] = [];
  #used = 0;
  #round = 1;
  #destroyed: number[] = [];
  size = 0;
  /** Entries that found no room. */
  refused = 0;

  constructor(most = MOST_ENTRIES) {
    this.#most = most;
  }
  get words(): Uint32Array {
    return this.#words;
  }

  /** The entry one of whose ends sends this tuple. */
  find(words: Uint32Array, at: number, proto: number): Found | undefined {
    if (this.size === 0) return undefined;
    for (let link = this.#heads.get(hashTuple(words, at, proto)) ?? NONE; link !== NONE; ) {
      const slot = link >> 1;
      const side = link & 1 ? REPLY : ORIG;
      if (this.#protoOf(slot) === proto && sameTuple(this.#words, slot * RECORD_WORDS + side, words, at))
        return { slot, side };
      link = this.#next[link] as number;
    }
    return undefined;
  }

  /** Takes in records in the order they were told; those destroyed since the last call go first. */
  apply(records: Uint32Array): void {
    for (const slot of this.#destroyed)
      if (this.#seenIn[slot] === 0 && this.#isLive(slot)) this.#remove(slot);
    this.#destroyed = [];
    for (let at = 0; at + RECORD_WORDS <= records.length; at += RECORD_WORDS) {
      if (((records[at] as number) & 0xff) === OP_DESTROYED) this.#markDestroyed(records, at);
      else this.#put(records, at);
    }
  }

  /** A dump says all there is: what it doesn't name has gone. */
  replace(records: Uint32Array): void {
    this.#round++;
    this.apply(records);
    for (let slot = 0; slot < this.#used; slot++)
      if (this.#isLive(slot) && this.#seenIn[slot] !== this.#round) this.#remove(slot);
  }

  #put(records: Uint32Array, at: number): void {
    const slot = this.#own(records, at) ?? this.#allocate();
    if (slot === undefined) {
      this.refused++;
      return;
    }
    if (this.#isLive(slot)) this.#unlink(slot);
    else this.size++;
    this.#words.set(records.subarray(at, at + RECORD_WORDS), slot * RECORD_WORDS);
    this.#seenIn[slot] = this.#round;
    this.#link(slot, ORIG);
    this.#link(slot, REPLY);
  }

  /** By its opener's tuple, which is unique in the kernel's table. */
  #own(records: Uint32Array, at: number): number | undefined {
    const found = this.find(records, at + ORIG, ((records[at] as number) >>> 8) & 0xff);
    return found?.side === ORIG ? found.slot : undefined;
  }

  #markDestroyed(records: Uint32Array, at: number): void {
    const slot = this.#own(records, at);
    if (slot === undefined) return;
    if (!sameTuple(this.#words, slot * RECORD_WORDS + REPLY, records, at + REPLY)) return;
    this.#seenIn[slot] = 0;
    this.#destroyed.push(slot);
  }

  #remove(slot: number): void {
    this.#unlink(slot);
    this.#words[slot * RECORD_WORDS] = 0;
    this.#free.push(slot);
    this.size--;
  }
  #protoOf(slot: number): number {
    return ((this.#words[slot * RECORD_WORDS] as number) >>> 8) & 0xff;
  }
  /** The record's first word holds its op, which is never 0. */
  #isLive(slot: number): boolean {
    return this.#words[slot * RECORD_WORDS] !== 0;
  }

  #link(slot: number, side: typeof ORIG | typeof REPLY): void {
    const hash = hashTuple(this.#words, slot * RECORD_WORDS + side, this.#protoOf(slot));
    const link = slot * 2 + (side === REPLY ? 1 : 0);
    this.#next[link] = this.#heads.get(hash) ?? NONE;
    this.#heads.set(hash, link);
  }
  #unlink(slot: number): void {
    for (const [side, link] of [
      [ORIG, slot * 2],
      [REPLY, slot * 2 + 1],
    ] as const) {
      const hash = hashTuple(this.#words, slot * RECORD_WORDS + side, this.#protoOf(slot));
      const after = this.#next[link] as number;
      let before = this.#heads.get(hash) as number;
      if (before === link) {
        if (after === NONE) this.#heads.delete(hash);
        else this.#heads.set(hash, after);
        continue;
      }
      while (this.#next[before] !== link) before = this.#next[before] as number;
      this.#next[before] = after;
    }
  }

  #allocate(): number | undefined {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#used === this.#most) return undefined;
    if (this.#used * RECORD_WORDS === this.#words.length) this.#grow();
    return this.#used++;
  }
  #grow(): void {
    this.#words = grown(this.#words, new Uint32Array(this.#words.length * 2));
    this.#next = grown(this.#next, new Int32Array(this.#next.length * 2));
    this.#seenIn = grown(this.#seenIn, new Uint32Array(this.#seenIn.length * 2));
  }
}

function grown<T extends Uint32Array | Int32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
