// The lock between processes.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { holderOf, startTime, tryLock, waitForLock } from "./lock.mjs";

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "millrace-lock-"));
  file = path.join(folder, "up.lock");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("a held lock names its holder, a released one is free", () => {
  const first = tryLock(file);
  expect(first).toHaveProperty("release");
  expect(tryLock(file)).toEqual({ heldBy: process.pid });
  if ("release" in first) first.release();
  expect(holderOf(file)).toBeUndefined();
  expect(tryLock(file)).toHaveProperty("release");
});

test("what a dead process left holds nothing", () => {
  const dead = spawnSync("true").pid;
  writeFileSync(file, JSON.stringify({ pid: dead, started: "1" }));
  expect(tryLock(file)).toHaveProperty("release");
});

test("another process of the same pid, and a half-written file, hold nothing", () => {
  writeFileSync(file, JSON.stringify({ pid: process.pid, started: `${startTime(process.pid)}0` }));
  expect(holderOf(file)).toBeUndefined();
  writeFileSync(file, '{"pid": 1');
  expect(tryLock(file)).toHaveProperty("release");
});

test("who waits gets the lock when it is free, and says once whom it waits for", async () => {
  const first = tryLock(file);
  const told: number[] = [];
  const waiting = waitForLock(file, (pid) => {
    told.push(pid);
    if ("release" in first) first.release();
  });
  expect(await waiting).toHaveProperty("release");
  expect(told).toEqual([process.pid]);
});

test("nothing but the lock stays in the folder", () => {
  tryLock(file);
  tryLock(file);
  expect(readdirSync(folder)).toEqual(["up.lock"]);
});
