/**
 * The flows that moved lately, with what they counted lately: what a live row is written from. Bounded; a flow
 * that was thrown out is read from the database when it moves again. No I/O.
 */
import { combine, type Member } from "./member.ts";
import { type Pair, pairMembers } from "./pair.ts";

/** About 700 bytes each: 35 MB. */
const MOST_KEPT = 50_000;

export class LiveFlows {
  /** In order of last movement, which is the order of throwing out. */
  readonly #flows = new Map<string, Member>();
  readonly #byPair = new Map<string, Set<string>>();
  readonly #byIsn = new Map<number, Set<string>>();
  readonly #most: number;

  constructor(most = MOST_KEPT) {
    this.#most = most;
  }
  get size(): number {
    return this.#flows.size;
  }
  has(flowId: string): boolean {
    return this.#flows.has(flowId);
  }
  clear(): void {
    this.#flows.clear();
    this.#byPair.clear();
    this.#byIsn.clear();
  }

  /** Counts on top of what is known of the flow. */
  add(delta: Member): void {
    const known = this.#flows.get(delta.flowId);
    this.put(known ? combine(known, delta) : delta);
  }
  /** Replaces what is known of the flow. */
  put(total: Member): void {
    this.#flows.delete(total.flowId);
    this.#flows.set(total.flowId, total);
    indexed(this.#byPair, total.pairKey).add(total.flowId);
    if (total.isn !== 0) indexed(this.#byIsn, total.isn).add(total.flowId);
    if (this.#flows.size > this.#most) this.#drop(this.#flows.values().next().value as Member);
  }
  #drop(member: Member): void {
    this.#flows.delete(member.flowId);
    removed(this.#byPair, member.pairKey, member.flowId);
    removed(this.#byIsn, member.isn, member.flowId);
  }

  /** The rows that these flows are part of now, as pairs. */
  pairsOf(moved: Iterable<string>): Pair[] {
    const wanted = new Set(moved);
    const around = new Set<string>();
    for (const flowId of wanted) {
      const member = this.#flows.get(flowId);
      if (!member) continue;
      for (const id of this.#byPair.get(member.pairKey) ?? []) around.add(id);
      for (const id of this.#byIsn.get(member.isn) ?? []) around.add(id);
    }
    const members = [...around].map((id) => this.#flows.get(id) as Member);
    return pairMembers(members).filter(
      (pair) => wanted.has(pair.primary.flowId) || wanted.has(pair.other?.flowId ?? ""),
    );
  }
}

function indexed<K>(index: Map<K, Set<string>>, key: K): Set<string> {
  const set = index.get(key) ?? new Set<string>();
  index.set(key, set);
  return set;
}
function removed<K>(index: Map<K, Set<string>>, key: K, flowId: string): void {
  const set = index.get(key);
  if (set?.delete(flowId) && set.size === 0) index.delete(key);
}
