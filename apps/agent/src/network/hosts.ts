/**
 * Other hosts by their own addresses, as far as packets came through their tunnels for a node port of theirs: each answer
 * holds for its lease and is renewed while a pod here has a flow by one. Which pods they have is routes.ts's.
 */
import type { HostAnswer, RouteHost } from "@millrace/contract/network";
import { LeaseTable } from "../lease-table.ts";

/** More aren't taken, as if they were nobody: who is known goes on. */
const MOST = 2048;
/** Of addresses that are no host's, the newest; anybody can name some. */
const MOST_ABSENT = 256;

type Answer = { host: RouteHost | null };

export class Hosts {
  readonly #leases: LeaseTable<Answer>;
  /** Rises with every change of who is found. */
  version = 0;
  /** That found no room. */
  refused = 0;

  constructor(nowMs: () => number) {
    const isFound = ({ host }: Answer) => host !== null;
    this.#leases = new LeaseTable({ nowMs, isFound, idleMs: 0, most: MOST, mostAbsent: MOST_ABSENT });
  }
  /** Undefined: not known. */
  get(address: string): Answer | undefined {
    return this.#leases.get(address);
  }
  found(): RouteHost[] {
    return this.#leases.found().flatMap(([, { host }]) => host ?? []);
  }
  /** What an earlier life knew: it holds until somebody was asked. */
  restore(known: readonly RouteHost[]): void {
    for (const host of known) {
      const address = host.uplink4 ?? host.uplink6;
      if (address !== null) this.#leases.restore(address, { host });
    }
    this.version++;
  }
  put(answers: readonly HostAnswer[]): void {
    for (const { address, host: told, leaseSeconds } of answers) {
      const before = this.#leases.last(address)?.host ?? null;
      const isRefused = told !== null && before === null && this.found().length >= MOST;
      const host = isRefused ? null : told;
      if (isRefused) this.refused++;
      if (JSON.stringify(before) !== JSON.stringify(host)) this.version++;
      this.#leases.put(address, { host }, leaseSeconds);
    }
    this.#leases.makeRoom();
  }
  /** What is to be asked again before it ends: a host is in use by any of its addresses. */
  due(inUse: (address: string) => boolean): string[] {
    return this.#leases.due((_, { host }) =>
      [host?.uplink4, host?.uplink6].some((own) => typeof own === "string" && inUse(own)),
    );
  }
  hold(): void {
    this.#leases.hold();
  }
  expire(): void {
    if (this.#leases.expire().some(([, { host }]) => host !== null)) this.version++;
  }
  /** Everything may have changed. */
  doubt(): void {
    this.#leases.doubt();
  }
}
