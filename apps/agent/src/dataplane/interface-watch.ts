/**
 * Tells in which namespace interfaces or addresses changed, of the host's and of those it was asked to follow:
 * one socket in the host's namespace, which keeps no pod's alive. Says that something changed, not what.
 */
import { type LinkEvent, netnsNumber, type Watch, watchLinksEverywhere } from "@millrace/native/native";
import type { InterfaceChange, InterfaceFollower } from "./dataplane.ts";

export class InterfaceWatch implements InterfaceFollower {
  readonly #hostNetns: string;
  readonly #on: (change: InterfaceChange) => void;
  readonly #watch: Watch;
  readonly #cookies = new Map<number, bigint>();

  static open(hostNetns: string, on: (change: InterfaceChange) => void): InterfaceWatch | undefined {
    try {
      return new InterfaceWatch(hostNetns, on);
    } catch {
      return undefined; // not permitted, or a kernel without: then time has to tell
    }
  }
  private constructor(hostNetns: string, on: (change: InterfaceChange) => void) {
    this.#hostNetns = hostNetns;
    this.#on = on;
    this.#watch = watchLinksEverywhere(hostNetns, (event) => this.#tell(event));
  }

  /** A number is used again after its namespace: the last one bears it. */
  follow(cookie: bigint, netns: string): boolean {
    try {
      this.#cookies.set(netnsNumber(this.#hostNetns, netns), cookie);
      return true;
    } catch {
      return false;
    }
  }
  forget(cookie: bigint): void {
    for (const [number, known] of this.#cookies) if (known === cookie) this.#cookies.delete(number);
  }
  close(): void {
    this.#watch.close();
  }

  #tell(event: LinkEvent): void {
    if (event.kind === "overrun") this.#on("anywhere");
    else if (event.netns === undefined) this.#on("host");
    else {
      const cookie = this.#cookies.get(event.netns);
      if (cookie !== undefined) this.#on(cookie);
    }
  }
}
