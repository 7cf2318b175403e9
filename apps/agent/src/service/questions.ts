/** Virtual addresses and node ports whose answer is waited for: pods' first, and of each kind only so many. */
import { nodePortOf } from "./node-port.ts";

/** More are left out and counted: their sockets' next try asks again. */
const MOST = 1024;
/** Whoever scans a host's ports must not keep pods waiting. */
const MOST_NODE_PORTS = 128;

export class Questions {
  readonly #virtual = new Set<string>();
  readonly #nodePorts = new Set<string>();

  get size(): number {
    return this.#virtual.size + this.#nodePorts.size;
  }
  has(address: string): boolean {
    return this.#virtual.has(address) || this.#nodePorts.has(address);
  }
  /** false: too many wait. */
  add(address: string): boolean {
    const [kind, most] = nodePortOf(address) ? [this.#nodePorts, MOST_NODE_PORTS] : [this.#virtual, MOST];
    if (kind.size >= most) return false;
    kind.add(address);
    return true;
  }
  next(most: number): string[] {
    return [...(this.#virtual.size > 0 ? this.#virtual : this.#nodePorts)].slice(0, most);
  }
  answered(addresses: readonly string[]): void {
    for (const address of addresses) {
      this.#virtual.delete(address);
      this.#nodePorts.delete(address);
    }
  }
}
