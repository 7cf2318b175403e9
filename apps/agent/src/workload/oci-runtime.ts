/** A runtime whose containers are OCI state directories: plain runc, containerd, podman, CRI-O. */
import { namesFrom } from "./annotations.ts";
import type { Container, Runtime } from "./container.ts";
import { type OciContainer, OciStates } from "./oci-state.ts";
import type { ProcessTable } from "./process.ts";

export type OciRuntimeOptions = {
  name: string;
  processes: ProcessTable;
  /** State roots as they are now: containerd has one per namespace. */
  roots: () => string[];
  /** Directories to watch besides the roots. */
  parents?: string[];
  /** Annotations the state doesn't have; asked once for each container. */
  annotations?: (container: OciContainer) => Record<string, string>;
};

export class OciRuntime implements Runtime {
  readonly name: string;
  readonly #options: OciRuntimeOptions;
  readonly #states: OciStates;

  constructor(options: OciRuntimeOptions) {
    this.name = options.name;
    this.#options = options;
    this.#states = new OciStates(options.processes);
  }
  watched(): string[] {
    return [...(this.#options.parents ?? []), ...this.#options.roots()];
  }
  list(): Container[] {
    const found = this.#options.roots().flatMap((root) => this.#states.list(root));
    this.#states.endSweep();
    return found.map((container) => this.#describe(container));
  }

  #describe(container: OciContainer): Container {
    const own = this.#options.annotations?.(container) ?? {};
    const names = namesFrom({ ...own, ...container.annotations }, this.#options.name);
    const { id, pid, startTicks, createdAtMs } = container;
    const name = names.name ?? (names.isSandbox ? null : id.slice(0, 253));
    // containerd keeps its states under its own root: below another, somebody else wrote CRI's annotations.
    const runtime = names.runtime === "containerd" ? this.#options.name : names.runtime;
    return { ...names, runtime, id: id.slice(0, 128), pid, startTicks, name, startedAtMs: createdAtMs };
  }
}
