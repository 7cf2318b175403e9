/** A process is told from another that later has its pid, and from its own corpse. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { isAlive, kill, processesInNetns, startTicks } from "./process-table.ts";

test("a living process has a start time, and is itself only with it", () => {
  const ticks = startTicks(process.pid);
  expect(ticks).toMatch(/^\d+$/);
  expect(isAlive({ pid: process.pid, startTicks: String(ticks) })).toBe(true);
  expect(isAlive({ pid: process.pid, startTicks: "1" })).toBe(false);
});

test("an ended process is gone, and killing it again is no error", async () => {
  const child = spawn("sleep", ["60"]);
  const pid = child.pid ?? 0;
  expect(startTicks(pid)).toMatch(/^\d+$/);
  kill(pid, "SIGKILL");
  await once(child, "exit");
  expect(startTicks(pid)).toBeUndefined();
  kill(pid, "SIGKILL");
});

test("processes are found by their network namespace", () => {
  expect(processesInNetns(["/proc/self/ns/net"])).toContain(process.pid);
  expect(processesInNetns(["/run/netns/no-such-namespace"])).toEqual([]);
  expect(processesInNetns([])).toEqual([]);
});
