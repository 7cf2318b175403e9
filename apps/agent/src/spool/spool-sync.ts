/**
 * Brings to the disk what waits in the spool, so that a power cut costs no more than the last moments: a batch that was
 * there at the last step and is there still, and each file's beginning. What is sent at once is never synced. Off the
 * event loop, and never twice at once; the spool doesn't wait for it.
 */
import path from "node:path";
import { nodeDisk, type SpoolDisk } from "./disk.ts";
import type { SegmentFile } from "./recover.ts";
import type { Spool } from "./spool.ts";

export class SpoolSync {
  readonly #spool: Pick<Spool, "segments" | "oldest">;
  readonly #disk: SpoolDisk;
  /** Bytes of each file that the disk has. */
  #synced = new Map<string, number>();
  /** Bytes of each file at the last step. */
  #seen = new Map<string, number>();
  failures = 0;

  constructor(spool: Pick<Spool, "segments" | "oldest">, disk: SpoolDisk = nodeDisk) {
    this.#spool = spool;
    this.#disk = disk;
  }

  /** To be called at an even pace, which is what a batch may have to wait. */
  async step(): Promise<void> {
    const seen = this.#seen;
    this.#seen = new Map(this.#spool.segments.map(({ file, bytes }) => [file, bytes]));
    this.#synced = new Map([...this.#synced].filter(([file]) => this.#seen.has(file)));
    for (const segment of [...this.#spool.segments])
      if (this.#isDue(segment, seen.get(segment.file) ?? 0)) await this.#sync(segment);
  }

  /** All that is there, whatever its age. */
  async finish(): Promise<void> {
    for (const segment of [...this.#spool.segments])
      if (segment.bytes > (this.#synced.get(segment.file) ?? 0)) await this.#sync(segment);
  }

  /** Batches are in order: everything behind the oldest one waits too. */
  #isDue({ file }: SegmentFile, seenBytes: number): boolean {
    const synced = this.#synced.get(file);
    if (synced === undefined) return seenBytes > 0;
    const { oldest } = this.#spool;
    if (!oldest || file < oldest.file) return false;
    return seenBytes > Math.max(synced, file === oldest.file ? oldest.offset : 0);
  }

  async #sync({ file, bytes }: SegmentFile): Promise<void> {
    try {
      await this.#disk.sync(file);
      if (!this.#synced.has(file)) await this.#disk.syncNames(path.dirname(file));
      this.#synced.set(file, bytes);
    } catch (error) {
      // One that was removed meanwhile is nobody's any more.
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") this.failures++;
    }
  }
}
