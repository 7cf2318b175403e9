/** Connection tracking's records written by hand, in the layout that packages/native gives. Tests only. */
import { addressBytes } from "../endpoint/address.ts";

export type Side = { src: string; dst: string; sport: number; dport: number };
export type Entry = { op?: 1 | 2; proto?: number; orig: Side; reply: Side };

const RECORD_BYTES = 76;

export function recordsOf(...entries: Entry[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(entries.length * RECORD_BYTES);
  const view = new DataView(out.buffer);
  for (const [i, { op = 1, proto = 6, orig, reply }] of entries.entries()) {
    const at = i * RECORD_BYTES;
    out[at] = op;
    out[at + 1] = proto;
    for (const [side, from] of [
      [orig, at + 4],
      [reply, at + 40],
    ] as const) {
      out.set(addressBytes(side.src) as Uint8Array, from);
      out.set(addressBytes(side.dst) as Uint8Array, from + 16);
      view.setUint16(from + 32, side.sport);
      view.setUint16(from + 34, side.dport);
    }
  }
  return out;
}

/** The tuple's nine words, as a flow's key begins. */
export const wordsOf = (side: Side): Uint32Array =>
  new Uint32Array(recordsOf({ orig: side, reply: side }).buffer.slice(4, 40));
