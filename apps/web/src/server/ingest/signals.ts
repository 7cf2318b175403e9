/**
 * What a host's open control.watch is told: that something changed, not what. Signals are levels: several of
 * one kind before the agent reads are one. It ends when the agent goes or its credential does.
 */
import type { ControlSignal } from "@millrace/contract/agent-protocol";
import { AppError } from "@millrace/contract/error";
import type { z } from "zod";
import type { Bus } from "../bus.ts";

export type Signal = z.infer<typeof ControlSignal>;
const MOST_WATCHES_PER_HOST = 2;

export class Watches {
  readonly #bus: Bus;
  readonly #isRevoked: (hostId: number) => Promise<boolean>;
  readonly #open = new Map<number, number>();

  constructor(bus: Bus, isRevoked: (hostId: number) => Promise<boolean>) {
    this.#bus = bus;
    this.#isRevoked = isRevoked;
  }
  get open(): number {
    return [...this.#open.values()].reduce((sum, n) => sum + n, 0);
  }

  /** Begins with a signal: what changed while nobody watched is read then. */
  async *watch(hostId: number, signal: AbortSignal): AsyncGenerator<Signal> {
    const open = this.#open.get(hostId) ?? 0;
    if (open >= MOST_WATCHES_PER_HOST)
      throw new AppError("BUSY", `host ${hostId} watches ${open} times already`);
    this.#open.set(hostId, open + 1);
    const pending = new Pending(signal);
    const stopTraces = this.#bus.listen("millrace_traces", () => pending.add("traces"));
    const stopAgents = this.#bus.listen("millrace_agents", (payload) => {
      if (payload === null || payload === String(hostId)) pending.add("credential");
    });
    pending.add("traces");
    try {
      while (!signal.aborted) {
        const what = await pending.next();
        if (what.has("traces")) yield { what: "traces" };
        if (what.has("credential") && (await this.#isRevoked(hostId))) {
          yield { what: "credential-revoked" };
          return;
        }
      }
    } finally {
      stopTraces();
      stopAgents();
      this.#left(hostId);
    }
  }

  #left(hostId: number): void {
    const left = (this.#open.get(hostId) ?? 1) - 1;
    if (left > 0) this.#open.set(hostId, left);
    else this.#open.delete(hostId);
  }
}

type Change = "traces" | "credential";

/** What has changed since the last look; bounded by the number of kinds. */
class Pending {
  #what = new Set<Change>();
  #wake: () => void = () => {};
  readonly #signal: AbortSignal;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener("abort", () => this.#wake(), { once: true });
  }
  add(change: Change): void {
    this.#what.add(change);
    this.#wake();
  }
  /** Empty when the watcher has gone. */
  async next(): Promise<ReadonlySet<Change>> {
    if (this.#what.size === 0 && !this.#signal.aborted)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    const what = this.#what;
    this.#what = new Set();
    return what;
  }
}
