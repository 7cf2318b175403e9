/** A disk that fills up, breaks, or stops in the middle of a write as a killed process does. Tests only. */
import fs from "node:fs";
import path from "node:path";
import { nodeDisk, type SpoolDisk } from "../spool/disk.ts";
import type { Pieces } from "../spool/frame.ts";

export class Killed extends Error {}

export class FakeDisk implements SpoolDisk {
  readonly list = nodeDisk.list;
  readonly read = nodeDisk.read;
  readonly readAt = nodeDisk.readAt;
  readonly close = nodeDisk.close;
  /** The files that were synced, in order. */
  readonly syncs: string[] = [];
  refuseSync = false;
  /** What the disk has itself, and not only the system's memory; names once their directory was synced. */
  readonly #durable = new Map<string, Buffer>();
  readonly #named = new Set<string>();
  /** Bytes that still fit. */
  room = Number.POSITIVE_INFINITY;
  /** The call after this many never returns; of a write, `killBytes` bytes reach the disk first. */
  killAfter = Number.POSITIVE_INFINITY;
  killBytes = 0;
  refuseTruncate = false;
  refuseRemove = false;
  #calls = 0;

  create(file: string): number {
    this.#pass();
    return nodeDisk.create(file);
  }
  write(fd: number, pieces: Pieces): number {
    const bytes = Buffer.concat(pieces);
    if (this.#calls >= this.killAfter) {
      nodeDisk.write(fd, [bytes.subarray(0, Math.min(this.killBytes, bytes.length))]);
      throw new Killed("in a write");
    }
    this.#pass();
    const fit = Math.min(this.room, bytes.length);
    if (fit === 0) throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
    this.room -= fit;
    return nodeDisk.write(fd, [bytes.subarray(0, fit)]);
  }
  truncate(fd: number, length: number): void {
    this.#pass();
    if (this.refuseTruncate) throw new Error("EIO: i/o error");
    nodeDisk.truncate(fd, length);
  }
  remove(file: string): void {
    this.#pass();
    if (this.refuseRemove) throw new Error("EIO: i/o error");
    nodeDisk.remove(file);
  }

  async sync(file: string): Promise<void> {
    if (this.refuseSync) throw new Error("EIO: i/o error");
    await nodeDisk.sync(file);
    this.syncs.push(path.basename(file));
    this.#durable.set(file, nodeDisk.read(file));
  }
  async syncNames(directory: string): Promise<void> {
    await nodeDisk.syncNames(directory);
    for (const file of nodeDisk.list(directory)) this.#named.add(file);
  }
  /** Leaves what a power cut would at the worst. Removals may have reached the disk. */
  cutPower(directory: string): void {
    for (const file of nodeDisk.list(directory)) {
      const durable = this.#named.has(file) && this.#durable.get(file);
      if (durable) fs.writeFileSync(file, durable);
      else nodeDisk.remove(file);
    }
  }

  #pass(): void {
    if (this.#calls++ >= this.killAfter) throw new Killed("between two calls");
  }
}
