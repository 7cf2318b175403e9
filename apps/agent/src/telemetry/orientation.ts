/**
 * Which end of a flow is its source. Known when the opening packet was seen; else guessed in a way that
 * both ends' observers guess alike: the lower port is the destination, of equal ports the lower address
 * the source. Of ICMP only the addresses tell. Decides nothing about identities.
 */
import { FlowOpener } from "@millrace/abi/generated/flow";

/** Words of a flow key: addresses in 0 to 7, the ports, big endian, in word 8, the protocol in 9. */
const PORTS_WORD = 8;
const PROTOCOL_WORD = 9;
const port = (half: number): number => ((half & 0xff) << 8) | (half >>> 8);
const localPort = (keys: Uint32Array, at: number): number => port((keys[at + PORTS_WORD] as number) & 0xffff);
const remotePort = (keys: Uint32Array, at: number): number => port((keys[at + PORTS_WORD] as number) >>> 16);

/** In ICMP's place of ports stands what both directions and both ends have alike: an echo's identifier, or type and code. */
export const hasPortOfEachEnd = (protocol: number): boolean => protocol !== 1 && protocol !== 58;
const hasTurned = (keys: Uint32Array, at: number, reversed: boolean): boolean =>
  reversed && hasPortOfEachEnd((keys[at + PROTOCOL_WORD] as number) & 0xff);
export const sourcePort = (keys: Uint32Array, at: number, reversed: boolean): number =>
  hasTurned(keys, at, reversed) ? remotePort(keys, at) : localPort(keys, at);
export const destinationPort = (keys: Uint32Array, at: number, reversed: boolean): number =>
  hasTurned(keys, at, reversed) ? localPort(keys, at) : remotePort(keys, at);

/** True when the far end is the source. */
export function isReversed(opener: number, keys: Uint32Array, at: number): boolean {
  if (opener === FlowOpener.LOCAL) return false;
  if (opener === FlowOpener.REMOTE) return true;
  const [local, remote] = [sourcePort(keys, at, false), sourcePort(keys, at, true)];
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
