/**
 * What virtual addresses and node ports are, as far as pods of this host have asked: each answer holds for its lease, and is renewed while
 * something here uses it or did not long ago. With the control plane away what is known stays.
 */
import type { ResolvedService, ServiceAnswer } from "@millrace/contract/service";
import { IDLE_MS, LeaseTable } from "../lease-table.ts";
import { nodePortOf } from "./node-port.ts";

/** Services by address at most; the least recently used go first. */
const MOST = 4096;
/** Who scans a host's ports must not push out what pods use. */
const MOST_NODE_PORTS = 1024;
/** Of each kind. */
const MOST_ABSENT = 512;

type Answer = { found: ResolvedService | null };

class Leases {
  readonly #table: LeaseTable<Answer>;
  /** Addresses whose entry is another since they were last taken. */
  readonly #changed = new Set<string>();

  constructor(nowMs: () => number, most: number) {
    const isFound = ({ found }: Answer) => found !== null;
    this.#table = new LeaseTable({ nowMs, isFound, idleMs: IDLE_MS, most, mostAbsent: MOST_ABSENT });
  }
  get size(): number {
    return this.#table.size;
  }
  /** Undefined: not known. */
  get(address: string): { found: ResolvedService | null } | undefined {
    return this.#table.last(address);
  }
  found(): [address: string, found: ResolvedService][] {
    return this.#table.found().map(([address, { found }]) => [address, found as ResolvedService]);
  }
  /** As if every entry were another. */
  changeAll(): void {
    this.#change(this.#table.keys());
  }
  change(address: string): void {
    if (this.#table.last(address)) this.#changed.add(address);
  }
  takeChanged(): string[] {
    const changed = [...this.#changed];
    this.#changed.clear();
    return changed;
  }

  /** What an earlier life knew: it holds until somebody was asked. */
  restore(known: readonly (readonly [string, ResolvedService])[]): void {
    for (const [address, found] of known) this.#table.restore(address, { found });
    this.#change(known.map(([address]) => address));
  }

  put(answers: readonly ServiceAnswer[]): void {
    for (const { address, found, leaseSeconds } of answers) {
      const before = this.#table.last(address);
      if (!before || !isSame(before.found, found)) this.#changed.add(address);
      this.#table.put(address, { found }, leaseSeconds);
    }
    this.#change(this.#table.makeRoom());
  }
  use(address: string): void {
    this.#table.use(address);
  }

  /** What is to be asked again before it ends. */
  due(): string[] {
    return this.#table.due();
  }
  hold(): void {
    this.#table.hold();
  }
  /** Forgets what nobody renewed. */
  expire(): void {
    this.#change(this.#table.expire().map(([address]) => address));
  }
  /** Everything may have changed: all is asked again, and what wasn't there when somebody asks for it. */
  doubt(): void {
    this.#change(this.#table.doubt());
  }

  #change(addresses: readonly string[]): void {
    for (const address of addresses) this.#changed.add(address);
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
  hold(): void {
    for (const leases of this.#all()) leases.hold();
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
