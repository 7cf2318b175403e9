/**
 * Where addresses of other hosts' pods are, as far as pods of this host have asked: each answer holds for its lease, is
 * renewed while something here talked to it not long ago, and is forgotten after. With the control plane away what is known stays.
 */
import type { Absence, Resolved, Route } from "@millrace/contract/network";
import { IDLE_MS, LeaseTable } from "../lease-table.ts";

/** Far more than a host's pods talk to, and each may be on a host of its own; the least recently used go first. */
const MOST = 4095;
const MOST_HOSTS = 4095;
/** Of addresses where nobody is. */
const MOST_ABSENT = 1024;

/** `reason`: why nothing is found. */
type Answer = { found: Route | null; reason: Absence | null };

export class Routes {
  readonly #leases: LeaseTable<Answer>;
  readonly #alsoUsed: () => readonly string[];
  readonly #indexes = new Map<string, number>();
  /** Rises with every change of what is found where. */
  version = 0;
  #lastIndex = 0;

  /** `alsoUsed`: names of hosts that keep their numbers without a route to them. */
  constructor(nowMs: () => number, alsoUsed: () => readonly string[] = () => []) {
    const isFound = ({ found }: Answer) => found !== null;
    this.#leases = new LeaseTable({ nowMs, isFound, idleMs: IDLE_MS, most: MOST, mostAbsent: MOST_ABSENT });
    this.#alsoUsed = alsoUsed;
  }
  get size(): number {
    return this.#leases.size;
  }
  get(address: string): Answer | undefined {
    return this.#leases.get(address);
  }
  found(): [address: string, route: Route][] {
    return this.#leases.found().map(([address, { found }]) => [address, found as Route]);
  }
  /** What an earlier life knew: it holds until somebody was asked. */
  restore(known: readonly (readonly [string, Route])[]): void {
    this.version++;
    for (const [address, found] of known) this.#leases.restore(address, { found, reason: null });
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
    for (const { address, found, reason, leaseSeconds } of answers) {
      if (!isSame(this.#leases.last(address)?.found ?? null, found)) this.version++;
      this.#leases.put(address, { found, reason }, leaseSeconds);
    }
    this.version += this.#leases.makeRoom().length;
    this.#forgetHosts();
  }

  /** What is to be asked again before it ends. */
  due(inUse: (address: string) => boolean): string[] {
    return this.#leases.due(inUse);
  }
  hold(): void {
    this.#leases.hold();
  }
  /** Forgets what nobody renewed. */
  expire(): void {
    if (this.#leases.expire().some(([, { found }]) => found)) this.version++;
    this.#forgetHosts();
  }
  /** Everything may have changed: all is asked again when it is needed, or at once where it is in use. */
  doubt(isUrgent?: (address: string) => boolean): void {
    this.#leases.doubt(isUrgent);
  }

  #forgetHosts(): void {
    const hosts = new Set([...this.found().map(([, { host }]) => host.name), ...this.#alsoUsed()]);
    for (const name of this.#indexes.keys()) if (!hosts.has(name)) this.#indexes.delete(name);
  }
}

const isSame = (a: Route | null, b: Route | null): boolean => JSON.stringify(a) === JSON.stringify(b);
