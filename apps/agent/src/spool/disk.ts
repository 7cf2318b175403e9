/**
 * The few file operations the spool needs, so that tests can fill the disk, break it or cut its power. One append is
 * one write call: a kill leaves either nothing, the whole record, or a tail that its checksum betrays.
 */
import fs from "node:fs";
import path from "node:path";
import type { Pieces } from "./frame.ts";

export interface SpoolDisk {
  list(directory: string): string[];
  read(file: string): Buffer;
  readAt(file: string, offset: number, length: number): Buffer;
  /** Creates the file; fails when it exists. */
  create(file: string): number;
  /** Bytes written, which may be fewer than asked when the disk fills up. */
  write(fd: number, pieces: Pieces): number;
  truncate(fd: number, length: number): void;
  close(fd: number): void;
  remove(file: string): void;
  /** Resolves when the disk has all that the file held at the call. */
  sync(file: string): Promise<void>;
  /** Likewise of the names in a directory. */
  syncNames(directory: string): Promise<void>;
}

export const nodeDisk: SpoolDisk = {
  list(directory) {
    fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
    return fs.readdirSync(directory).map((name) => path.join(directory, name));
  },
  read: (file) => fs.readFileSync(file),
  readAt(file, offset, length) {
    const fd = fs.openSync(file, "r");
    try {
      const out = Buffer.allocUnsafe(length);
      let at = 0;
      while (at < length) {
        const got = fs.readSync(fd, out, at, length - at, offset + at);
        if (got === 0) throw new Error(`${file} ends at ${offset + at}, before ${offset + length}`);
        at += got;
      }
      return out;
    } finally {
      fs.closeSync(fd);
    }
  },
  create: (file) => fs.openSync(file, "ax", 0o600),
  write: (fd, pieces) => fs.writevSync(fd, [...pieces]),
  truncate: (fd, length) => fs.ftruncateSync(fd, length),
  close: (fd) => fs.closeSync(fd),
  remove: (file) => fs.unlinkSync(file),
  sync: (file) => withHandle(file, (handle) => handle.datasync()),
  syncNames: (directory) => withHandle(directory, (handle) => handle.sync()),
};

async function withHandle(
  file: string,
  work: (handle: fs.promises.FileHandle) => Promise<void>,
): Promise<void> {
  const handle = await fs.promises.open(file, "r");
  try {
    await work(handle);
  } finally {
    await handle.close();
  }
}
