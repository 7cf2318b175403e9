/**
 * Which process owns which lab: one small file a lab under /run, and the same as a marker in its state
 * directory. It answers "is that lab up, and whose is it" after a kill -9 too; it holds no other state.
 */
import { mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { isAlive, startTicks } from "./process-table.ts";
import type { StatePaths } from "./state-directory.ts";
import { LabError } from "./subprocess.ts";

const REGISTRY = "/run/millrace-lab";

const Owner = z.object({
  name: z.string(),
  stateDirectory: z.string(),
  pid: z.number().int().positive(),
  startTicks: z.string(),
});
export type Owner = z.infer<typeof Owner>;

const registryFile = (labName: string): string => path.join(REGISTRY, `${labName}.json`);

/** Undefined when there is no such file, or one that a power cut left half written. */
function readOwner(file: string): Owner | undefined {
  try {
    return Owner.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return undefined;
  }
}

export const registeredOwner = (labName: string): Owner | undefined => readOwner(registryFile(labName));
export const markedOwner = (state: StatePaths): Owner | undefined => readOwner(state.marker);
export const ownerIsAlive = (owner: Owner): boolean => isAlive(owner);

export function refuseWhenUp(labName: string, state: StatePaths): void {
  for (const owner of [registeredOwner(labName), markedOwner(state)]) {
    if (owner && ownerIsAlive(owner)) {
      throw new LabError(
        `lab ${owner.name} is up already: process ${owner.pid}, state in ${owner.stateDirectory}; end it with 'lab down --state ${owner.stateDirectory}'`,
      );
    }
  }
}

/** Returns the text that marks the state directory too. */
export function claim(labName: string, state: StatePaths): string {
  const owner: Owner = {
    name: labName,
    stateDirectory: state.directory,
    pid: process.pid,
    startTicks: startTicks(process.pid) ?? "",
  };
  const text = JSON.stringify(owner);
  mkdirSync(REGISTRY, { recursive: true });
  try {
    writeFileSync(registryFile(labName), text, { flag: "wx" });
    return text;
  } catch (cause) {
    throw new LabError(
      `can't claim the lab's name in ${registryFile(labName)}: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
}

export function release(labName: string): void {
  rmSync(registryFile(labName), { force: true });
  try {
    rmdirSync(REGISTRY);
  } catch {
    // Another lab is registered there.
  }
}
