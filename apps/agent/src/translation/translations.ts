/**
 * What the host's NAT makes of our flows' tuples, kept in step with the kernel's connection tracking. Says for a
 * flow's tuple how it is written on the other side, where its other observer may stand; never changes anything.
 * Where connection tracking can't be read, the reason is a capability, and no flow has another side.
 */
import type { Capability } from "@millrace/contract/agent-protocol";
import type { Dataplane, TranslationSource } from "../dataplane/dataplane.ts";
import { aligned } from "../telemetry/flow-baseline.ts";
import { EntryTable, MOST_ENTRIES, ORIG, RECORD_WORDS, REPLY } from "./entry-table.ts";
import { TUPLE_WORDS, turnTuple } from "./tuple.ts";

/** Events exist only for connections that began while somebody listened: the others' end shows in a dump. */
const DUMP_EVERY_MS = 60_000;
/** Under a flood that overruns the buffer each time. */
const DUMP_AGAIN_MS = 5_000;
const RETRY_MS = 30_000;
const NAME = "conntrack";

export type TranslationOptions = {
  dataplane: Pick<Dataplane, "watchTranslations">;
  hostNetns: string;
  enabled: boolean;
  /** Whether a covered pod of this host has the address, four words of it at `at`. */
  isOwnPod: (words: Uint32Array, at: number) => boolean;
  nowMs: () => number;
  most?: number;
};

export class Translations {
  readonly #o: TranslationOptions;
  readonly #table: EntryTable;
  readonly #most: number;
  #source: TranslationSource | undefined;
  #problem: string | undefined;
  #dumpDueMs = Number.NEGATIVE_INFINITY;
  #dumpedMs = Number.NEGATIVE_INFINITY;
  #retryAtMs = Number.NEGATIVE_INFINITY;
  #left = 0;
  readonly counts = { dumps: 0, overruns: 0, failures: 0 };

  constructor(options: TranslationOptions) {
    this.#o = options;
    this.#most = options.most ?? MOST_ENTRIES;
    this.#table = new EntryTable(this.#most);
    if (!options.enabled) this.#problem = "switched off by --no-conntrack";
  }

  get entries(): number {
    return this.#table.size;
  }
  /** Entries that were not kept, because there were too many. */
  get lost(): number {
    return this.#table.refused + this.#left;
  }

  /** Tried when asked the first time. */
  capability(): Capability {
    this.refresh();
    const reason = this.#problem?.slice(0, 300) ?? null;
    return { name: NAME, supported: reason === null, reason };
  }

  /** Takes in the news. To be called when the flows have been read: then what they met is known. */
  refresh(): void {
    if (!this.#o.enabled) return;
    const now = this.#o.nowMs();
    if (!this.#source && now < this.#retryAtMs) return;
    try {
      this.#source ??= this.#o.dataplane.watchTranslations(this.#o.hostNetns);
      this.#read(this.#source, now);
      this.#problem = undefined;
    } catch (error) {
      this.#failed(error as Error, now);
    }
  }

  /** The other side's form of what an end sends, into `out`; false when there is none to tell. */
  otherSide(words: Uint32Array, at: number, proto: number, out: Uint32Array): boolean {
    const found = this.#table.find(words, at, proto);
    if (!found) return false;
    const entry = found.slot * RECORD_WORDS;
    // The opener's own observer tells how it goes on from here; a second word on it, at the answering end, would
    // lead back to where the first stands.
    if (found.side === REPLY && this.#o.isOwnPod(this.#table.words, entry + ORIG)) return false;
    turnTuple(out, 0, this.#table.words, entry + (found.side === ORIG ? REPLY : ORIG));
    for (let i = 0; i < TUPLE_WORDS; i++) if (out[i] !== words[at + i]) return true;
    return false;
  }

  close(): void {
    this.#source?.close();
    this.#source = undefined;
  }

  #read(source: TranslationSource, now: number): void {
    const { bytes, overran } = source.read();
    this.#table.apply(aligned(bytes));
    if (overran) {
      this.counts.overruns++;
      this.#dumpDueMs = Math.min(this.#dumpDueMs, this.#dumpedMs + DUMP_AGAIN_MS);
    }
    if (now < this.#dumpDueMs) return;
    const { bytes: all, left } = source.dump(this.#most);
    this.#table.replace(aligned(all));
    this.counts.dumps++;
    this.#left += left;
    this.#dumpedMs = now;
    this.#dumpDueMs = now + DUMP_EVERY_MS;
  }

  /** What was known stays until it is told anew: flows keep what they were reported with. */
  #failed(error: Error, now: number): void {
    this.close();
    this.counts.failures++;
    this.#problem = error.message;
    this.#retryAtMs = now + RETRY_MS;
    this.#dumpDueMs = Number.NEGATIVE_INFINITY;
  }
}
