/**
 * A flow's identifier: UUIDv7-like, so that it sorts by its first packet's millisecond and finds its
 * partition. The rest is a hash of what makes the flow one of a kind, not a secret and not random: an
 * agent that starts anew derives nothing from it, since the id stands in the baseline.
 */
import { finish, mix } from "./flow-baseline.ts";

/** The key's last word differs between lives of the maps, so the endpoint's uid stands for it. */
const ENDPOINT_WORD = 10;

/** Folds a text into a word, for the parts of an id that don't change from flow to flow. */
export function hashText(text: string, seed: number): number {
  let h = seed;
  for (let i = 0; i < text.length; i++) h = mix(h, text.charCodeAt(i));
  return finish(h);
}

/**
 * Four words, big endian as a UUID is written, into `out` at word `to`. The key stands in `out` from `at` on,
 * and two words of the first packet's time follow it at `time`; `seed` stands for the endpoint and the
 * orientation. Makes no objects: ten thousand ids a second are asked for.
 */
export function writeFlowId(
  out: Uint32Array,
  to: number,
  at: number,
  time: number,
  firstSeenMs: number,
  seed: number,
): void {
  const a = lane(out, at, time, seed, 0x9e3779b9);
  const high = Math.floor(firstSeenMs / 0x1_0000);
  out[to] = swap(high);
  out[to + 1] = swap(((firstSeenMs - high * 0x1_0000) << 16) | 0x7000 | (a & 0x0fff));
  out[to + 2] = swap(0x8000_0000 | (lane(out, at, time, seed, 0x3c6ef372) & 0x3fff_ffff));
  out[to + 3] = swap(lane(out, at, time, seed, 0xdaa66d2b));
}

function lane(words: Uint32Array, at: number, time: number, seed: number, salt: number): number {
  let h = seed ^ salt;
  for (let i = 0; i < ENDPOINT_WORD; i++) h = mix(h, words[at + i] as number);
  return finish(mix(mix(h, words[time] as number), words[time + 1] as number));
}

const swap = (n: number): number =>
  ((n & 0xff) << 24) | ((n & 0xff00) << 8) | ((n >>> 8) & 0xff00) | ((n >>> 24) & 0xff);

/** For logs and tests. */
export function formatFlowId(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, 16).toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
