// A lock between processes of this machine: a file that names its holder by pid and start time, so that a
// file left by a dead process, or by another one of the same pid, holds nothing.
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** When a process started, in kernel ticks since boot; undefined if it isn't there.
 * @param {number} pid @returns {string | undefined} */
export function startTime(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

/** @param {string} file @returns {number | undefined} the living holder's pid */
export function holderOf(file) {
  try {
    const { pid, started } = JSON.parse(readFileSync(file, "utf8"));
    return startTime(pid) === started ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** Takes the lock, or says who has it.
 * @param {string} file @returns {{ release: () => void } | { heldBy: number }} */
export function tryLock(file) {
  mkdirSync(path.dirname(file), { recursive: true });
  const mine = `${file}.${process.pid}`;
  writeFileSync(mine, JSON.stringify({ pid: process.pid, started: startTime(process.pid) }));
  try {
    for (;;) {
      try {
        linkSync(mine, file); // one of several that try at once gets it, with its content complete
        return { release: () => rmSync(file, { force: true }) };
      } catch (error) {
        if (error.code !== "EEXIST") throw error;
      }
      const pid = holderOf(file);
      if (pid !== undefined) return { heldBy: pid };
      rmSync(file, { force: true });
    }
  } finally {
    rmSync(mine, { force: true });
  }
}

/** @param {string} file @param {(pid: number) => void} onWait called once, when it isn't free at once */
export async function waitForLock(file, onWait) {
  let told = false;
  for (;;) {
    const got = tryLock(file);
    if ("release" in got) return got;
    if (!told) onWait(got.heldBy);
    told = true;
    await delay(200);
  }
}
