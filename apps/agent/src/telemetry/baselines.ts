/**
 * All baselines together, and their form in the spool: a snapshot and a set of changes have the same form,
 * so that replaying is applying. Changes are applied only once the spool has them. Removals are not written
 * down: after a restart whatever the kernel's tables don't have any more is dropped.
 */
import { z } from "zod";
import { joinParts, type Pieces, splitParts } from "../spool/frame.ts";
import type { StoredBaseline } from "../spool/recover.ts";
import { FlowTranslations } from "../translation/flow-translations.ts";
import { DropBaseline } from "./drop-baseline.ts";
import { CLASS_COUNT, EndpointState } from "./endpoint-baseline.ts";
import { FlowBaseline, WORD } from "./flow-baseline.ts";

/** Counters of the kernel's own losses, as reported so far. */
const Tallies = z.record(z.string(), z.number());
const Meta = z.object({
  /** The boot and the set of pinned maps that all of this speaks of; useless beside any other. */
  bootId: z.string(),
  generation: z.string(),
  /** How many classes an endpoint's totals have: by it another version finds the totals in them. */
  classes: z.literal(CLASS_COUNT).default(CLASS_COUNT),
  /** Sets of maps that were given up and may be there yet: what they lost is told. */
  settled: z.array(z.string()).default([]),
  endpoints: z.array(EndpointState),
  tallies: Tallies,
});
export type BaselineMeta = z.infer<typeof Meta>;
export type BaselineChanges = {
  flows: Uint8Array;
  drops: Uint8Array;
  translations: Uint8Array;
  endpoints: EndpointState[];
  tallies: Record<string, number>;
};

export class Baselines {
  bootId = "";
  generation = "";
  settled: string[] = [];
  readonly flows: FlowBaseline;
  readonly drops = new DropBaseline();
  readonly translations = new FlowTranslations();
  readonly endpoints = new Map<number, EndpointState>();
  readonly tallies = new Map<string, number>();

  /** `flowCapacity`: as many flows as the kernel keeps. */
  constructor(flowCapacity?: number) {
    this.flows = new FlowBaseline(flowCapacity);
  }

  /** False when the bytes are none of ours; then nothing is known. */
  load(stored: StoredBaseline): boolean {
    this.clear();
    const whole = [stored.snapshot, ...stored.changes].every((bytes) => this.#replay(bytes));
    if (!whole) this.clear();
    for (const name of [...this.tallies.keys()].filter(isOfProcess)) this.tallies.delete(name);
    return whole;
  }
  clear(): void {
    this.bootId = "";
    this.generation = "";
    this.flows.clear();
    this.drops.clear();
    this.translations.clear();
    this.endpoints.clear();
    this.tallies.clear();
  }
  apply(changes: BaselineChanges): void {
    this.flows.apply(changes.flows);
    this.drops.apply(changes.drops);
    this.translations.apply(changes.translations);
    for (const endpoint of changes.endpoints) this.endpoints.set(endpoint.id, endpoint);
    for (const [name, value] of Object.entries(changes.tallies)) this.tallies.set(name, value);
  }
  /** Views of what is here now: to be written before anything changes. */
  snapshot(): Pieces {
    return this.encode({
      flows: this.flows.snapshot(),
      drops: this.drops.snapshot(),
      translations: this.translations.snapshot(),
      endpoints: [...this.endpoints.values()],
      tallies: Object.fromEntries(this.tallies),
    });
  }
  encode(changes: BaselineChanges): Pieces {
    const { flows, drops, translations, ...rest } = changes;
    const { bootId, generation, settled } = this;
    const meta: BaselineMeta = { bootId, generation, classes: CLASS_COUNT, settled, ...rest };
    return joinParts([[Buffer.from(JSON.stringify(meta))], [flows], [drops], [translations]]);
  }

  /** Other sides and services that no flow has any more are forgotten. */
  sweepTranslations(): void {
    if (this.translations.size === 0) return;
    const used = new Set<number>();
    for (let slot = 0; slot < this.flows.size; slot++) {
      used.add(this.flows.wordAt(slot, WORD.translation));
      used.add(this.flows.wordAt(slot, WORD.asked));
    }
    this.translations.keep(used);
  }

  #replay(bytes: Buffer): boolean {
    const [head, flows, drops, translations] = splitParts(bytes, 4) ?? [];
    const meta = head && Meta.safeParse(parse(head)).data;
    if (!meta || !flows || !drops || !translations) return false;
    this.bootId = meta.bootId;
    this.generation = meta.generation;
    this.apply({ ...meta, flows, drops, translations });
    return true;
  }
}

/** Counters of the agent's own: they begin at zero with each life. */
const isOfProcess = (tally: string): boolean => tally.startsWith("agent:");

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}
