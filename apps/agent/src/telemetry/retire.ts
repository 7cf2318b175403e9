/**
 * When a flow may leave the kernel's table, and the keys to ask it for. A closed flow waits for stragglers;
 * an idle one stays until room gets short. Only proposes: the kernel refuses what was seen meanwhile.
 */
import { FLOW_KEY_SIZE, FlowTcpState } from "@millrace/abi/generated/flow";

const KEY_WORDS = FLOW_KEY_SIZE / 4;
const TCP = 6;
const SECOND = 1e9;

/**
 * Quiet time in seconds while there is room, and when the table is almost full; in between it shrinks by
 * ratio from `from` on, so that a burst of short flows finds room without waiting for a limit. What is held
 * open on purpose begins to shrink late.
 */
const QUIET = {
  over: { calm: 2, short: 0.5, from: 0.5 },
  opening: { calm: 180, short: 10, from: 0.25 },
  tcp: { calm: 3600, short: 60, from: 0.5 },
  other: { calm: 30, short: 2, from: 0.125 },
} as const;
const ALMOST_FULL = 0.9;

export const RESTS = Object.keys(QUIET) as Rest[];
export type Rest = keyof typeof QUIET;

export function restOf(proto: number, tcpState: number): Rest {
  if (proto !== TCP) return "other";
  if (tcpState === FlowTcpState.CLOSED || tcpState === FlowTcpState.RESET) return "over";
  return tcpState === FlowTcpState.OPENING ? "opening" : "tcp";
}

/** Nanoseconds a flow must have been quiet. */
export function quietNs(rest: Rest, fill: number): number {
  const { calm, short, from } = QUIET[rest];
  const pressure = Math.min(1, Math.max(0, (fill - from) / (ALMOST_FULL - from)));
  return calm * (short / calm) ** pressure * SECOND;
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
