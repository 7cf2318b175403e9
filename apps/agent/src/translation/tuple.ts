/**
 * Tuples as words of memory: two addresses of four words each, then the ports, the first end's in the low half, big
 * endian as on the wire. A flow's key begins like this, and so do connection tracking's records. No meaning here.
 */
import { finish, mix } from "@millrace/contract/hash";

export const TUPLE_WORDS = 9;
const ENDS_WORDS = 4;

export function hashTuple(words: Uint32Array, at: number, proto: number): number {
  let h = proto;
  for (let i = 0; i < TUPLE_WORDS; i++) h = mix(h, words[at + i] as number);
  return finish(h);
}

export function sameTuple(a: Uint32Array, at: number, b: Uint32Array, bt: number): boolean {
  for (let i = 0; i < TUPLE_WORDS; i++) if (a[at + i] !== b[bt + i]) return false;
  return true;
}

/** The tuple of the opposite direction, into `out` at `to`. */
export function turnTuple(out: Uint32Array, to: number, words: Uint32Array, at: number): void {
  for (let i = 0; i < ENDS_WORDS; i++) {
    out[to + i] = words[at + ENDS_WORDS + i] as number;
    out[to + ENDS_WORDS + i] = words[at + i] as number;
  }
  const ports = words[at + 2 * ENDS_WORDS] as number;
  out[to + 2 * ENDS_WORDS] = ((ports << 16) | (ports >>> 16)) >>> 0;
}
