/**
 * JSON files of container runtimes, parsed again only when they changed: a sweep reads a hundred of them
 * every second. Damaged or vanished files are simply not there.
 */
import fs from "node:fs";
import path from "node:path";

const MAX_BYTES = 4 << 20;

export class StateFiles<T> {
  readonly #parse: (json: unknown, file: string) => T | undefined;
  #known = new Map<string, { stamp: string; value: T | undefined }>();
  #next = new Map<string, { stamp: string; value: T | undefined }>();

  constructor(parse: (json: unknown, file: string) => T | undefined) {
    this.#parse = parse;
  }

  read(file: string): T | undefined {
    const stamp = stampOf(file);
    if (!stamp) return undefined;
    const known = this.#known.get(file);
    const entry = known?.stamp === stamp ? known : { stamp, value: this.#load(file) };
    this.#next.set(file, entry);
    return entry.value;
  }
  /** After a sweep: forgets what it didn't read. */
  endSweep(): void {
    this.#known = this.#next;
    this.#next = new Map();
  }

  #load(file: string): T | undefined {
    try {
      return this.#parse(JSON.parse(readRegularFile(file)), file);
    } catch {
      return undefined; // half written: the next sweep finds it whole
    }
  }
}

function stampOf(file: string): string | undefined {
  const stat = fs.statSync(file, { throwIfNoEntry: false });
  if (!stat?.isFile() || stat.size > MAX_BYTES) return undefined;
  return `${stat.ino}:${stat.size}:${stat.mtimeMs}`;
}

/**
 * A bundle may lie in a directory of somebody who is not root: what should be a file may be a pipe that nobody
 * writes or a device without end.
 */
export function readRegularFile(file: string): string {
  const fd = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  try {
    const stat = fs.fstatSync(fd);
    if (!stat.isFile() || stat.size > MAX_BYTES)
      throw new Error(`${file} is no file of at most ${MAX_BYTES} bytes`);
    const bytes = Buffer.alloc(stat.size);
    return bytes.toString("utf8", 0, fs.readSync(fd, bytes));
  } finally {
    fs.closeSync(fd);
  }
}

/** Names of the directories in `directory`; none when it isn't there. */
export function subdirectories(directory: string): string[] {
  try {
    return fs
      .readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => path.join(directory, entry.name));
  } catch {
    return [];
  }
}
