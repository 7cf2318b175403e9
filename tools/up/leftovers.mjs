// Removes what a killed supervisor or a power cut left of this instance: processes by their notes, the
// lab, pins. By what exists, never by memory; on a clean machine it does nothing. Data is never touched.
import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { run } from "../command.mjs";
import { at } from "../paths.mjs";
import { isAlive } from "./lock.mjs";
import { signalGroup, signalProcess } from "./service.mjs";

const agentProgram = at("apps/agent/build/main.js");
/** Of `cleanup`: an agent still runs on them, or the kernel won't let go of them. */
const PINS_ARE_KEPT = 69;
export const labProgram = at("packages/lab/build/main.js");

/** Ends the processes whose notes are in the folder. Those whose supervisor was killed are ending already.
 * @param {string} runFolder @returns {Promise<number>} */
export async function endNotedProcesses(runFolder, patienceMs = 15_000) {
  if (!existsSync(runFolder)) return 0;
  const notes = readdirSync(runFolder).map((file) => path.join(runFolder, file));
  const alive = notes.flatMap((file) => livingProcess(file));
  for (const one of alive) signalProcess(one.pid, one.signal);
  const gone = (one) => !isAlive(one);
  const deadline = performance.now() + patienceMs;
  while (!alive.every(gone) && performance.now() < deadline) await delay(50);
  for (const one of alive) if (!gone(one)) signalGroup(one.pid, "SIGKILL");
  for (const file of notes) rmSync(file, { force: true });
  return alive.length;
}

function livingProcess(file) {
  try {
    const note = JSON.parse(readFileSync(file, "utf8"));
    return isAlive(note) ? [note] : [];
  } catch {
    return []; // a note half written when the power went
  }
}

/** Detaches and unpins what agents of this instance pinned; throws when one of them still runs, and leaves its pins.
 * @param {string} pinRoot @returns {Promise<number>} how many agents' pins there were */
export async function removePins(pinRoot) {
  if (!existsSync(pinRoot)) return 0;
  const folders = readdirSync(pinRoot).map((name) => path.join(pinRoot, name));
  for (const folder of folders) {
    if (existsSync(agentProgram)) {
      const { code, output } = await run(process.execPath, [agentProgram, "cleanup", "--pin-dir", folder]);
      if (code === PINS_ARE_KEPT) throw new Error(output.trimEnd());
    }
    rmSync(folder, { recursive: true, force: true });
  }
  rmSync(pinRoot, { recursive: true, force: true });
  removeIfEmpty(path.dirname(pinRoot));
  return folders.length;
}

/** Another instance may be making its own folder there, or removing this one. @param {string} folder */
function removeIfEmpty(folder) {
  try {
    rmdirSync(folder);
  } catch (error) {
    if (!["ENOENT", "ENOTEMPTY"].includes(error.code)) throw error;
  }
}

/** @param {import("./instance.mjs").Instance} instance */
export async function sweepLab(instance) {
  if (!existsSync(labProgram)) return;
  const args = [labProgram, "sweep", "--state", instance.in("lab"), "--name", instance.name];
  const { code, output } = await run(process.execPath, args);
  if (code !== 0) throw new Error(`the lab's leftovers can't be removed:\n${output.trimEnd()}`);
}

/** A start without a lab, too, removes what one with a lab left.
 * @param {Pick<import("./instance.mjs").Instance, "lab" | "in">} instance */
export const mayHaveLab = (instance) => instance.lab || existsSync(instance.in("lab"));

/** @param {import("./instance.mjs").Instance} instance @returns {Promise<string>} for the progress line */
export async function sweepLeftovers(instance) {
  const processes = await endNotedProcesses(instance.in("run"));
  const isRoot = process.getuid?.() === 0;
  const agents = isRoot ? await removePins(instance.pinRoot) : 0;
  if (isRoot && mayHaveLab(instance)) await sweepLab(instance);
  if (processes + agents === 0) return "nothing left over";
  return `ended ${processes} processes, removed the pins of ${agents} agents`;
}
