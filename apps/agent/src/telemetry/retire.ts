/**
 * When a flow may leave the kernel's table, and the keys to ask it for. A closed flow waits for stragglers;
 * an idle one stays until room gets short. Only proposes: the kernel refuses what was seen meanwhile.
 */
import { FLOW_KEY_SIZE, FlowTcpState } from "@millrace/abi/generated/flow";

const KEY_WORDS = FLOW_KEY_SIZE / 4;
const TCP = 6;
const SECOND = 1e9;

/** Quiet time in seconds: with room, above 75 % of the table, above 90 %. */
const QUIET = {
  over: [2, 0.5, 0.5],
  opening: [180, 60, 10],
  tcp: [3600, 600, 60],
  other: [30, 10, 5],
} as const;

/** Nanoseconds a flow must have been quiet. */
export function quietNs(proto: number, tcpState: number, fill: number): number {
  const pressure = fill > 0.9 ? 2 : fill > 0.75 ? 1 : 0;
  if (proto !== TCP) return QUIET.other[pressure] * SECOND;
  if (tcpState === FlowTcpState.CLOSED || tcpState === FlowTcpState.RESET)
    return QUIET.over[pressure] * SECOND;
  return (tcpState === FlowTcpState.OPENING ? QUIET.opening : QUIET.tcp)[pressure] * SECOND;
}

/** A growing list of flow keys, back to back as the kernel takes them. */
export class KeyList {
  #words = new Uint32Array(64 * KEY_WORDS);
  count = 0;

  push(keys: Uint32Array, at: number): void {
    const to = this.count * KEY_WORDS;
    if (to + KEY_WORDS > this.#words.length) {
      const grown = new Uint32Array(this.#words.length * 2);
      grown.set(this.#words);
      this.#words = grown;
    }
    for (let i = 0; i < KEY_WORDS; i++) this.#words[to + i] = keys[at + i] as number;
    this.count++;
  }
  get words(): Uint32Array {
    return this.#words;
  }
  bytes(): Uint8Array {
    return new Uint8Array(this.#words.buffer, 0, this.count * FLOW_KEY_SIZE);
  }
  clear(): void {
    this.count = 0;
  }
  /** Moves all of another list to the end of this one. */
  take(other: KeyList): void {
    for (let i = 0; i < other.count; i++) this.push(other.#words, i * KEY_WORDS);
    other.clear();
  }
}
