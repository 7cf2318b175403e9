/**
 * What has been reported of every flow: an open-addressing table over one block of memory. A slot's bytes
 * are at the same time the entry in the spool, so that committing, replaying and snapshotting are copies.
 * No objects per flow: tens of thousands of them are compared every second.
 */
import { FLOW_KEY_SIZE } from "@millrace/abi/generated/flow";
import { finish, mix } from "@millrace/contract/hash";
import { addressKey } from "../endpoint/address.ts";

export const KEY_WORDS = FLOW_KEY_SIZE / 4;
export const ENTRY_BYTES = 160;
const ENTRY_WORDS = ENTRY_BYTES / 4;
const ENTRY_DOUBLES = ENTRY_BYTES / 8;

/** 32-bit words of an entry. The key comes first, as the kernel has it. */
export const WORD = {
  flags: 11,
  firstSeenLow: 12,
  firstSeenHigh: 13,
  tcp: 14, // egress flags, ingress flags, state, opener: a byte each, as in the record
  drops: 15,
  retransmits: 16,
  opens: 17,
  lastSeen: 18, // as `seenWord` has it
  translation: 19, // the other side's number in FlowTranslations, 0 for none
  id: 20, // four words
  slowPackets: 38, // those between are the doubles'
  asked: 39, // the service that was asked for, by its number in FlowTranslations, 0 for none
} as const;
/** 64-bit floats of an entry. */
export const DOUBLE = { firstSeenUs: 12, counters: 13 } as const;
/** Packets, segments, bytes of egress, then of ingress. */
export const COUNTERS = 6;
export const FLAG_REVERSED = 1; // the far end is the source
export const FLAG_FINAL = 2; // reported for the last time; the kernel's entry waits for its deletion
export const FLAG_TIERED = 4; // `slowPackets` is set: it isn't in entries of agents before it

const EMPTY = -1;
/** Of a key: where the far end's address begins. */
const REMOTE = 4;

/** 2^27 ns, 0.13 s: as coarse as being quiet may be told, and good for 18 years since the boot. */
export const SEEN_NS = 2 ** 27;
/** A kernel time stamp's two words as one, rounded down to SEEN_NS. */
export const seenWord = (low: number, high: number): number => ((high << 5) | (low >>> 27)) >>> 0;

export class FlowBaseline {
  #capacity: number;
  #words: Uint32Array;
  #doubles: Float64Array;
  #index: Int32Array;
  /** Entries are dense: slot `size - 1` is the last. */
  size = 0;

  /** Room for as many at once: memory that isn't written to costs nothing, and growing would hold it twice. */
  constructor(capacity = 256) {
    this.#capacity = 2 ** Math.ceil(Math.log2(Math.max(capacity, 256)));
    this.#words = new Uint32Array(this.#capacity * ENTRY_WORDS);
    this.#doubles = new Float64Array(this.#words.buffer);
    this.#index = new Int32Array(this.#capacity * 2).fill(EMPTY);
  }

  get words(): Uint32Array {
    return this.#words;
  }
  get doubles(): Float64Array {
    return this.#doubles;
  }
  wordAt(slot: number, word: number): number {
    return this.#words[slot * ENTRY_WORDS + word] as number;
  }
  doubleAt(slot: number, double: number): number {
    return this.#doubles[slot * ENTRY_DOUBLES + double] as number;
  }

  /** The slot of the key at `at` words into `keys`, or -1. */
  find(keys: Uint32Array, at: number): number {
    const mask = this.#index.length - 1;
    for (let i = hashKey(keys, at) & mask; ; i = (i + 1) & mask) {
      const slot = this.#index[i] as number;
      if (slot === EMPTY || sameKey(this.#words, slot * ENTRY_WORDS, keys, at)) return slot;
    }
  }

  /** Entries as `FlowChanges` wrote them: what is known is overwritten, what isn't is added. */
  apply(entries: Uint8Array): void {
    const source = aligned(entries);
    for (let at = 0; at + ENTRY_WORDS <= source.length; at += ENTRY_WORDS) {
      let slot = this.find(source, at);
      if (slot < 0) slot = this.#add(source, at);
      this.#words.set(source.subarray(at, at + ENTRY_WORDS), slot * ENTRY_WORDS);
    }
  }

  remove(keys: Uint32Array, at: number): boolean {
    const slot = this.find(keys, at);
    if (slot < 0) return false;
    this.removeSlot(slot);
    return true;
  }
  /** The far ends of all flows there are, as addressKey has them. */
  remotes(): Set<string | number> {
    const found = new Set<string | number>();
    for (let slot = 0; slot < this.size; slot++)
      found.add(addressKey(this.#words, slot * ENTRY_WORDS + REMOTE));
    return found;
  }
  /** The last slot moves into the hole, so a loop that removes must run from the end. */
  removeSlot(slot: number): void {
    this.#unlink(slot);
    const last = this.size - 1;
    if (slot !== last) {
      this.#index[this.#position(last)] = slot;
      this.#words.copyWithin(slot * ENTRY_WORDS, last * ENTRY_WORDS, (last + 1) * ENTRY_WORDS);
    }
    this.size = last;
  }
  clear(): void {
    this.#index.fill(EMPTY);
    this.size = 0;
  }

  /** All entries; a view, to be written before anything changes. */
  snapshot(): Uint8Array {
    return new Uint8Array(this.#words.buffer, 0, this.size * ENTRY_BYTES);
  }

  #add(keys: Uint32Array, at: number): number {
    if (this.size === this.#capacity) this.#grow();
    const slot = this.size++;
    const mask = this.#index.length - 1;
    let i = hashKey(keys, at) & mask;
    while (this.#index[i] !== EMPTY) i = (i + 1) & mask;
    this.#index[i] = slot;
    return slot;
  }

  #grow(): void {
    this.#capacity *= 2;
    const words = new Uint32Array(this.#capacity * ENTRY_WORDS);
    words.set(this.#words);
    this.#words = words;
    this.#doubles = new Float64Array(words.buffer);
    this.#index = new Int32Array(this.#capacity * 2).fill(EMPTY);
    const mask = this.#index.length - 1;
    for (let slot = 0; slot < this.size; slot++) {
      let i = hashKey(words, slot * ENTRY_WORDS) & mask;
      while (this.#index[i] !== EMPTY) i = (i + 1) & mask;
      this.#index[i] = slot;
    }
  }

  /** Where the index names this slot. */
  #position(slot: number): number {
    const mask = this.#index.length - 1;
    let i = hashKey(this.#words, slot * ENTRY_WORDS) & mask;
    while (this.#index[i] !== slot) i = (i + 1) & mask;
    return i;
  }

  /** Closes the gap in the probe sequence, so that no tombstones gather. */
  #unlink(slot: number): void {
    const mask = this.#index.length - 1;
    let hole = this.#position(slot);
    for (let i = (hole + 1) & mask; this.#index[i] !== EMPTY; i = (i + 1) & mask) {
      const home = hashKey(this.#words, (this.#index[i] as number) * ENTRY_WORDS) & mask;
      if (((i - home) & mask) >= ((i - hole) & mask)) {
        this.#index[hole] = this.#index[i] as number;
        hole = i;
      }
    }
    this.#index[hole] = EMPTY;
  }
}

function sameKey(own: Uint32Array, ownAt: number, keys: Uint32Array, at: number): boolean {
  for (let i = 0; i < KEY_WORDS; i++) if (own[ownAt + i] !== keys[at + i]) return false;
  return true;
}

/** murmur3's mixing over the key's words. */
export function hashKey(keys: Uint32Array, at: number, seed = 0): number {
  let h = seed;
  for (let i = 0; i < KEY_WORDS; i++) h = mix(h, keys[at + i] as number);
  return finish(h);
}
/** Bytes from a file may stand at any address; words may not. */
export function aligned(bytes: Uint8Array): Uint32Array {
  const whole = bytes.byteLength - (bytes.byteLength % 4);
  const source = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes); // a Buffer's slice copies nothing
  return new Uint32Array(source.buffer, source.byteOffset, whole / 4);
}

/** New entries of the batch under way, gathered while rows are written; applied once the spool has them. */
export class FlowChanges {
  #words = new Uint32Array(256 * ENTRY_WORDS);
  #doubles = new Float64Array(this.#words.buffer);
  #index = new Int32Array(2 * 256).fill(EMPTY);
  count = 0;

  get words(): Uint32Array {
    return this.#words;
  }
  get doubles(): Float64Array {
    return this.#doubles;
  }
  /** Whether the batch has a row of this flow already: its baseline hasn't moved yet. */
  has(keys: Uint32Array, at: number): boolean {
    return this.#index[this.#position(keys, at)] !== EMPTY;
  }
  /** Room for one more, with its key; answers its first word. The first double is at half of that. */
  push(keys: Uint32Array, at: number): number {
    if ((this.count + 1) * ENTRY_WORDS > this.#words.length) this.#grow();
    const entry = this.count * ENTRY_WORDS;
    this.#words.fill(0, entry, entry + ENTRY_WORDS);
    for (let word = 0; word < KEY_WORDS; word++) this.#words[entry + word] = keys[at + word] as number;
    this.#index[this.#position(this.#words, entry)] = this.count++;
    return entry;
  }
  bytes(): Uint8Array {
    return new Uint8Array(this.#words.buffer, 0, this.count * ENTRY_BYTES);
  }
  clear(): void {
    if (this.count > 0) this.#index.fill(EMPTY);
    this.count = 0;
  }

  /** Where the index names the key, or may. */
  #position(keys: Uint32Array, at: number): number {
    const mask = this.#index.length - 1;
    for (let i = hashKey(keys, at) & mask; ; i = (i + 1) & mask) {
      const entry = this.#index[i] as number;
      if (entry === EMPTY || sameKey(this.#words, entry * ENTRY_WORDS, keys, at)) return i;
    }
  }
  #grow(): void {
    const words = new Uint32Array(this.#words.length * 2);
    words.set(this.#words);
    this.#words = words;
    this.#doubles = new Float64Array(words.buffer);
    this.#index = new Int32Array(this.#index.length * 2).fill(EMPTY);
    for (let n = 0; n < this.count; n++) this.#index[this.#position(words, n * ENTRY_WORDS)] = n;
  }
}
