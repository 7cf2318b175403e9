/**
 * Other hosts by their own addresses, as far as packets came through their tunnels for a node port of theirs: each answer
 * holds for its lease and is renewed while a pod here has a flow by one. Which pods they have is routes.ts's.
 */
import type { HostAnswer, RouteHost } from "@millrace/contract/network";

const MOST = 1024;
/** Renewed when this share of the lease is over. */
const RENEW_AT = 0.7;
/** What nobody could be asked about holds on for as long. */
const EXTEND_MS = 60_000;

type Entry = { host: RouteHost | null; renewAtMs: number; untilMs: number };

export class Hosts {
  readonly #nowMs: () => number;
  readonly #entries = new Map<string, Entry>();
  /** Rises with every change of who is found. */
  version = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }
  /** Undefined: not known. */
  get(address: string): { host: RouteHost | null } | undefined {
    const entry = this.#entries.get(address);
    return entry && entry.untilMs > this.#nowMs() ? entry : undefined;
  }
  found(): RouteHost[] {
    return [...this.#entries.values()].flatMap(({ host }) => host ?? []);
  }
  put(answers: readonly HostAnswer[]): void {
    const now = this.#nowMs();
    for (const { address, host, leaseSeconds } of answers) {
      if (JSON.stringify(this.#entries.get(address)?.host ?? null) !== JSON.stringify(host)) this.version++;
      this.#entries.delete(address); // to the end: the newest
      const leaseMs = leaseSeconds * 1000;
      this.#entries.set(address, { host, renewAtMs: now + leaseMs * RENEW_AT, untilMs: now + leaseMs });
    }
    for (const address of this.#entries.keys()) {
      if (this.#entries.size <= MOST) break;
      this.#forget(address);
    }
  }
  /** What is to be asked again before it ends: a host is in use by any of its addresses. */
  due(inUse: (address: string) => boolean): string[] {
    const now = this.#nowMs();
    return [...this.#entries].flatMap(([address, { host, renewAtMs }]) =>
      host && now >= renewAtMs && [host.uplink4, host.uplink6].some((own) => own !== null && inUse(own))
        ? [address]
        : [],
    );
  }
  extend(addresses: readonly string[]): void {
    for (const address of addresses) {
      const entry = this.#entries.get(address);
      if (entry) entry.untilMs = Math.max(entry.untilMs, this.#nowMs() + EXTEND_MS);
    }
  }
  expire(): void {
    const now = this.#nowMs();
    for (const [address, { untilMs }] of this.#entries) if (untilMs <= now) this.#forget(address);
  }

  #forget(address: string): void {
    if (this.#entries.get(address)?.host) this.version++;
    this.#entries.delete(address);
  }
}
