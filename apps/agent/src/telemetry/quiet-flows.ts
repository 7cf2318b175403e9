/**
 * Which reported flows have been quiet long enough to leave the kernel's table, by the times they were last
 * reported with. Only proposes: the kernel knows of later packets and refuses.
 */
import type { FlowBaseline } from "./flow-baseline.ts";
import { ENTRY_BYTES, SEEN_NS, WORD } from "./flow-baseline.ts";
import { KEY } from "./flow-table.ts";
import { KeyList, quietNs, RESTS, type Rest, restOf } from "./retire.ts";

const ENTRY_WORDS = ENTRY_BYTES / 4;

export type QuietFlows = { keys: KeyList; sinceNs: bigint };

export class QuietSearch {
  readonly #lists = Object.fromEntries(RESTS.map((rest) => [rest, new KeyList()])) as Record<Rest, KeyList>;

  /** Those to retire by kind; the lists are used again by the next search. */
  find(flows: FlowBaseline, nowNs: bigint, fill: number): QuietFlows[] {
    const now = Number(nowNs);
    const since = Object.fromEntries(RESTS.map((rest) => [rest, now - quietNs(rest, fill)])) as Record<
      Rest,
      number
    >;
    for (const rest of RESTS) this.#lists[rest].clear();
    const { words, size } = flows;
    for (let slot = 0, at = 0; slot < size; slot++, at += ENTRY_WORDS) {
      const lastNs = (words[at + WORD.lastSeen] as number) * SEEN_NS;
      if (lastNs >= since.over) continue; // the shortest
      const proto = (words[at + KEY.protocol] as number) & 0xff;
      const rest = restOf(proto, ((words[at + WORD.tcp] as number) >>> 16) & 0xff);
      if (lastNs < since[rest]) this.#lists[rest].push(words, at);
    }
    return RESTS.map((rest) => ({
      keys: this.#lists[rest],
      sinceNs: BigInt(Math.max(0, Math.floor(since[rest]))),
    })).filter(({ keys }) => keys.count > 0);
  }
}
