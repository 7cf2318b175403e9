/**
 * What the kernel knew of TCP sockets when their endpoint was attached: of connections opened before that,
 * the programs have seen neither socket nor round trip. Used until the flow's own record says it.
 */
import { SOCKET_SAMPLE_OFFSETS, SOCKET_SAMPLE_SIZE } from "@millrace/abi/generated/socket";
import { finish, mix } from "@millrace/contract/hash";
import { aligned } from "./flow-baseline.ts";
import { type FlowTable, KEY } from "./flow-table.ts";

const WORDS = SOCKET_SAMPLE_SIZE / 4;
const LIMIT = 16_384;
/** Both addresses and both ports: what a sample's key and a flow's have in common. */
const TUPLE_WORDS = 9;
const AT = {
  cgroup: SOCKET_SAMPLE_OFFSETS.cgroupId / 4,
  rtt: SOCKET_SAMPLE_OFFSETS.rttUs / 4,
  rttMin: SOCKET_SAMPLE_OFFSETS.rttMinUs / 4,
} as const;

export type SocketSample = {
  tuple: Uint32Array;
  endpointIds: readonly number[];
  cgroupLow: number;
  cgroupHigh: number;
  rttUs: number;
  rttMinUs: number;
};

export class SocketSamples {
  readonly #samples = new Map<number, SocketSample>();

  get size(): number {
    return this.#samples.size;
  }
  /** As the iterator wrote them, of one namespace with these endpoints. */
  add(bytes: Uint8Array, endpointIds: readonly number[]): void {
    const words = aligned(bytes);
    for (let at = 0; at + WORDS <= words.length && this.#samples.size < LIMIT; at += WORDS) {
      const tuple = words.slice(at, at + TUPLE_WORDS);
      this.#samples.set(hash(tuple, 0), {
        ...{ tuple, endpointIds },
        cgroupLow: words[at + AT.cgroup] as number,
        cgroupHigh: words[at + AT.cgroup + 1] as number,
        rttUs: words[at + AT.rtt] as number,
        rttMinUs: words[at + AT.rttMin] as number,
      });
    }
  }
  /** Of the flow in this entry; a collision of the hash finds nothing. */
  find(table: FlowTable, i: number): SocketSample | undefined {
    const at = table.keyAt(i);
    const sample = this.#samples.get(hash(table.keys, at));
    if (!sample?.endpointIds.includes(table.key(i, KEY.endpoint))) return undefined;
    for (let word = 0; word < TUPLE_WORDS; word++)
      if (sample.tuple[word] !== table.keys[at + word]) return undefined;
    return sample;
  }
  /** Of endpoints that are gone. */
  forget(endpointId: number): void {
    for (const [key, sample] of this.#samples)
      if (sample.endpointIds.includes(endpointId)) this.#samples.delete(key);
  }
}

function hash(words: Uint32Array, at: number): number {
  let h = 0;
  for (let i = 0; i < TUPLE_WORDS; i++) h = mix(h, words[at + i] as number);
  return finish(h);
}
