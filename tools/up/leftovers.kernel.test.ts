import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { removePins } from "./leftovers.mjs";

let pinRoot: string;
beforeEach(() => {
  pinRoot = path.join(mkdtempSync(path.join(tmpdir(), "pins-")), "root");
  mkdirSync(path.join(pinRoot, "a"), { recursive: true });
});
afterEach(() => rmSync(path.dirname(pinRoot), { recursive: true, force: true }));

/** As a running agent does: the lock of its directory, until it is ended. */
async function holder(directory: string) {
  const child = spawn("flock", [directory, "cat"], { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.write("held\n");
  await new Promise((resolve) => child.stdout.once("data", resolve));
  return async () => {
    const ended = new Promise((resolve) => child.once("close", resolve));
    child.stdin.end();
    await ended;
  };
}

test("pins of an agent that still runs are left, and it is said; once it has ended they go", async () => {
  const end = await holder(path.join(pinRoot, "a"));
  try {
    await expect(removePins(pinRoot)).rejects.toThrow(`an agent runs on ${pinRoot}/a: end it first`);
    expect(existsSync(path.join(pinRoot, "a"))).toBe(true);
  } finally {
    await end();
  }
  expect(await removePins(pinRoot)).toBe(1);
  expect(existsSync(pinRoot)).toBe(false);
});
