/**
 * The shop's live settings: one small file that every shop container sees read-only and looks at a few
 * times a second. The lab writes it; nothing reads it back.
 */
import { rename, writeFile } from "node:fs/promises";
import type { StatePaths } from "./state-directory.ts";
import { LabError } from "./subprocess.ts";

export type ShopSettings = {
  /** Of the shopper's requests to web. */
  ratePerSecond: number;
  paymentsOpen: boolean;
  paymentsDelayMs: number;
};

export const MAX_RATE_PER_SECOND = 5_000;

export const normalSettings = (ratePerSecond: number): ShopSettings => ({
  ratePerSecond: checkRate(ratePerSecond),
  paymentsOpen: true,
  paymentsDelayMs: 0,
});

export function checkRate(ratePerSecond: number): number {
  if (!(ratePerSecond >= 0 && ratePerSecond <= MAX_RATE_PER_SECOND)) {
    throw new LabError(`the rate is 0 to ${MAX_RATE_PER_SECOND} requests a second, not ${ratePerSecond}`);
  }
  return ratePerSecond;
}

/** What is wanted now. A change that can't be written is none. */
export class LiveSettings {
  readonly #state: StatePaths;
  #current: ShopSettings;
  #last: Promise<void> = Promise.resolve();

  constructor(state: StatePaths, settings: ShopSettings) {
    this.#state = state;
    this.#current = settings;
  }

  get current(): ShopSettings {
    return this.#current;
  }

  /** One write after the other, so that the last one written is the last one asked. */
  change(change: Partial<ShopSettings>): Promise<void> {
    const written = this.#last.then(async () => {
      const next = { ...this.#current, ...change };
      await writeSettings(this.#state, next);
      this.#current = next;
    });
    this.#last = written.catch(() => {});
    return written;
  }
}

/** By rename, so that no container reads half of it. */
export async function writeSettings(state: StatePaths, settings: ShopSettings): Promise<void> {
  const beside = `${state.settingsFile}.new`;
  await writeFile(beside, JSON.stringify(settings));
  await rename(beside, state.settingsFile);
}
