/**
 * Calls when something may have changed in directories that come and go themselves. A container's state file
 * is written a moment after its directory, so each event is followed by a few more looks.
 */
import fs from "node:fs";

const LOOKS_MS = [10, 60, 200, 500];

export class DirectoryWatch {
  readonly #call: () => void;
  readonly #watchers = new Map<string, fs.FSWatcher>();
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(call: () => void) {
    this.#call = call;
  }

  /** Watches these and no others; what isn't there is tried again at the next call. */
  follow(directories: readonly string[]): void {
    const wanted = new Set(directories);
    for (const [directory, watcher] of this.#watchers)
      if (!wanted.has(directory)) this.#drop(directory, watcher);
    for (const directory of wanted) if (!this.#watchers.has(directory)) this.#add(directory);
  }
  close(): void {
    for (const [directory, watcher] of this.#watchers) this.#drop(directory, watcher);
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #add(directory: string): void {
    try {
      const watcher = fs.watch(directory, { persistent: false }, () => this.#changed());
      watcher.on("error", () => this.#drop(directory, watcher));
      this.#watchers.set(directory, watcher);
    } catch {
      return; // not there, or no inotify watch to be had: the sweep goes on without
    }
  }
  #drop(directory: string, watcher: fs.FSWatcher): void {
    watcher.close();
    this.#watchers.delete(directory);
  }
  #changed(): void {
    if (this.#timers.size > 0) return;
    for (const ms of LOOKS_MS) {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        this.#call();
      }, ms);
      timer.unref();
      this.#timers.add(timer);
    }
  }
}
