/**
 * Calls when something may have changed in directories that come and go themselves: of one that isn't there,
 * the nearest above that is, is watched. A container's state file is written a moment after its directory, so
 * each event is followed by a few looks.
 */
import fs from "node:fs";
import path from "node:path";

const LOOKS_MS = [10, 60, 150, 300, 500, 750];
/** Looks of several events that fall together are one: no more than 25 in a second, whatever happens. */
const SLOT_MS = 40;

/** `made`: which directory of that name it is. */
type Watched = { watcher: fs.FSWatcher; made: string };

export class DirectoryWatch {
  readonly #call: () => void;
  readonly #watched = new Map<string, Watched>();
  readonly #looks = new Map<number, NodeJS.Timeout>();

  constructor(call: () => void) {
    this.#call = call;
  }

  /** Watches these and no others. */
  follow(directories: readonly string[]): void {
    const wanted = new Map(directories.map(nearest).filter((found) => found !== undefined));
    // One that was removed and made again is another, of which the old watch hears nothing.
    for (const [directory, { made }] of this.#watched)
      if (wanted.get(directory) !== made) this.#drop(directory);
    for (const [directory, made] of wanted) if (!this.#watched.has(directory)) this.#add(directory, made);
  }
  close(): void {
    for (const directory of this.#watched.keys()) this.#drop(directory);
    for (const timer of this.#looks.values()) clearTimeout(timer);
    this.#looks.clear();
  }

  #add(directory: string, made: string): void {
    try {
      const watcher = fs.watch(directory, { persistent: false }, () => this.#changed());
      watcher.on("error", () => this.#drop(directory));
      this.#watched.set(directory, { watcher, made });
    } catch {
      return; // gone just now, or no inotify watch to be had: the sweep goes on without
    }
  }
  #drop(directory: string): void {
    this.#watched.get(directory)?.watcher.close();
    this.#watched.delete(directory);
  }
  #changed(): void {
    const now = performance.now();
    for (const ms of LOOKS_MS) {
      const slot = Math.ceil((now + ms) / SLOT_MS);
      if (this.#looks.has(slot)) continue;
      const timer = setTimeout(() => this.#look(slot), slot * SLOT_MS - now);
      timer.unref();
      this.#looks.set(slot, timer);
    }
  }
  #look(slot: number): void {
    this.#looks.delete(slot);
    this.#call();
  }
}

/** The directory, or the nearest above it that is there; the root of everything is none. */
function nearest(directory: string): [directory: string, made: string] | undefined {
  for (let at = directory; at !== path.dirname(at); at = path.dirname(at)) {
    const stat = fs.statSync(at, { throwIfNoEntry: false });
    if (stat?.isDirectory()) return [at, `${stat.ino} ${stat.birthtimeMs}`]; // inodes are used again
  }
  return undefined;
}
