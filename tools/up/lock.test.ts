// The lock between processes.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { at } from "../paths.mjs";
import { holderOf, isAlive, startTime, tryLock, waitForLock } from "./lock.mjs";
import { until } from "./until.mjs";

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

test("a process that is dead and not reaped holds nothing", async () => {
  // The shell becomes a program that never waits for its child.
  const parent = spawn("sh", ["-c", "sleep 1000 & echo $!; exec tail -f /dev/null"]);
  try {
    const pid = Number(String((await once(parent.stdout, "data"))[0]));
    const comm = () => readFileSync(`/proc/${parent.pid}/comm`, "utf8");
    await until(() => comm() === "tail\n", { what: "the program", ms: 10_000 });
    const started = startTime(pid) as string;
    writeFileSync(file, JSON.stringify({ pid, started }));
    expect(holderOf(file)).toBe(pid);
    process.kill(pid, "SIGKILL");
    const isZombie = () => readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
    await until(isZombie, { what: "the zombie", ms: 10_000 });
    expect(isAlive({ pid, started })).toBe(false);
    expect(tryLock(file)).toHaveProperty("release");
  } finally {
    parent.kill("SIGKILL");
  }
});

test("a note without a pid or a time is nobody's", () => {
  for (const note of [{}, { pid: 2 ** 22 + 1 }, { started: "1" }]) expect(isAlive(note)).toBe(false);
  writeFileSync(file, "{}");
  expect(holderOf(file)).toBeUndefined();
  expect(tryLock(file)).toHaveProperty("release");
});

const contender = `
  const { tryLock } = await import(${JSON.stringify(at("tools/up/lock.mjs"))});
  console.log(JSON.stringify(tryLock(process.argv[1])));
`;

test("who is slow to find a dead holder leaves the lock to who was quicker", async () => {
  spawnSync("mkfifo", [file]); // its reader waits for us: that is how slow it is
  const slow = spawn(process.execPath, ["--input-type=module", "-e", contender, file]);
  try {
    const answer = once(slow.stdout, "data");
    const stale = await open(file, "w");
    rmSync(file);
    expect(tryLock(file)).toHaveProperty("release");
    await stale.writeFile(JSON.stringify({ pid: spawnSync("true").pid, started: "1" }));
    await stale.close();
    expect(JSON.parse(String((await answer)[0]))).toEqual({ heldBy: process.pid });
    expect(holderOf(file)).toBe(process.pid);
  } finally {
    slow.kill("SIGKILL");
  }
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
