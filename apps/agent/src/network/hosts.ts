/**
 * Other hosts by their own addresses, as far as packets came through their tunnels for a node port of theirs: each answer
 * holds for its lease and is renewed while a pod here has a flow by one. Which pods they have is routes.ts's.
 */
import type { HostAnswer, RouteHost } from "@millrace/contract/network";

/** More aren't taken, as if they were nobody: who is known goes on. */
const MOST = 2048;
/** Of addresses that are no host's, the newest; anybody can name some. */
const MOST_ABSENT = 256;
/** Renewed when this share of the lease is over. */
const RENEW_AT = 0.7;
/** What nobody could be asked about holds on for as long. */
const EXTEND_MS = 60_000;

type Entry = { host: RouteHost; renewAtMs: number; untilMs: number };

export class Hosts {
  readonly #nowMs: () => number;
  readonly #entries = new Map<string, Entry>();
  readonly #absentUntilMs = new Map<string, number>();
  /** Rises with every change of who is found. */
  version = 0;
  /** That found no room. */
  refused = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }
  /** Undefined: not known. */
  get(address: string): { host: RouteHost | null } | undefined {
    const now = this.#nowMs();
    const entry = this.#entries.get(address);
    if (entry && entry.untilMs > now) return entry;
    return (this.#absentUntilMs.get(address) ?? 0) > now ? { host: null } : undefined;
  }
  found(): RouteHost[] {
    return [...this.#entries.values()].map(({ host }) => host);
  }
  /** What an earlier life knew: it holds until somebody was asked. */
  restore(known: readonly RouteHost[]): void {
    const now = this.#nowMs();
    for (const host of known) {
      const address = host.uplink4 ?? host.uplink6;
      if (address !== null) this.#entries.set(address, { host, renewAtMs: now, untilMs: now + EXTEND_MS });
    }
    this.version++;
  }
  put(answers: readonly HostAnswer[]): void {
    const now = this.#nowMs();
    for (const { address, host, leaseSeconds } of answers) {
      const untilMs = now + leaseSeconds * 1000;
      if (host === null) this.#putAbsent(address, untilMs);
      else if (this.#entries.size >= MOST && !this.#entries.has(address)) {
        this.refused++;
        this.#putAbsent(address, untilMs);
      } else {
        if (JSON.stringify(this.#entries.get(address)?.host) !== JSON.stringify(host)) this.version++;
        this.#absentUntilMs.delete(address);
        this.#entries.set(address, { host, renewAtMs: now + (untilMs - now) * RENEW_AT, untilMs });
      }
    }
  }
  #putAbsent(address: string, untilMs: number): void {
    if (this.#entries.delete(address)) this.version++;
    this.#absentUntilMs.delete(address); // to the end: the newest
    this.#absentUntilMs.set(address, untilMs);
    for (const oldest of this.#absentUntilMs.keys()) {
      if (this.#absentUntilMs.size <= MOST_ABSENT) break;
      this.#absentUntilMs.delete(oldest);
    }
  }
  /** What is to be asked again before it ends: a host is in use by any of its addresses. */
  due(inUse: (address: string) => boolean): string[] {
    const now = this.#nowMs();
    return [...this.#entries].flatMap(([address, { host, renewAtMs }]) =>
      now >= renewAtMs && [host.uplink4, host.uplink6].some((own) => own !== null && inUse(own))
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
    for (const [address, { untilMs }] of this.#entries)
      if (untilMs <= now && this.#entries.delete(address)) this.version++;
  }
  /** Everything may have changed. */
  doubt(): void {
    for (const entry of this.#entries.values()) entry.renewAtMs = this.#nowMs();
    this.#absentUntilMs.clear();
  }
}
