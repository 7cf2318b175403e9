/**
 * What virtual addresses and node ports are, as far as pods of this host have asked: each answer holds for its lease, and is renewed while
 * something here uses it or did not long ago. With the control plane away what is known stays.
 */
import type { ResolvedService, ServiceAnswer } from "@millrace/contract/service";
import { nodePortOf } from "./node-port.ts";

/** Addresses at most; the least recently answered go first. */
const MOST = 4096;
/** Who scans a host's ports must not push out what pods use. */
const MOST_NODE_PORTS = 1024;
/** Of each kind. */
const MOST_ABSENT = 512;
/** Renewed when this share of the lease is over. */
const RENEW_AT = 0.7;
/** What nobody could be asked about holds on for as long. */
const EXTEND_MS = 60_000;
/** What nobody used for so long is not renewed. A day, so that what runs once a day finds its service known. */
const IDLE_MS = 26 * 3600 * 1000;

type Entry = { found: ResolvedService | null; usedMs: number; renewAtMs: number; untilMs: number };

class Leases {
  readonly #most: number;
  readonly #nowMs: () => number;
  readonly #entries = new Map<string, Entry>();
  /** Addresses whose entry is another since they were last taken. */
  readonly #changed = new Set<string>();

  constructor(nowMs: () => number, most: number) {
    this.#nowMs = nowMs;
    this.#most = most;
  }
  get size(): number {
    return this.#entries.size;
  }
  /** Undefined: not known. */
  get(address: string): { found: ResolvedService | null } | undefined {
    return this.#entries.get(address);
  }
  found(): [address: string, found: ResolvedService][] {
    return [...this.#entries].flatMap(([address, { found }]) =>
      found ? [[address, found] as [string, ResolvedService]] : [],
    );
  }
  /** As if every entry were another. */
  changeAll(): void {
    for (const address of this.#entries.keys()) this.#changed.add(address);
  }
  change(address: string): void {
    if (this.#entries.has(address)) this.#changed.add(address);
  }
  takeChanged(): string[] {
    const changed = [...this.#changed];
    this.#changed.clear();
    return changed;
  }

  /** What an earlier life knew: it holds until somebody was asked. */
  restore(known: readonly (readonly [string, ResolvedService])[]): void {
    const now = this.#nowMs();
    for (const [address, found] of known) {
      this.#entries.set(address, { found, usedMs: now, renewAtMs: now, untilMs: now + EXTEND_MS });
      this.#changed.add(address);
    }
  }

  put(answers: readonly ServiceAnswer[]): void {
    const now = this.#nowMs();
    for (const { address, found, leaseSeconds } of answers) {
      const before = this.#entries.get(address);
      if (!before || !isSame(before.found, found)) this.#changed.add(address);
      this.#entries.delete(address); // to the end: the newest
      const leaseMs = leaseSeconds * 1000;
      this.#entries.set(address, {
        ...{ found, usedMs: before?.usedMs ?? now },
        ...{ renewAtMs: now + leaseMs * RENEW_AT, untilMs: now + leaseMs },
      });
    }
    this.#makeRoom();
  }
  /** What is nobody's goes first, and there is only so much of it: what is used stays. */
  #makeRoom(): void {
    let absent = [...this.#entries.values()].filter(({ found }) => !found).length;
    for (const [address, { found }] of this.#entries) {
      if (absent <= MOST_ABSENT && this.#entries.size <= this.#most) return;
      if (found) continue;
      absent--;
      this.#forget(address);
    }
    for (const address of this.#entries.keys()) {
      if (this.#entries.size <= this.#most) return;
      this.#forget(address);
    }
  }
  use(address: string): void {
    const entry = this.#entries.get(address);
    if (entry) entry.usedMs = this.#nowMs();
  }

  /** What is to be asked again before it ends. */
  due(): string[] {
    const now = this.#nowMs();
    return [...this.#entries].flatMap(([address, { found, renewAtMs, usedMs }]) =>
      found && now >= renewAtMs && now - usedMs < IDLE_MS ? [address] : [],
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
    for (const [address, { untilMs }] of this.#entries) if (untilMs <= now) this.#forget(address);
  }
  /** Everything may have changed: all is asked again, and what wasn't there when somebody asks for it. */
  doubt(): void {
    const now = this.#nowMs();
    for (const [address, entry] of this.#entries)
      if (entry.found) entry.renewAtMs = now;
      else this.#forget(address);
  }

  #forget(address: string): void {
    this.#entries.delete(address);
    this.#changed.add(address);
  }
}

/** Of virtual addresses and of node ports: alike, and apart. */
export class ServiceLeases {
  readonly #virtual: Leases;
  readonly #nodePorts: Leases;

  constructor(nowMs: () => number) {
    this.#virtual = new Leases(nowMs, MOST);
    this.#nodePorts = new Leases(nowMs, MOST_NODE_PORTS);
  }
  get size(): number {
    return this.#virtual.size + this.#nodePorts.size;
  }
  get(address: string): { found: ResolvedService | null } | undefined {
    return this.#of(address).get(address);
  }
  found(): [address: string, found: ResolvedService][] {
    return this.#all().flatMap((leases) => leases.found());
  }
  changeAll(): void {
    for (const leases of this.#all()) leases.changeAll();
  }
  change(address: string): void {
    this.#of(address).change(address);
  }
  takeChanged(): string[] {
    return this.#all().flatMap((leases) => leases.takeChanged());
  }
  restore(known: readonly (readonly [string, ResolvedService])[]): void {
    for (const leases of this.#all())
      leases.restore(known.filter(([address]) => this.#of(address) === leases));
  }
  put(answers: readonly ServiceAnswer[]): void {
    for (const leases of this.#all())
      leases.put(answers.filter(({ address }) => this.#of(address) === leases));
  }
  use(address: string): void {
    this.#of(address).use(address);
  }
  due(): string[] {
    return this.#all().flatMap((leases) => leases.due());
  }
  extend(addresses: readonly string[]): void {
    for (const leases of this.#all()) leases.extend(addresses);
  }
  expire(): void {
    for (const leases of this.#all()) leases.expire();
  }
  doubt(): void {
    for (const leases of this.#all()) leases.doubt();
  }

  #of(address: string): Leases {
    return nodePortOf(address) ? this.#nodePorts : this.#virtual;
  }
  #all(): Leases[] {
    return [this.#virtual, this.#nodePorts];
  }
}

const isSame = (a: ResolvedService | null, b: ResolvedService | null): boolean =>
  JSON.stringify(a) === JSON.stringify(b);
