/**
 * Where addresses of other hosts' pods are, as far as pods of this host have asked: each answer holds for its lease, is
 * renewed while something here talks to it, and is forgotten after. With the control plane away what is known stays.
 */
import type { Absence, Resolved, Route } from "@millrace/contract/network";

/** Far more than a host's pods talk to, and each may be on a host of its own; the least recently asked go first. */
const MOST = 4095;
const MOST_HOSTS = 4095;
/** Renewed when this share of the lease is over. */
const RENEW_AT = 0.7;
/** What nobody could be asked about holds on for as long. */
const EXTEND_MS = 60_000;

type Entry = { found: Route | null; reason: Absence | null; renewAtMs: number; untilMs: number };

export class Routes {
  readonly #nowMs: () => number;
  readonly #alsoUsed: () => readonly string[];
  readonly #entries = new Map<string, Entry>();
  readonly #indexes = new Map<string, number>();
  /** Rises with every change of what is found where. */
  version = 0;
  #lastIndex = 0;

  /** `alsoUsed`: names of hosts that keep their numbers without a route to them. */
  constructor(nowMs: () => number, alsoUsed: () => readonly string[] = () => []) {
    this.#nowMs = nowMs;
    this.#alsoUsed = alsoUsed;
  }
  get size(): number {
    return this.#entries.size;
  }
  get(address: string): Entry | undefined {
    const entry = this.#entries.get(address);
    return entry && entry.untilMs > this.#nowMs() ? entry : undefined;
  }
  found(): [address: string, route: Route][] {
    return [...this.#entries].flatMap(([address, { found }]) =>
      found ? [[address, found] as [string, Route]] : [],
    );
  }
  /** What an earlier life knew: it holds until somebody was asked. */
  restore(known: readonly (readonly [string, Route])[]): void {
    const now = this.#nowMs();
    this.version++;
    for (const [address, found] of known)
      this.#entries.set(address, { found, reason: null, renewAtMs: now, untilMs: now + EXTEND_MS });
  }
  /**
   * Of the hosts that are routed to, by name. A number stays a host's while it has routes, and then rests until all
   * others were used: a flow decided before must not find another host under it. 0: all are in use.
   */
  indexOf(host: string): number {
    const known = this.#indexes.get(host);
    if (known !== undefined) return known;
    const used = new Set(this.#indexes.values());
    if (used.size >= MOST_HOSTS) return 0;
    do this.#lastIndex = (this.#lastIndex % MOST_HOSTS) + 1;
    while (used.has(this.#lastIndex));
    this.#indexes.set(host, this.#lastIndex);
    return this.#lastIndex;
  }

  put(answers: readonly Resolved[]): void {
    const now = this.#nowMs();
    for (const { address, found, reason, leaseSeconds } of answers) {
      if (!isSame(this.#entries.get(address)?.found ?? null, found)) this.version++;
      this.#entries.delete(address); // to the end: the newest
      const leaseMs = leaseSeconds * 1000;
      this.#entries.set(address, {
        found,
        reason,
        renewAtMs: now + leaseMs * RENEW_AT,
        untilMs: now + leaseMs,
      });
    }
    for (const address of this.#entries.keys()) {
      if (this.#entries.size <= MOST) break;
      this.#entries.delete(address);
      this.version++;
    }
    this.#forgetHosts();
  }

  /** What is to be asked again before it ends. */
  due(inUse: (address: string) => boolean): string[] {
    const now = this.#nowMs();
    return [...this.#entries].flatMap(([address, { found, renewAtMs }]) =>
      found && now >= renewAtMs && inUse(address) ? [address] : [],
    );
  }
  extend(addresses: readonly string[]): void {
    for (const address of addresses) {
      const entry = this.#entries.get(address);
      if (entry) entry.untilMs = Math.max(entry.untilMs, this.#nowMs() + EXTEND_MS);
    }
  }
  /** Forgets what nobody renewed. */
  expire(): void {
    const now = this.#nowMs();
    for (const [address, { found, untilMs }] of this.#entries) {
      if (untilMs > now) continue;
      this.#entries.delete(address);
      if (found) this.version++;
    }
    this.#forgetHosts();
  }
  /** Everything may have changed: all is asked again when it is needed, or at once where it is in use. */
  doubt(): void {
    const now = this.#nowMs();
    for (const [address, entry] of this.#entries)
      if (entry.found) entry.renewAtMs = now;
      else this.#entries.delete(address);
  }

  #forgetHosts(): void {
    const hosts = new Set([...this.found().map(([, { host }]) => host.name), ...this.#alsoUsed()]);
    for (const name of this.#indexes.keys()) if (!hosts.has(name)) this.#indexes.delete(name);
  }
}

const isSame = (a: Route | null, b: Route | null): boolean => JSON.stringify(a) === JSON.stringify(b);
