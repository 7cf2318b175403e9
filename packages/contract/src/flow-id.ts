/**
 * A flow's identifier: UUIDv7-like, so that it sorts by its first packet's millisecond and finds its
 * partition. The rest is a hash of what makes the flow one of a kind, not a secret and not random: whoever
 * knows the flow can say its id, so a batch needn't carry it. An agent may give a flow another id all the same.
 */
import { finish, hashText, mix } from "./hash.ts";

/**
 * What an id is made from, in words: the endpoint's own address, the far one, both ports as on the wire, own
 * first, then protocol and VLAN (in the upper half), and the first packet's µs since 1970, low word first.
 */
export const FLOW_ID_WORDS = 12;
const PORTS = 8;
const PROTOCOL = 9;
const TIME = 10;
const TWO_32 = 0x1_0000_0000;
const ENDPOINT_SEED = 0x4d52;

/** An endpoint's part in its flows' ids. */
export const endpointSeed = (uid: string): number => hashText(uid, ENDPOINT_SEED);
/** A flow and its reverse are different flows: `isLocalSource` tells them apart. */
export const flowSeed = (endpoint: number, isLocalSource: boolean): number =>
  isLocalSource ? endpoint : ~endpoint;

export function setFlowTime(from: Uint32Array, firstSeenUs: number): void {
  from[TIME] = firstSeenUs;
  from[TIME + 1] = Math.floor(firstSeenUs / TWO_32);
}
/** Ports in host order, the endpoint's own first. */
export function setFlowPorts(from: Uint32Array, local: number, remote: number): void {
  from[PORTS] = swap16(local) | (swap16(remote) << 16);
}
export function setFlowProtocol(from: Uint32Array, proto: number, vlan: number): void {
  from[PROTOCOL] = proto | (vlan << 16);
}

/** Four words, big endian as a UUID is written, into `out` at word `to`. Makes no objects: it is asked often. */
export function writeFlowId(out: Uint32Array, to: number, from: Uint32Array, seed: number): void {
  const us = (from[TIME + 1] as number) * TWO_32 + (from[TIME] as number);
  const firstSeenMs = Math.floor(us / 1000);
  const high = Math.floor(firstSeenMs / 0x1_0000);
  const a = lane(from, seed, 0x9e3779b9);
  out[to] = swap32(high);
  out[to + 1] = swap32(((firstSeenMs - high * 0x1_0000) << 16) | 0x7000 | (a & 0x0fff));
  out[to + 2] = swap32(0x8000_0000 | (lane(from, seed, 0x3c6ef372) & 0x3fff_ffff));
  out[to + 3] = swap32(lane(from, seed, 0xdaa66d2b));
}

function lane(words: Uint32Array, seed: number, salt: number): number {
  let h = seed ^ salt;
  for (let i = 0; i < FLOW_ID_WORDS; i++) h = mix(h, words[i] as number);
  return finish(h);
}

const swap16 = (n: number): number => ((n & 0xff) << 8) | (n >>> 8);
const swap32 = (n: number): number =>
  ((n & 0xff) << 24) | ((n & 0xff00) << 8) | ((n >>> 8) & 0xff00) | ((n >>> 24) & 0xff);

/** For logs and tests. */
export function formatFlowId(bytes: Uint8Array): string {
  const hex = Array.from(bytes.subarray(0, 16), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
