/**
 * One number for a tuple, equal for both of its observers whichever end they stand at, and on whichever side of
 * a NAT when one of them knows the other's: 63 bits, as two halves. A key that two tuples share only costs a comparison: who pairs compares the tuples too.
 */
import type { Batch } from "./decode.ts";

export type Ends = {
  readonly src: Uint8Array;
  readonly dst: Uint8Array;
  readonly srcPort: Uint16Array;
  readonly dstPort: Uint16Array;
  readonly proto: Uint8Array;
};
export type PairKeys = { readonly high: Uint32Array; readonly low: Uint32Array };

/** True when the source end comes first in the canonical order of ends (address, then port). */
export function sourceIsFirst(ends: Ends, row: number): boolean {
  for (let i = row * 16, end = i + 16; i < end; i++) {
    const difference = (ends.src[i] as number) - (ends.dst[i] as number);
    if (difference !== 0) return difference < 0;
  }
  return (ends.srcPort[row] as number) <= (ends.dstPort[row] as number);
}

export function pairKeys(ends: Ends, rows: number): PairKeys {
  const high = new Uint32Array(rows);
  const low = new Uint32Array(rows);
  const words = new Uint32Array(10);
  for (let row = 0; row < rows; row++) {
    const forward = sourceIsFirst(ends, row);
    readEnd(words, 0, forward ? ends.src : ends.dst, forward ? ends.srcPort : ends.dstPort, row);
    readEnd(words, 5, forward ? ends.dst : ends.src, forward ? ends.dstPort : ends.srcPort, row);
    const proto = ends.proto[row] as number;
    high[row] = hash(words, 0x9e37_79b1 ^ proto) & 0x7fff_ffff;
    low[row] = hash(words, 0x85eb_ca77 ^ proto);
  }
  return { high, low };
}

function readEnd(words: Uint32Array, at: number, address: Uint8Array, port: Uint16Array, row: number): void {
  for (let word = 0, i = row * 16; word < 4; word++, i += 4)
    words[at + word] =
      ((address[i] as number) << 24) |
      ((address[i + 1] as number) << 16) |
      ((address[i + 2] as number) << 8) |
      (address[i + 3] as number);
  words[at + 4] = port[row] as number;
}

/** MurmurHash3's 32-bit mixing over whole words. */
function hash(words: Uint32Array, seed: number): number {
  let h = seed;
  for (let i = 0; i < words.length; i++) {
    let k = Math.imul(words[i] as number, 0xcc9e_2d51);
    k = Math.imul((k << 15) | (k >>> 17), 0x1b87_3593);
    h ^= k;
    h = Math.imul((h << 13) | (h >>> 19), 5) + 0xe654_6b64;
  }
  h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * The tuples as they are on the other side of their observer's NAT, where there is one: between two hosts that is
 * the form that both of them know.
 */
export function outsideOf({ flows, translations }: Pick<Batch, "flows" | "translations">): Ends {
  if (translations.row.length === 0) return flows;
  // Copies: a Buffer's own slice() would be a view.
  const src = new Uint8Array(flows.src);
  const dst = new Uint8Array(flows.dst);
  const srcPort = flows.srcPort.slice();
  const dstPort = flows.dstPort.slice();
  for (const [at, row] of translations.row.entries()) {
    src.set(translations.src.subarray(at * 16, at * 16 + 16), row * 16);
    dst.set(translations.dst.subarray(at * 16, at * 16 + 16), row * 16);
    srcPort[row] = translations.srcPort[at] as number;
    dstPort[row] = translations.dstPort[at] as number;
  }
  return { src, dst, srcPort, dstPort, proto: flows.proto };
}
