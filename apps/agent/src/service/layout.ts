/**
 * Where each service's entries are in the kernel's tables, and what must be written to bring one to what is wanted: only
 * what differs. Pure: knows what was written, writes nothing.
 */
import {
  type BackendEntry,
  noChanges,
  type ServiceCapacity,
  type ServiceChanges,
  type ServiceEntry,
  type ServiceTables,
  type VirtualPort,
} from "../dataplane/services.ts";
import { maglevTable, TABLE_SIZES, tableSize } from "./maglev.ts";
import { Segments } from "./segments.ts";
import { type Candidate, usableOf } from "./usable.ts";

export type WantedBackend = Candidate & { address: string; port: number; weight: number };
/** No backends at all is a service too: who connects is refused. `null`: the address itself, see VirtualPort. */
export type WantedService = VirtualPort & {
  affinitySeconds: number;
  backends: readonly WantedBackend[] | null;
};

type Placed = {
  entry: ServiceEntry;
  slots: Uint32Array;
  /** Numbers by address and port: of those that clients are given, and of those that only have connections: they drain, or fail. */
  usable: Map<string, number>;
  draining: Map<string, number>;
};

export const portText = ({ address, port, protocol }: VirtualPort): string =>
  `${address} ${port} ${protocol}`;
export const backendText = ({ address, port }: { address: string; port: number }): string =>
  `${address} ${port}`;

export class ServiceLayout {
  readonly #capacity: ServiceCapacity;
  /** By address, then by port and protocol. */
  readonly #placed = new Map<string, Map<string, Placed>>();
  #size = 0;
  readonly #segments: Segments;
  /** Free as soon as the changes that left them are written. */
  #left: { base: number; count: number }[] = [];
  #lastService: number;
  #lastBackend: number;
  /** Backends' numbers in use, draining ones among them; and entries that are there until they are written away. */
  #backends = 0;
  #leftBackends = 0;
  #leftServices = 0;
  /** What stands in the kernel and belongs to nothing: an agent died while it wrote. */
  readonly strays: ServiceChanges = noChanges();

  /** Over what stands in the kernel already. */
  constructor(capacity: ServiceCapacity, tables: ServiceTables) {
    this.#capacity = capacity;
    this.#segments = new Segments(capacity.slots);
    const numbers = ({ number }: { number: number }) => number;
    this.#lastService = largest([...tables.services.map(numbers), ...tables.countedServices]);
    this.#lastBackend = largest([...tables.backends.map(numbers), ...tables.countedBackends]);
    const backends = grouped(tables.backends);
    for (const entry of tables.services) this.#adopt(entry, tables.slots, backends);
    this.#findStrays(tables);
  }
  get size(): number {
    return this.#size;
  }
  get slotsFree(): number {
    return this.#segments.freeCount;
  }
  addresses(): string[] {
    return [...this.#placed.keys()];
  }
  portsOf(address: string): ServiceEntry[] {
    return [...(this.#placed.get(address)?.values() ?? [])].map(({ entry }) => entry);
  }
  /** All that clients were given or may be given, by the numbers that they are counted by. */
  *backends(): Generator<{ service: VirtualPort; backend: string; number: number; isDraining: boolean }> {
    for (const ports of this.#placed.values())
      for (const { entry: service, usable, draining } of ports.values()) {
        for (const [backend, number] of usable) yield { service, backend, number, isDraining: false };
        for (const [backend, number] of draining) yield { service, backend, number, isDraining: true };
      }
  }
  #at(at: VirtualPort): Placed | undefined {
    return this.#placed.get(at.address)?.get(portText(at));
  }
  #put(placed: Placed): void {
    const { entry } = placed;
    const ports = this.#placed.get(entry.address) ?? new Map<string, Placed>();
    if (!ports.has(portText(entry))) this.#size++;
    this.#placed.set(entry.address, ports.set(portText(entry), placed));
  }

  /** What was planned is written, or nothing was. */
  written(): void {
    for (const { base, count } of this.#left) this.#segments.give(base, count);
    this.#left = [];
    this.#leftBackends = 0;
    this.#leftServices = 0;
  }

  /** Adds what it takes to `changes`. False: there is no room for it, and it stays as it is. */
  set(wanted: WantedService, changes: ServiceChanges): boolean {
    const before = this.#at(wanted);
    const usable = usableOf(wanted.backends ?? []);
    const known = before && new Map([...before.usable, ...before.draining]);
    const more = usable.filter((one) => !known?.has(backendText(one))).length;
    if (this.#backends + this.#leftBackends + more > this.#capacity.backends) return false;
    if (!before && this.#size + this.#leftServices >= this.#capacity.services) return false;
    const part = this.#partFor(usable, before);
    if (!part) return false;
    this.#place(wanted, usable, part, before, changes);
    return true;
  }

  remove(at: VirtualPort, changes: ServiceChanges): void {
    const ports = this.#placed.get(at.address);
    const placed = ports?.get(portText(at));
    if (!ports || !placed) return;
    ports.delete(portText(at));
    if (ports.size === 0) this.#placed.delete(at.address);
    this.#size--;
    this.#leftServices++;
    this.#moveOut(placed, placed.usable.size + placed.draining.size);
    this.#leave(placed.entry);
    changes.goneServices.push(placed.entry);
    changes.goneServiceCounts.push(placed.entry.number);
    changes.goneBackends.push(...placed.usable.values());
    changes.goneBackendCounts.push(...placed.usable.values(), ...placed.draining.values());
  }

  #place(
    wanted: WantedService,
    usable: readonly WantedBackend[],
    part: { base: number; count: number },
    before: Placed | undefined,
    changes: ServiceChanges,
  ): void {
    const number = wanted.backends === null ? 0 : (before?.entry.number ?? ++this.#lastService);
    const numbers = this.#numberBackends(number, usable, before, changes);
    const draining = drainingOf(wanted.backends ?? [], usable, before);
    const slots = slotsOf(part.count, usable, numbers);
    writeSlots(slots, part.base, part.base === before?.entry.slotBase ? before?.slots : undefined, changes);
    const { address, port, protocol, affinitySeconds } = wanted;
    const place = { address, port, protocol, number, slotBase: part.base, slotCount: part.count };
    const entry: ServiceEntry = { ...place, affinitySeconds };
    if (!before || !isSame(before.entry, entry)) changes.services.push(entry);
    if (before) {
      this.#moveOut(before, retire(before, numbers, draining, changes));
      if (before.entry.slotBase !== part.base || before.entry.slotCount !== part.count)
        this.#leave(before.entry);
    }
    this.#backends += numbers.size + draining.size;
    this.#put({ entry, slots, usable: numbers, draining });
  }
  #moveOut({ usable, draining }: Placed, gone: number): void {
    this.#backends -= usable.size + draining.size;
    this.#leftBackends += gone;
  }

  /** Who comes back, as a draining one that is ready again, goes by the number it had. */
  #numberBackends(
    service: number,
    usable: readonly WantedBackend[],
    before: Placed | undefined,
    changes: ServiceChanges,
  ): Map<string, number> {
    const numbers = new Map<string, number>();
    for (const { address, port } of usable) {
      const name = backendText({ address, port });
      const known = before?.usable.get(name);
      const number = known ?? before?.draining.get(name) ?? ++this.#lastBackend;
      numbers.set(name, number);
      if (known === undefined) changes.backends.push({ number, address, port, service });
    }
    return numbers;
  }

  /** Where its slots go: where they are if the table is as large as before, and in a smaller one when there is no room. */
  #partFor(
    usable: readonly WantedBackend[],
    before: Placed | undefined,
  ): { base: number; count: number } | undefined {
    if (usable.length === 0) return { base: 0, count: 0 };
    const wanted = tableSize(usable.map((one) => ({ name: "", weight: one.weight })));
    for (const count of [...TABLE_SIZES].reverse()) {
      if (count > wanted || count < usable.length) continue;
      if (before?.entry.slotCount === count) return { base: before.entry.slotBase, count };
      const base = this.#segments.take(count);
      if (base !== undefined) return { base, count };
    }
    return undefined;
  }

  #leave({ slotBase, slotCount }: ServiceEntry): void {
    if (slotCount > 0) this.#left.push({ base: slotBase, count: slotCount });
  }

  #findStrays({ backends, countedServices, countedBackends }: ServiceTables): void {
    const placed = [...this.#placed.values()].flatMap((ports) => [...ports.values()]);
    const services = new Set(placed.map(({ entry }) => entry.number));
    const kept = new Set(placed.flatMap(({ usable }) => [...usable.values()]));
    const { strays } = this;
    strays.goneServiceCounts = countedServices.filter((number) => !services.has(number));
    strays.goneBackends = backends.map(({ number }) => number).filter((number) => !kept.has(number));
    strays.goneBackendCounts = countedBackends.filter((number) => !kept.has(number));
  }

  #adopt(entry: ServiceEntry, slots: Uint32Array, all: Map<number, BackendEntry[]>): void {
    const { number, slotBase, slotCount } = entry;
    if (slotCount > 0 && !this.#segments.takeAt(slotBase, slotCount)) {
      this.strays.goneServices.push(entry);
      return;
    }
    const backends = all.get(number) ?? [];
    all.delete(number);
    this.#backends += backends.length;
    const usable = new Map(backends.map((one) => [backendText(one), one.number]));
    this.#put({ entry, slots: slots.slice(slotBase, slotBase + slotCount), usable, draining: new Map() });
  }
}

function drainingOf(
  backends: readonly WantedBackend[],
  usable: readonly WantedBackend[],
  before: Placed | undefined,
): Map<string, number> {
  const draining = new Map<string, number>();
  if (usable.length === backends.length) return draining;
  for (const one of backends) {
    const name = backendText(one);
    const number =
      one.draining || one.isOut ? (before?.usable.get(name) ?? before?.draining.get(name)) : undefined;
    if (number !== undefined) draining.set(name, number);
  }
  return draining;
}

function slotsOf(
  count: number,
  usable: readonly WantedBackend[],
  numbers: ReadonlyMap<string, number>,
): Uint32Array {
  if (count === 0) return new Uint32Array(0);
  const candidates = usable.map((one) => ({ name: backendText(one), weight: one.weight }));
  const owners = candidates.map(({ name }) => numbers.get(name) as number);
  return maglevTable(count, candidates).map((place) => owners[place] as number);
}

function writeSlots(
  slots: Uint32Array,
  base: number,
  before: Uint32Array | undefined,
  changes: ServiceChanges,
): void {
  const old = before?.length === slots.length ? before : undefined;
  for (let i = 0; i < slots.length; i++) {
    const backend = slots[i] as number;
    if (old && old[i] === backend) continue;
    changes.slotAt.push(base + i);
    changes.slotBackend.push(backend);
  }
}

/** What the service had and hasn't any more: how many that are. */
function retire(
  before: Placed,
  usable: ReadonlyMap<string, number>,
  draining: ReadonlyMap<string, number>,
  changes: ServiceChanges,
): number {
  for (const [name, number] of before.usable) if (!usable.has(name)) changes.goneBackends.push(number);
  const gone: number[] = [];
  for (const [name, number] of [...before.usable, ...before.draining])
    if (!usable.has(name) && !draining.has(name)) gone.push(number);
  changes.goneBackendCounts.push(...gone);
  return gone.length;
}

const isSame = (a: ServiceEntry, b: ServiceEntry): boolean =>
  a.slotBase === b.slotBase && a.slotCount === b.slotCount && a.affinitySeconds === b.affinitySeconds;

const largest = (numbers: readonly number[]): number => numbers.reduce((most, one) => Math.max(most, one), 0);

function grouped(backends: readonly BackendEntry[]): Map<number, BackendEntry[]> {
  const by = new Map<number, BackendEntry[]>();
  for (const one of backends) {
    const group = by.get(one.service);
    if (group) group.push(one);
    else by.set(one.service, [one]);
  }
  return by;
}
