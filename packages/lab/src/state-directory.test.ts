/** The state directory: only a lab's own is ever cleared. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeState, removeState, statePaths } from "./state-directory.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "lab-state-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test("what is made is removed, and the empty directory with it", async () => {
  const state = statePaths(directory);
  await makeState(state, ["h1", "h2"], "{}");
  expect(readdirSync(directory).sort()).toEqual(["h1", "h2", "lab.json", "reports", "rootfs", "settings"]);
  await removeState(state);
  expect(existsSync(directory)).toBe(false);
});

test("a marked directory is made anew, without what an earlier lab left", async () => {
  const state = statePaths(directory);
  await makeState(state, ["h1", "h2"], "{}");
  writeFileSync(path.join(directory, "h2/left"), "");
  await makeState(state, ["h1"], "{}");
  expect(existsSync(path.join(directory, "h2"))).toBe(false);
});

test("other files beside a lab's are kept", async () => {
  const state = statePaths(directory);
  await makeState(state, ["h1"], "{}");
  writeFileSync(path.join(directory, "notes"), "mine");
  await removeState(state);
  expect(readdirSync(directory)).toEqual(["notes"]);
});

test("an unmarked directory is refused, and never cleared", async () => {
  mkdirSync(path.join(directory, "h1"));
  const state = statePaths(directory);
  await expect(makeState(state, ["h1"], "{}")).rejects.toThrow("holds other files and no lab.json");
  await removeState(state);
  expect(readdirSync(directory)).toEqual(["h1"]);
});

test("a path too long for a socket is refused at once", () => {
  expect(() => statePaths(`/${"x".repeat(120)}`)).toThrow("longer than the 107 bytes");
});
