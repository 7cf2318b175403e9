/**
 * What a host's open control.watch is told: that something changed, not what. Signals are levels: several of
 * one kind before the agent reads are one. It ends when the agent goes or its credential does.
 */
import type { ControlSignal } from "@millrace/contract/agent-protocol";
import { AppError } from "@millrace/contract/error";
import type { Bus } from "../bus.ts";

const MOST_WATCHES_PER_HOST = 2;

export class Watches {
  readonly #isRevoked: (hostId: number) => Promise<boolean>;
  /** By host; an entry is never empty. */
  readonly #open = new Map<number, Set<Pending>>();
  readonly #stopListening: readonly (() => void)[];

  constructor(bus: Bus, isRevoked: (hostId: number) => Promise<boolean>) {
    this.#isRevoked = isRevoked;
    const hosts = (payload: string | null) =>
      payload === null || payload === "*" ? null : payload.split(",");
    this.#stopListening = [
      bus.listen("millrace_traces", () => this.#add("traces", null)),
      ...(["network", "policy", "service"] as const).map((what) =>
        bus.listen(`millrace_${what}`, (payload) => this.#add(what, hosts(payload))),
      ),
      bus.listen("millrace_agents", (payload) => this.#add("credential", hosts(payload))),
    ];
  }
  get open(): number {
    return [...this.#open.values()].reduce((sum, watches) => sum + watches.size, 0);
  }
  close(): void {
    for (const stop of this.#stopListening) stop();
  }

  /** Begins with signals: what changed while nobody watched is read then. */
  async *watch(hostId: number, signal: AbortSignal): AsyncGenerator<ControlSignal> {
    const pending = this.#enter(hostId, signal);
    for (const kind of READ_ANEW) pending.add(kind);
    try {
      while (!signal.aborted) {
        const what = await pending.next();
        for (const kind of READ_ANEW) if (what.has(kind)) yield { what: kind };
        if (what.has("credential") && (await this.#isRevoked(hostId))) {
          yield { what: "credential-revoked" };
          return;
        }
      }
    } finally {
      this.#left(hostId, pending);
    }
  }

  /** null: to every host. */
  #add(change: Change, hostIds: readonly string[] | null): void {
    for (const id of hostIds?.map(Number) ?? this.#open.keys())
      for (const pending of this.#open.get(id) ?? []) pending.add(change);
  }
  #enter(hostId: number, signal: AbortSignal): Pending {
    const open = this.#open.get(hostId) ?? new Set();
    if (open.size >= MOST_WATCHES_PER_HOST)
      throw new AppError("BUSY", `host ${hostId} watches ${open.size} times already`);
    const pending = new Pending(signal);
    this.#open.set(hostId, open.add(pending));
    return pending;
  }
  #left(hostId: number, pending: Pending): void {
    const open = this.#open.get(hostId);
    open?.delete(pending);
    if (open?.size === 0) this.#open.delete(hostId);
  }
}

/** In this order: policies and services are about what the network has. */
const READ_ANEW = ["traces", "network", "policy", "service"] as const;
type Change = (typeof READ_ANEW)[number] | "credential";

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
