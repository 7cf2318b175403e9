/** The live settings as the containers see them. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { checkRate, LiveSettings, normalSettings } from "./settings.ts";
import { statePaths } from "./state-directory.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "lab-settings-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test.each([-1, 5_001, Number.NaN, Number.POSITIVE_INFINITY])("a rate of %d is refused", (rate) => {
  expect(() => checkRate(rate)).toThrow("0 to 5000 requests a second");
});

test("normal settings break nothing", () => {
  expect(normalSettings(20)).toEqual({ ratePerSecond: 20, paymentsOpen: true, paymentsDelayMs: 0 });
});

test("of changes made at once each is kept, and the last one written is what is wanted", async () => {
  const state = statePaths(folder);
  await mkdir(state.settingsDirectory);
  const live = new LiveSettings(state, normalSettings(20));
  await Promise.all([
    live.change({ ratePerSecond: 1 }),
    live.change({ paymentsOpen: false }),
    live.change({ ratePerSecond: 2 }),
  ]);
  expect(live.current).toEqual({ ratePerSecond: 2, paymentsOpen: false, paymentsDelayMs: 0 });
  expect(JSON.parse(readFileSync(state.settingsFile, "utf8"))).toEqual(live.current);
});

test("a change that can't be written is none, also for the next one that can", async () => {
  const state = statePaths(folder);
  const live = new LiveSettings(state, normalSettings(20));
  await expect(live.change({ paymentsOpen: false })).rejects.toThrow("ENOENT");
  expect(live.current.paymentsOpen).toBe(true);
  await mkdir(state.settingsDirectory);
  await live.change({ ratePerSecond: 3 });
  expect(live.current).toEqual({ ...normalSettings(3) });
});
