/**
 * Joins what runtimes keep on disk with what their sockets tell. What the disk says stands; the socket fills
 * in what is missing, and only for containers of which something is.
 */
import type { Container } from "../workload/container.ts";
import type { Inquiry } from "./inquiry.ts";
import type { Told } from "./told.ts";

export class RuntimeNames {
  readonly #inquiries: ReadonlyMap<string, Inquiry>;

  /** By the runtime's name as containers bear it. */
  constructor(inquiries: ReadonlyMap<string, Inquiry>) {
    this.#inquiries = inquiries;
  }

  complete(container: Container): Container {
    if (container.unknown === null) return container;
    const inquiry = this.#inquiries.get(container.runtime);
    if (!inquiry) return container;
    const told = inquiry.of(container.id);
    if (told) return joined(container, told);
    return { ...container, unknown: `${container.unknown}: ${inquiry.reason ?? "it is being asked"}` };
  }
  endSweep(): void {
    for (const inquiry of this.#inquiries.values()) inquiry.endSweep();
  }
}

/** A container without a name goes by its identifier, which any name is better than. */
function joined(container: Container, told: Told): Container {
  const { name, id } = container;
  const named = name !== null && !id.startsWith(name);
  return {
    ...container,
    ...{ name: named ? name : (told.name ?? name), image: container.image ?? told.image },
    ...{ podName: container.podName ?? told.podName, unknown: null },
    podNamespace: container.podNamespace ?? told.podNamespace,
    isSandbox: container.isSandbox || told.isSandbox,
    labels: { ...told.labels, ...container.labels },
  };
}
