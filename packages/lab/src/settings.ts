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

/** By rename, so that no container reads half of it. */
export async function writeSettings(state: StatePaths, settings: ShopSettings): Promise<void> {
  const beside = `${state.settingsFile}.new`;
  await writeFile(beside, JSON.stringify(settings));
  await rename(beside, state.settingsFile);
}
