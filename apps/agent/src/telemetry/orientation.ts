/**
 * Which end of a flow is its source. Known when the opening packet was seen; else guessed in a way that
 * both ends' observers guess alike: the lower port is the destination, of equal ports the lower address
 * the source. Decides nothing about identities.
 */
import { FlowOpener } from "@millrace/abi/generated/flow";

/** Words of a flow key: addresses in 0 to 7, the ports, big endian, in word 8. */
export const PORTS_WORD = 8;
const port = (half: number): number => ((half & 0xff) << 8) | (half >>> 8);
export const localPort = (keys: Uint32Array, at: number): number =>
  port((keys[at + PORTS_WORD] as number) & 0xffff);
export const remotePort = (keys: Uint32Array, at: number): number =>
  port((keys[at + PORTS_WORD] as number) >>> 16);

/** True when the far end is the source. */
export function isReversed(opener: number, keys: Uint32Array, at: number): boolean {
  if (opener === FlowOpener.LOCAL) return false;
  if (opener === FlowOpener.REMOTE) return true;
  const local = localPort(keys, at);
  const remote = remotePort(keys, at);
  if (local !== remote) return local < remote;
  return isLocalHigher(keys, at);
}

function isLocalHigher(keys: Uint32Array, at: number): boolean {
  const bytes = new Uint8Array(keys.buffer, keys.byteOffset + at * 4, 32);
  for (let i = 0; i < 16; i++) {
    const difference = (bytes[i] as number) - (bytes[i + 16] as number);
    if (difference !== 0) return difference > 0;
  }
  return false;
}
