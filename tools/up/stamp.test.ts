// Skipping what didn't change.
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { hashOf, whenChanged } from "./stamp.mjs";

let folder: string;
let runs: number;
const file = (name: string) => path.join(folder, name);
const build = () =>
  whenChanged(
    { name: "a step", inputs: [file("src")], outputs: [file("out.js")] },
    async () => {
      runs++;
      writeFileSync(file("out.js"), "made");
    },
    file("stamps"),
  );

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "millrace-stamp-"));
  runs = 0;
  mkdirSync(file("src/deep"), { recursive: true });
  writeFileSync(file("src/a.ts"), "one");
  writeFileSync(file("src/deep/b.ts"), "two");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("a step runs once, and again only when a byte or a name changed", async () => {
  expect(await build()).toBe(true);
  expect(await build()).toBe(false);
  utimesSync(file("src/a.ts"), 1, 1);
  expect(await build()).toBe(false);
  writeFileSync(file("src/deep/b.ts"), "three");
  expect(await build()).toBe(true);
  writeFileSync(file("src/c.ts"), "");
  expect(await build()).toBe(true);
  expect(runs).toBe(3);
});

test("a deleted output is made again", async () => {
  await build();
  rmSync(file("out.js"));
  expect(await build()).toBe(true);
});

test("a step that failed runs again", async () => {
  const failing = () =>
    whenChanged(
      { name: "fails", inputs: [file("src")], outputs: [] },
      async () => {
        runs++;
        throw new Error("broken");
      },
      file("stamps"),
    );
  await expect(failing()).rejects.toThrow("broken");
  await expect(failing()).rejects.toThrow("broken");
  expect(runs).toBe(2);
});

test("tests, documents and dependencies don't cause a build", () => {
  const before = hashOf([file("src")]);
  writeFileSync(file("src/a.test.ts"), "");
  writeFileSync(file("src/README.md"), "");
  mkdirSync(file("src/node_modules"));
  writeFileSync(file("src/node_modules/x.js"), "");
  expect(hashOf([file("src")])).toBe(before);
});

test("moving bytes from one file to another is a change", () => {
  const before = hashOf([file("src")]);
  writeFileSync(file("src/a.ts"), "onetwo");
  writeFileSync(file("src/deep/b.ts"), "");
  expect(hashOf([file("src")])).not.toBe(before);
});
