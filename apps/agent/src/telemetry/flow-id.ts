/**
 * A flow's identifier: UUIDv7-like, so that it sorts by its first packet's millisecond and finds its
 * partition. The rest is a hash of what makes the flow one of a kind, not a secret and not random: an
 * agent that starts anew derives nothing from it, since the id stands in the baseline.
 */
import { FLOW_KEY_SIZE } from "@millrace/abi/generated/flow";
import { finish, mix } from "./flow-baseline.ts";

const KEY_WORDS = FLOW_KEY_SIZE / 4;
const ENDPOINT_WORD = 10; // differs between lives of the maps, so the endpoint's uid stands for it

/** Folds a text into a word, for the parts of an id that don't change from flow to flow. */
export function hashText(text: string, seed: number): number {
  let h = seed;
  for (let i = 0; i < text.length; i++) h = mix(h, text.charCodeAt(i));
  return finish(h);
}

export type FlowIdParts = {
  firstSeenMs: number;
  /** Two words. */
  firstSeenNs: { low: number; high: number };
  /** Hash of boot id, namespace cookie and interface index. */
  endpoint: number;
  reversed: boolean;
};

const lanes = new Uint32Array(3);

/** Four words, big endian as a UUID is written, into `out` at word `to`. */
export function writeFlowId(
  out: Uint32Array,
  to: number,
  keys: Uint32Array,
  at: number,
  parts: FlowIdParts,
): void {
  for (let lane = 0; lane < 3; lane++) {
    let h = parts.endpoint ^ Math.imul(lane + 1, 0x9e3779b9);
    for (let i = 0; i < KEY_WORDS; i++) if (i !== ENDPOINT_WORD) h = mix(h, keys[at + i] as number);
    h = mix(mix(h, parts.firstSeenNs.low), parts.firstSeenNs.high);
    lanes[lane] = finish(mix(h, parts.reversed ? 1 : 0));
  }
  const [a, b, c] = lanes as unknown as [number, number, number];
  const high = Math.floor(parts.firstSeenMs / 0x1_0000);
  out[to] = swap(high);
  out[to + 1] = swap(((parts.firstSeenMs % 0x1_0000) << 16) | 0x7000 | (a & 0x0fff));
  out[to + 2] = swap(0x8000_0000 | (b & 0x3fff_ffff));
  out[to + 3] = swap(c);
}

const swap = (n: number): number =>
  ((n & 0xff) << 24) | ((n & 0xff00) << 8) | ((n >>> 8) & 0xff00) | ((n >>> 24) & 0xff);

/** For logs and tests. */
export function formatFlowId(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, 16).toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
