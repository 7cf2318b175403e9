/** A disk that fills up, breaks, or stops in the middle of a write as a killed process does. Tests only. */
import { nodeDisk, type SpoolDisk } from "../spool/disk.ts";
import type { Pieces } from "../spool/frame.ts";

export class Killed extends Error {}

export class FakeDisk implements SpoolDisk {
  readonly list = nodeDisk.list;
  readonly read = nodeDisk.read;
  readonly readAt = nodeDisk.readAt;
  readonly close = nodeDisk.close;
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

  #pass(): void {
    if (this.#calls++ >= this.killAfter) throw new Killed("between two calls");
  }
}
