/**
 * One pass over flows of the kernel's table, all of them or those that moved: what changed since it was last
 * reported becomes rows and baseline changes. Works on words of the table's bytes: at ten thousand flows a
 * second objects would cost more than all else. Does not talk to the kernel.
 */
import { FlowLifecycle, FlowOpener } from "@millrace/abi/generated/flow";
import { FLOW_ID_WORDS, flowSeed, setFlowTime, writeFlowId } from "@millrace/contract/flow-id";
import type { Services } from "../dataplane/services.ts";
import type { FlowTranslations } from "../translation/flow-translations.ts";
import { TUPLE_WORDS } from "../translation/tuple.ts";
import { AskedServices } from "./asked-services.ts";
import type { BatchBuilder } from "./batch.ts";
import {
  COUNTERS,
  DOUBLE,
  ENTRY_BYTES,
  FLAG_FINAL,
  FLAG_REVERSED,
  FLAG_TIERED,
  type FlowChanges,
  seenWord,
  WORD,
} from "./flow-baseline.ts";
import { FlowRow, type FlowRowSources } from "./flow-row.ts";
import { type FlowBytes, FlowTable, KEY, RECORD } from "./flow-table.ts";
import { isReversed } from "./orientation.ts";
import { KeyList } from "./retire.ts";

const TCP = 6;
const ENTRY_WORDS = ENTRY_BYTES / 4;
/** A key's word of protocol and VLAN, without the family between them, which the addresses say. */
const NO_FAMILY = 0xffff_00ff;

/** What the pass must know of an endpoint. */
export type FlowEndpoint = {
  id: number;
  /** Hash of the endpoint's uid, part of its flows' ids. */
  hash: number;
  leaving: boolean;
  /** Entries of the table seen in the latest pass. */
  flows: number;
};
export interface FlowEndpoints {
  get(id: number): FlowEndpoint | undefined;
  /** The endpoint's number in the batch; adds its report when it isn't there yet. */
  number(id: number, batch: BatchBuilder): number;
}
/** How a tuple that an end sends is written on the other side of the NAT that the host's own stack does. */
export interface OtherSides {
  otherSide(words: Uint32Array, at: number, proto: number, out: Uint32Array): boolean;
}
export type FlowPassOptions = FlowRowSources & {
  endpoints: FlowEndpoints;
  otherSides: OtherSides;
  services: Pick<Services, "askedFor">;
  translations: FlowTranslations;
};

export class FlowPass {
  readonly #o: FlowPassOptions;
  readonly #row: FlowRow;
  readonly #asked: AskedServices;
  readonly #other = new Uint32Array(TUPLE_WORDS);
  readonly #idFrom = new Uint32Array(FLOW_ID_WORDS);
  #table = new FlowTable({ count: 0, keys: new Uint8Array(), values: new Uint8Array() });
  /** Of leaving endpoints: to be retired before the next pass, whether quiet or not. */
  readonly leaving = new KeyList();
  /** Reported for the last time, and the spool has it: may be deleted. */
  readonly finished = new KeyList();
  /** Reported for the last time in the batch not yet committed. */
  readonly #final = new KeyList();
  /** Entries of endpoints nobody knows: none, unless somebody else wrote to the maps. */
  orphans = 0;

  constructor(options: FlowPassOptions) {
    this.#o = options;
    this.#row = new FlowRow(options);
    this.#asked = new AskedServices(options.services);
  }

  begin(): void {
    for (const list of [this.leaving, this.finished, this.#final]) list.clear();
    this.orphans = 0;
  }
  /** False when the spool refused; what was committed before that stays committed. */
  take(bytes: FlowBytes): boolean {
    this.#table = new FlowTable(bytes);
    this.#asked.take(this.#table, (i) => this.#opens(i));
    for (let i = 0; i < this.#table.count; i++) if (!this.#visit(i)) return false;
    return true;
  }

  /** The batch under way when the pass ended has been committed too. */
  committed(): void {
    this.finished.take(this.#final);
  }

  /** A connection that began, or began anew on its tuple, since it was last reported. */
  #opens(i: number): boolean {
    const table = this.#table;
    if (table.protocol(i) !== TCP || table.opener(i) === FlowOpener.REMOTE) return false;
    const slot = this.#slot(i);
    return slot < 0 || this.#o.baseline.wordAt(slot, WORD.opens) !== table.record(i, RECORD.opens);
  }

  #visit(i: number): boolean {
    const table = this.#table;
    // race: a flow that moves while the kernel is asked for what moved is handed out once more. Its second row
    // counts from the first, whose baseline must have moved.
    if (this.#o.batch.flowChanges.has(table.keys, table.keyAt(i)) && !this.#commit()) return false;
    const retired = table.record(i, RECORD.lifecycle) === FlowLifecycle.RETIRED;
    const endpoint = this.#o.endpoints.get(table.key(i, KEY.endpoint));
    if (!endpoint) {
      this.orphans++;
      (retired ? this.finished : this.leaving).push(table.keys, table.keyAt(i));
      return true;
    }
    endpoint.flows++;
    if (retired) return this.#retired(endpoint, i);
    if (endpoint.leaving) this.leaving.push(table.keys, table.keyAt(i));
    const slot = this.#slot(i);
    return (slot >= 0 && this.#isUnchanged(i, slot)) || this.#write(endpoint, i, slot, false);
  }

  /** A retired entry's counters don't move any more: what is left of them is reported, then it may go. */
  #retired(endpoint: FlowEndpoint, i: number): boolean {
    const slot = this.#slot(i);
    if (slot < 0 || !this.#isUnchanged(i, slot)) return this.#write(endpoint, i, slot, true);
    this.finished.push(this.#table.keys, this.#table.keyAt(i));
    return true;
  }

  /** The baseline of this very flow: an earlier entry of the same tuple is another flow's. */
  #slot(i: number): number {
    const { baseline } = this.#o;
    const slot = baseline.find(this.#table.keys, this.#table.keyAt(i));
    if (slot < 0) return slot;
    const same =
      baseline.wordAt(slot, WORD.firstSeenLow) === this.#table.record(i, RECORD.firstSeen) &&
      baseline.wordAt(slot, WORD.firstSeenHigh) === this.#table.record(i, RECORD.firstSeen + 1);
    return same ? slot : -1;
  }

  #isUnchanged(i: number, slot: number): boolean {
    const { baseline } = this.#o;
    const table = this.#table;
    for (let c = 0; c < COUNTERS; c++)
      if (baseline.doubleAt(slot, DOUBLE.counters + c) !== table.counter(i, c)) return false;
    return (
      baseline.wordAt(slot, WORD.tcp) === table.record(i, RECORD.tcp) &&
      baseline.wordAt(slot, WORD.drops) === table.record(i, RECORD.drops) &&
      baseline.wordAt(slot, WORD.retransmits) === table.record(i, RECORD.retransmits) &&
      baseline.wordAt(slot, WORD.opens) === table.record(i, RECORD.opens)
    );
  }

  #write(endpoint: FlowEndpoint, i: number, slot: number, final: boolean): boolean {
    const { batch, endpoints } = this.#o;
    if (batch.full && !this.#commit()) return false;
    const entry = this.#enter(endpoint, i, slot, final);
    this.#row.fill(this.#table, i, slot, entry);
    this.#row.end(endpoints.number(endpoint.id, batch), final);
    if (final) this.#final.push(this.#table.keys, this.#table.keyAt(i));
    return true;
  }

  #commit(): boolean {
    if (!this.#o.batch.commit()) return false;
    this.committed();
    return true;
  }

  /** The row's new baseline; answers its first word in the changes. */
  #enter(endpoint: FlowEndpoint, i: number, slot: number, final: boolean): number {
    const table = this.#table;
    const changes = this.#o.batch.flowChanges;
    const entry = changes.push(table.keys, table.keyAt(i));
    const { words, doubles } = changes;
    const reversed = this.#isReversed(i, slot);
    words[entry + WORD.flags] = FLAG_TIERED | (reversed ? FLAG_REVERSED : 0) | (final ? FLAG_FINAL : 0);
    words[entry + WORD.firstSeenLow] = table.record(i, RECORD.firstSeen);
    words[entry + WORD.firstSeenHigh] = table.record(i, RECORD.firstSeen + 1);
    words[entry + WORD.tcp] = table.record(i, RECORD.tcp);
    words[entry + WORD.drops] = table.record(i, RECORD.drops);
    words[entry + WORD.retransmits] = table.record(i, RECORD.retransmits);
    words[entry + WORD.opens] = table.record(i, RECORD.opens);
    words[entry + WORD.slowPackets] = table.record(i, RECORD.slowPackets);
    words[entry + WORD.lastSeen] = seenWord(
      table.record(i, RECORD.lastSeen),
      table.record(i, RECORD.lastSeen + 1),
    );
    for (let c = 0; c < COUNTERS; c++) doubles[entry / 2 + DOUBLE.counters + c] = table.counter(i, c);
    doubles[entry / 2 + DOUBLE.firstSeenUs] = this.#firstSeenUs(i, slot);
    const translation = this.#translation(i, slot);
    words[entry + WORD.translation] = translation;
    words[entry + WORD.asked] = this.#askedFor(i, slot);
    if (slot >= 0 && reversed === this.#wasReversed(slot) && translation === this.#wasTranslated(slot))
      this.#keepId(changes, entry, slot);
    else this.#newId(changes, entry, flowSeed(endpoint.hash, !reversed) ^ translation);
    return entry;
  }

  /** Derived from nothing but what the row says, so that the row needn't carry it, unless it is translated. */
  #newId(changes: FlowChanges, entry: number, seed: number): void {
    const { words, doubles } = changes;
    const from = this.#idFrom;
    for (let i = 0; i < KEY.protocol; i++) from[i] = words[entry + i] as number;
    from[KEY.protocol] = (words[entry + KEY.protocol] as number) & NO_FAMILY;
    setFlowTime(from, doubles[entry / 2 + DOUBLE.firstSeenUs] as number);
    writeFlowId(words, entry + WORD.id, from, seed);
  }

  /** Kept for the flow's life; another one, learnt late or made by a new rule, makes it another flow. */
  #translation(i: number, slot: number): number {
    const { otherSides, translations } = this.#o;
    const table = this.#table;
    const known =
      table.translated(i, this.#other) ||
      otherSides.otherSide(table.keys, table.keyAt(i), table.protocol(i), this.#other);
    return known ? translations.number(this.#other) : slot < 0 ? 0 : this.#wasTranslated(slot);
  }
  #wasTranslated(slot: number): number {
    return this.#o.baseline.wordAt(slot, WORD.translation);
  }

  /** Kept until the tuple opens anew. */
  #askedFor(i: number, slot: number): number {
    if (this.#asked.isTold(i))
      return this.#asked.tuple(i, this.#other) ? this.#o.translations.number(this.#other) : 0;
    return slot < 0 ? 0 : this.#o.baseline.wordAt(slot, WORD.asked);
  }

  #firstSeenUs(i: number, slot: number): number {
    if (slot >= 0) return this.#o.baseline.doubleAt(slot, DOUBLE.firstSeenUs);
    const table = this.#table;
    return this.#o.clock.us(table.record(i, RECORD.firstSeen), table.record(i, RECORD.firstSeen + 1));
  }

  #keepId(changes: FlowChanges, entry: number, slot: number): void {
    const from = slot * ENTRY_WORDS + WORD.id;
    for (let word = 0; word < 4; word++)
      changes.words[entry + WORD.id + word] = this.#o.baseline.words[from + word] as number;
  }

  #wasReversed(slot: number): boolean {
    return (this.#o.baseline.wordAt(slot, WORD.flags) & FLAG_REVERSED) !== 0;
  }

  /** A guess once made is kept, so that a flow's rows agree; the truth overrules it, under a new id. */
  #isReversed(i: number, slot: number): boolean {
    const opener = this.#table.opener(i);
    if (slot >= 0 && opener === FlowOpener.UNKNOWN) return this.#wasReversed(slot);
    return isReversed(opener, this.#table.keys, this.#table.keyAt(i));
  }
}
