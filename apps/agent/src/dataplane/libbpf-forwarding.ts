/** The part of the real dataplane that carries packets: its uplink, its tables, and what comes up to the agent. */

import type { BpfLink, BpfMap, BpfProgram } from "@millrace/native/native";
import type { Forwarding, ForwardingTables, PolicyTables } from "./dataplane.ts";
import { type AttachAt, mendHook } from "./device-hook.ts";
import { applyForwarding } from "./forwarding.ts";
import type { Pins } from "./pins.ts";
import type { MendedHooks } from "./place.ts";
import { addPolicy, readPolicy, replacePolicy } from "./policy-maps.ts";
import { TunPunt } from "./punt.ts";
import { sweepTranslations } from "./translation-table.ts";
import { takeUplink } from "./uplink.ts";

export type LibbpfForwardingOptions = {
  hostNetns: string;
  pins: Pins;
  program: (name: string) => BpfProgram;
  map: (name: string) => BpfMap;
  attachAt: AttachAt;
};

export class LibbpfForwarding implements Forwarding {
  readonly #o: LibbpfForwardingOptions;
  #uplink: BpfLink | undefined;
  #isTold = false;
  #uplinkAt: { ifindex: number; netns: string } | undefined;

  constructor(options: LibbpfForwardingOptions) {
    this.#o = options;
  }
  get uplinks(): number {
    return this.#uplink ? 1 : 0;
  }

  takeUplink(at: { ifindex: number; netns: string } | undefined): void {
    this.#uplink?.close();
    this.#uplinkAt = at;
    this.#uplink = this.#hook();
  }
  #hook(): BpfLink | undefined {
    return takeUplink(this.#o.pins, this.#o.program("wire_ingress"), this.#uplinkAt, this.#o.attachAt);
  }
  /** As Hooks.mend. */
  mend(report: MendedHooks): MendedHooks {
    const take = () => this.#hook() as BpfLink;
    const link = this.#uplink && mendHook(this.#uplink, take, "the uplink's", report);
    if (link) this.#uplink = link;
    return report;
  }
  openPunt(onPackets: (batch: Uint8Array) => void): TunPunt {
    return new TunPunt(this.#o.hostNetns, this.#o.program("punt_ingress"), this.#o.attachAt, onPackets);
  }
  setTables(tables: ForwardingTables): void {
    // The first time in any case: the life before may have been killed between the tables and their generation.
    const anew = !this.#isTold;
    this.#isTold = false; // also after one that fails half-way
    applyForwarding(this.#o.map, tables, anew);
    this.#isTold = true;
  }
  policy(): PolicyTables | undefined {
    return readPolicy(this.#o.map);
  }
  setPolicy(tables: PolicyTables): void {
    replacePolicy(this.#o.map, tables);
  }
  addPolicy(more: Pick<PolicyTables, "judgements" | "rulesets">): void {
    addPolicy(this.#o.map, more);
  }
  sweepTranslations(): { found: number; removed: number } {
    return sweepTranslations(this.#o.program("translations_sweep"));
  }
  /** Lets go; what is pinned goes on. */
  close(): void {
    this.#uplink?.close();
  }
}
