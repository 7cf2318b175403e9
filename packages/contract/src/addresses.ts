/**
 * The addresses of a batch, each once: IPv4 in four bytes, IPv6 in sixteen. Columns say them by number, even
 * for IPv4 and odd for IPv6, in the order of their first appearance.
 */
import { finish, mix } from "./hash.ts";

export type PackedAddresses = { ip4: Uint8Array; ip6: Uint8Array };
const MAPPED = 0xffff_0000; // the third word of ::ffff:a.b.c.d, as little-endian machines read it

export class AddressBook {
  /** Twice as many as there is room for addresses. */
  #slots = new Int32Array(1024).fill(-1);
  #words = new Uint32Array(4 * 512);
  #numbers = new Uint32Array(512);
  #size = 0;
  #counts: [number, number] = [0, 0];

  /** The number of the address in four words from `at`. */
  number(words: Uint32Array, at: number): number {
    const mask = this.#slots.length - 1;
    for (let i = hashOf(words, at) & mask; ; i = (i + 1) & mask) {
      const slot = this.#slots[i] as number;
      if (slot < 0) return this.#add(words, at);
      if (this.#is(slot, words, at)) return this.#numbers[slot] as number;
    }
  }
  packed(): PackedAddresses {
    const ip4 = new Uint8Array(this.#counts[0] * 4);
    const ip6 = new Uint8Array(this.#counts[1] * 16);
    const bytes = new Uint8Array(this.#words.buffer);
    for (let slot = 0; slot < this.#size; slot++) {
      const number = this.#numbers[slot] as number;
      const place = number >>> 1;
      if (number & 1) ip6.set(bytes.subarray(slot * 16, slot * 16 + 16), place * 16);
      else ip4.set(bytes.subarray(slot * 16 + 12, slot * 16 + 16), place * 4);
    }
    return { ip4, ip6 };
  }

  #is(slot: number, words: Uint32Array, at: number): boolean {
    for (let i = 0; i < 4; i++) if (this.#words[slot * 4 + i] !== words[at + i]) return false;
    return true;
  }
  #add(words: Uint32Array, at: number): number {
    if (this.#size * 2 >= this.#slots.length) this.#grow();
    const slot = this.#size++;
    this.#words.set(words.subarray(at, at + 4), slot * 4);
    const isIp6 = words[at] === 0 && words[at + 1] === 0 && words[at + 2] === MAPPED ? 0 : 1;
    const number = (this.#counts[isIp6] as number) * 2 + isIp6;
    (this.#counts[isIp6] as number)++;
    this.#numbers[slot] = number;
    this.#link(slot);
    return number;
  }
  #link(slot: number): void {
    const mask = this.#slots.length - 1;
    let i = hashOf(this.#words, slot * 4) & mask;
    while ((this.#slots[i] as number) >= 0) i = (i + 1) & mask;
    this.#slots[i] = slot;
  }
  #grow(): void {
    const words = new Uint32Array(this.#words.length * 2);
    words.set(this.#words);
    this.#words = words;
    const numbers = new Uint32Array(this.#numbers.length * 2);
    numbers.set(this.#numbers);
    this.#numbers = numbers;
    this.#slots = new Int32Array(this.#slots.length * 2).fill(-1);
    for (let slot = 0; slot < this.#size; slot++) this.#link(slot);
  }
}

function hashOf(words: Uint32Array, at: number): number {
  let h = 0;
  for (let i = 0; i < 4; i++) h = mix(h, words[at + i] as number);
  return finish(h);
}

/** Sixteen bytes for each number; undefined when a number is none of the book's. */
export function addressesOf(numbers: Float64Array, { ip4, ip6 }: PackedAddresses): Uint8Array | undefined {
  const out = new Uint8Array(numbers.length * 16);
  for (let row = 0; row < numbers.length; row++) {
    const number = numbers[row] as number;
    const isIp6 = number % 2 === 1;
    const from = Math.floor(number / 2) * (isIp6 ? 16 : 4);
    const book = isIp6 ? ip6 : ip4;
    if (from + (isIp6 ? 16 : 4) > book.byteLength) return undefined;
    const to = row * 16;
    if (isIp6) out.set(book.subarray(from, from + 16), to);
    else {
      out[to + 10] = 0xff;
      out[to + 11] = 0xff;
      for (let i = 0; i < 4; i++) out[to + 12 + i] = book[from + i] as number;
    }
  }
  return out;
}
