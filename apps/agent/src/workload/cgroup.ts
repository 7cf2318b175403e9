/**
 * Identifiers of a container's cgroups in the hierarchy of version 2: the inodes of its directory and those
 * below it, bounded. Cached by process, since a container's cgroup doesn't change.
 */
import fs from "node:fs";
import path from "node:path";
import type { ProcessTable } from "./process.ts";
import { subdirectories } from "./state-file.ts";

const MAX_BELOW = 64;

export class Cgroups {
  readonly #mount: string | undefined;
  readonly #processes: ProcessTable;

  constructor(mount: string | undefined, processes: ProcessTable) {
    this.#mount = mount;
    this.#processes = processes;
  }

  /** Empty when the process is in the root, as everything is on a machine without cgroup 2. */
  of(pid: number): number[] {
    const own = this.#processes.cgroup(pid);
    // '/..' is outside of our own cgroup namespace, and of the mount.
    if (!this.#mount || !own || own === "/" || own.startsWith("/..")) return [];
    const ids: number[] = [];
    const queue = [path.join(this.#mount, own)];
    for (let directory = queue.shift(); directory && ids.length < MAX_BELOW; directory = queue.shift()) {
      const id = inode(directory);
      if (id !== undefined) ids.push(id);
      queue.push(...subdirectories(directory).slice(0, MAX_BELOW));
    }
    return ids;
  }
}

function inode(directory: string): number | undefined {
  const ino = fs.statSync(directory, { throwIfNoEntry: false })?.ino;
  return ino === 0 ? undefined : ino;
}
