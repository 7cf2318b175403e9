/**
 * The other sides that reported flows have, and the services they asked for (tuples of nothing but a destination), by
 * number: a flow's baseline holds the number, here is the tuple. Part of
 * the baselines, so that a flow keeps its other side when connection tracking has forgotten it, and when the agent
 * starts anew. Who looks a tuple up first gives it its number; flows that have gone free theirs in `keep`.
 */
import { addressKey } from "../endpoint/address.ts";
import { aligned } from "../telemetry/flow-baseline.ts";
import { hashTuple, sameTuple, TUPLE_WORDS } from "./tuple.ts";

/** A number and a tuple. */
const ENTRY_WORDS = 1 + TUPLE_WORDS;
/** Of a tuple: where an end's address begins. */
const [LOCAL, REMOTE] = [0, 4];

export class FlowTranslations {
  readonly #tuples = new Map<number, Uint32Array>();
  /** Numbers given since the last commit. */
  #fresh = new Set<number>();

  get size(): number {
    return this.#tuples.size;
  }
  get(number: number): Uint32Array | undefined {
    return this.#tuples.get(number);
  }
  /** Both ends of all of them, as addressKey has them: the near one may be another host's, by whose port the flow came. */
  ends(): (string | number)[] {
    return [...this.#tuples.values()].flatMap((tuple) => [
      addressKey(tuple, LOCAL),
      addressKey(tuple, REMOTE),
    ]);
  }

  /** The tuple's number, never 0; equal for equal tuples. */
  number(tuple: Uint32Array): number {
    let number = hashTuple(tuple, 0, 0) || 1;
    for (let known = this.#tuples.get(number); known; known = this.#tuples.get(number)) {
      if (sameTuple(known, 0, tuple, 0)) return number;
      number = (number + 1) >>> 0 || 1;
    }
    this.#tuples.set(number, tuple.slice(0, TUPLE_WORDS));
    this.#fresh.add(number);
    return number;
  }

  /** What the next record must bear, so that its flows' numbers mean something when it is replayed. */
  changes(): Uint8Array {
    return this.#encode(this.#fresh);
  }
  snapshot(): Uint8Array {
    return this.#encode(this.#tuples.keys());
  }
  committed(): void {
    this.#fresh.clear();
  }
  apply(entries: Uint8Array): void {
    const words = aligned(entries);
    for (let at = 0; at + ENTRY_WORDS <= words.length; at += ENTRY_WORDS)
      this.#tuples.set(words[at] as number, words.slice(at + 1, at + ENTRY_WORDS));
  }
  /** Forgets all numbers but these. */
  keep(used: ReadonlySet<number>): void {
    for (const number of this.#tuples.keys())
      if (!used.has(number) && !this.#fresh.has(number)) this.#tuples.delete(number);
  }
  clear(): void {
    this.#tuples.clear();
    this.#fresh.clear();
  }

  #encode(numbers: Iterable<number>): Uint8Array {
    const all = [...numbers];
    const words = new Uint32Array(all.length * ENTRY_WORDS);
    for (const [i, number] of all.entries()) {
      words[i * ENTRY_WORDS] = number;
      words.set(this.#tuples.get(number) as Uint32Array, i * ENTRY_WORDS + 1);
    }
    return new Uint8Array(words.buffer);
  }
}
