// A lock between processes of this machine: a file that names its holder by pid and start time, so that a
// file left by a dead process, or by another one of the same pid, holds nothing.
import { createHash } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** When a process started, in kernel ticks since boot; undefined if it isn't there, or is dead and only waits to
 *  be reaped, which a container without an init never does.
 * @param {number} pid @returns {string | undefined} */
export function startTime(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/** @param {{ pid?: number, started?: string }} note */
export const isAlive = ({ pid, started }) =>
  pid !== undefined && started !== undefined && startTime(pid) === started;

const contentOf = (file) => {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
};

/** @param {string} content of a lock file @returns {number | undefined} */
function livingHolder(content) {
  try {
    const note = JSON.parse(content);
    return isAlive(note) ? note.pid : undefined;
  } catch {
    return undefined;
  }
}

/** @param {string} file @returns {number | undefined} the living holder's pid */
export const holderOf = (file) => livingHolder(contentOf(file));

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
      const found = contentOf(file);
      const pid = livingHolder(found);
      if (pid !== undefined) return { heldBy: pid };
      const rival = removeStale(file, found);
      if (rival !== undefined) return { heldBy: rival };
    }
  } finally {
    rmSync(mine, { force: true });
  }
}

/** Of several that find the same dead holder one removes its file, under a lock named after it: otherwise a slow one
 *  would remove what a quick one has taken since.
 * @param {string} file @param {string} stale its content @returns {number | undefined} who is at it already */
function removeStale(file, stale) {
  const takeover = tryLock(`${file}.${createHash("sha256").update(stale).digest("hex").slice(0, 12)}`);
  if ("heldBy" in takeover) return takeover.heldBy;
  if (contentOf(file) === stale) rmSync(file, { force: true });
  takeover.release();
  return undefined;
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
