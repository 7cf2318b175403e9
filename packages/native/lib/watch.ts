// Changes of interfaces, addresses and processes as they happen. All watches of this JavaScript environment share one
// thread, which ends with the last of them. An event says that something changed; read the new state where it stands.
import * as args from "./args.ts";
import { binding, type NativeWatcher, type WatchEvent } from "./binding.ts";
import { deliver } from "./ring-reader.ts";

export interface LinkEvent {
  /** `overrun`: events were missed, look at everything again. */
  kind: "link" | "addr" | "overrun";
  op: "new" | "del";
  ifindex: number;
  name?: string;
  /** Of watchLinksEverywhere: what the watched namespace calls the one it happened in; absent for itself. */
  netns?: number;
}

export interface ProcessEvent {
  kind: "process" | "overrun";
  op: "fork" | "exec" | "exit";
  pid: number;
}

export interface Watch {
  close(): void;
}

class SharedWatcher {
  readonly #handlers = new Map<number, (event: WatchEvent) => void>();
  #native: NativeWatcher | undefined;

  add(open: (watcher: NativeWatcher) => number, on: (event: WatchEvent) => void): Watch {
    this.#native ??= new binding.Watcher((events) => {
      // One that was closed while its events were on the way has no handler any more.
      for (const event of events) deliver(() => this.#handlers.get(event.watch)?.(event));
    });
    const watcher = this.#native;
    let id: number;
    try {
      id = open(watcher);
    } catch (error) {
      this.#endIfIdle();
      throw error;
    }
    this.#handlers.set(id, on);
    return { close: () => this.#remove(watcher, id) };
  }

  #remove(watcher: NativeWatcher, id: number): void {
    if (watcher !== this.#native || !this.#handlers.delete(id)) return;
    watcher.remove(id);
    this.#endIfIdle();
  }

  #endIfIdle(): void {
    if (this.#handlers.size > 0) return;
    void this.#native?.close();
    this.#native = undefined;
  }
}

const shared = new SharedWatcher();

/** Keeps the namespace alive until close(): its socket is in it. */
export function watchLinks(nsPath: string | undefined, on: (event: LinkEvent) => void): Watch {
  const path = args.optionalText(nsPath, "watchLinks path");
  args.callback(on, "watchLinks on");
  return addLinks(path, false, on);
}

/** Also in all namespaces that the watched one has a number for (netnsNumber); those are not kept alive. */
export function watchLinksEverywhere(nsPath: string | undefined, on: (event: LinkEvent) => void): Watch {
  const path = args.optionalText(nsPath, "watchLinksEverywhere path");
  args.callback(on, "watchLinksEverywhere on");
  return addLinks(path, true, on);
}

function addLinks(path: string | undefined, everywhere: boolean, on: (event: LinkEvent) => void): Watch {
  return shared.add(
    (watcher) => watcher.addLinks(path, everywhere),
    (event) =>
      on({
        kind: event.kind as LinkEvent["kind"],
        op: event.op === "del" ? "del" : "new",
        ifindex: event.subject,
        ...(event.name && event.kind !== "overrun" ? { name: event.name } : {}),
        ...(event.netns < 0 ? {} : { netns: event.netns }),
      }),
  );
}

/** fork, exec and exit of all processes; throws where the kernel has no proc connector or this is a nested namespace. */
export function watchProcesses(on: (event: ProcessEvent) => void): Watch {
  args.callback(on, "watchProcesses on");
  return shared.add(
    (watcher) => watcher.addProcesses(),
    (event) =>
      on({
        kind: event.kind as ProcessEvent["kind"],
        op: event.op as ProcessEvent["op"],
        pid: event.subject,
      }),
  );
}
