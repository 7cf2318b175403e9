/** Keeps services as a kernel would, and asks when a test says so. Imported by tests only. */
import { FLOW_KEY_SIZE } from "@millrace/abi/generated/flow";
import { encodeServiceKey, SERVICE_KEY_SIZE } from "@millrace/abi/generated/service";
import { addressBytes } from "../endpoint/address.ts";
import { portText } from "../service/layout.ts";
import type {
  BackendCounts,
  BackendEntry,
  ServiceCapacity,
  ServiceChanges,
  ServiceCounts,
  ServiceEntry,
  Services,
  ServiceTables,
  VirtualPort,
} from "./services.ts";

export class FakeServices implements Services {
  readonly capacity: ServiceCapacity;
  attached = false;
  clients: readonly bigint[] = [];
  ranges: readonly string[] = [];
  /** Why the next write fails. */
  refuse: string | undefined;
  refuseAttach: string | undefined;
  /** Slots and elements written. */
  written = 0;
  readonly entries = new Map<string, ServiceEntry>();
  readonly backends = new Map<number, BackendEntry>();
  readonly opened = new Map<number, bigint>();
  /** Numbers that backends are counted by. */
  readonly counted = new Set<number>();
  /** What became of connections, by the backend's number. */
  readonly outcomes = new Map<number, Partial<BackendCounts>>();
  readonly slots: Uint32Array;
  /** What flows were asked for, by their keys' bytes; outlives agents where a test gives it to the next one. */
  readonly asked: Map<string, VirtualPort>;
  ask: (address: string) => void = () => {};

  constructor(capacity: Partial<ServiceCapacity> = {}, asked = new Map<string, VirtualPort>()) {
    this.asked = asked;
    this.capacity = { services: 100, backends: 1000, slots: 16_384, ...capacity };
    this.slots = new Uint32Array(this.capacity.slots);
  }
  relayed(): string | undefined {
    return undefined;
  }
  relayedTo(): Set<string> {
    return new Set();
  }
  attach(): void {
    if (this.refuseAttach) throw new Error(this.refuseAttach);
    this.attached = true;
  }
  detach(): void {
    this.attached = false;
  }
  setClients(cookies: readonly bigint[]): void {
    this.clients = cookies;
  }
  setRanges(prefixes: readonly string[]): void {
    this.ranges = prefixes;
  }
  onAsked(call: (address: string) => void): void {
    this.ask = call;
  }
  read(): ServiceTables {
    const [services, backends] = [[...this.entries.values()], [...this.backends.values()]];
    const counted = { countedServices: [...this.opened.keys()], countedBackends: [...this.counted] };
    return { services, backends, slots: this.slots.slice(), ...counted };
  }
  write(changes: ServiceChanges): void {
    if (this.refuse) throw new Error(this.refuse);
    for (const one of changes.backends) this.backends.set(one.number, one);
    for (const { number } of changes.backends) this.counted.add(number);
    changes.slotAt.forEach((at, i) => {
      this.slots[at] = changes.slotBackend[i] as number;
    });
    for (const one of changes.services) this.entries.set(portText(one), one);
    for (const one of changes.goneServices) this.entries.delete(portText(one));
    for (const number of changes.goneBackends) this.backends.delete(number);
    for (const number of changes.goneBackendCounts) this.counted.delete(number);
    for (const number of changes.goneServiceCounts) this.opened.delete(number);
    this.written += changes.slotAt.length + changes.services.length + changes.backends.length;
  }
  askedFor(keys: Uint8Array, count: number): Uint8Array {
    const answers = new Uint8Array(count * SERVICE_KEY_SIZE);
    for (let i = 0; i < count; i++) {
      const key = Buffer.from(keys.subarray(i * FLOW_KEY_SIZE, (i + 1) * FLOW_KEY_SIZE)).toString("latin1");
      const found = this.asked.get(key);
      if (!found) continue;
      const virtual = {
        address: addressBytes(found.address) as Uint8Array,
        ...{ port: found.port, proto: found.protocol },
      };
      encodeServiceKey(virtual, new DataView(answers.buffer), i * SERVICE_KEY_SIZE);
    }
    return answers;
  }
  totals(): number[] {
    return [5, 4, 3, 2, 1, 0];
  }
  serviceCounts(): ServiceCounts[] {
    return [...this.opened].map(([number, opened]) => ({ number, opened, refused: 0n }));
  }
  backendCounts(): BackendCounts[] {
    return [...this.counted].map((number) => ({
      ...{ number, opened: 0n, answered: 0n, failures: 0n, resets: 0n },
      ...this.outcomes.get(number),
    }));
  }

  /** Where a client's connections may go, each as often as its share. Undefined: not known. */
  shares(at: VirtualPort): Record<string, number> | undefined {
    const entry = this.entries.get(portText(at));
    if (!entry) return undefined;
    const shares: Record<string, number> = {};
    for (const number of this.slots.slice(entry.slotBase, entry.slotBase + entry.slotCount)) {
      const backend = this.backends.get(number);
      const name =
        backend?.service === entry.number ? `${backend.address}:${backend.port}` : `stray ${number}`;
      shares[name] = (shares[name] ?? 0) + 1;
    }
    return shares;
  }
}
