/** Looks now and then for entries of the kernel's translations that belong to no flow; removing them is the kernel side's. */
import type { Forwarding } from "../dataplane/dataplane.ts";

const SWEEP_MS = 10_000;

export class TranslationSweep {
  readonly #forwarding: Forwarding;
  #nextMs = 0;
  #translations = 0;
  #orphans = 0;

  constructor(forwarding: Forwarding) {
    this.#forwarding = forwarding;
  }
  /** Flows under the host's address, and ports that were found to belong to none, so far. */
  get counts(): Record<string, number> {
    return { translations: this.#translations, orphanTranslations: this.#orphans };
  }
  step(nowMs: number): void {
    if (nowMs < this.#nextMs) return;
    this.#nextMs = nowMs + SWEEP_MS;
    const { found, removed } = this.#forwarding.sweepTranslations();
    this.#translations = found - removed;
    this.#orphans += removed;
  }
}
