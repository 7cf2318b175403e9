/** A runtime whose containers are OCI state directories: plain runc, containerd, podman, CRI-O. */
import { namesFrom } from "./annotations.ts";
import type { Container, Runtime } from "./container.ts";
import { type OciContainer, OciStates } from "./oci-state.ts";
import { PodmanStorage } from "./podman-storage.ts";
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
  readonly #podmanStorage = new PodmanStorage();

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
    const described = found.map((container) => this.#describe(container));
    this.#podmanStorage.endSweep();
    return described;
  }

  #describe(container: OciContainer): Container {
    const own = this.#options.annotations?.(container) ?? {};
    const names = namesFrom({ ...own, ...container.annotations }, this.#options.name);
    const { id, pid, startTicks, createdAtMs, bundle } = container;
    // By whose annotations it bears, not by whose root it is in: podman may use plain runc's.
    const stored = names.runtime === "podman" && bundle ? this.#podmanStorage.of(bundle, id) : undefined;
    const name = names.name ?? stored?.name ?? (names.isSandbox ? null : id.slice(0, 253));
    const image = names.image ?? stored?.image ?? null;
    // containerd keeps its states under its own root: below another, somebody else wrote CRI's annotations.
    const runtime = names.runtime === "containerd" ? this.#options.name : names.runtime;
    const isSandbox = names.isSandbox || stored?.isInfra === true;
    return {
      ...{ ...names, runtime, id: id.slice(0, 128), pid, startTicks },
      ...{ name, image, isSandbox, startedAtMs: createdAtMs },
    };
  }
}
