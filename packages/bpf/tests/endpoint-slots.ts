/* The table of endpoints by slot as tests fill and read it: the agent's way is apps/agent's endpoint-table.ts. */
import {
  decodeEndpoint,
  ENDPOINT_KEY_SIZE,
  ENDPOINT_OFFSETS,
  type Endpoint,
  EndpointLink,
  encodeEndpointKey,
} from "@millrace/abi/generated/endpoint";
import type { FlowCounters } from "@millrace/abi/generated/flow";
import type { BpfMap } from "@millrace/native/native";
import { plus, u32, viewOf } from "./observer.ts";

type Place = { cookie: bigint; ifindex: number };

export class EndpointSlots {
  readonly #map: (name: string) => BpfMap;
  /** By slot, from 1. */
  #taken: Buffer[] = [];

  constructor(map: (name: string) => BpfMap) {
    this.#map = map;
  }

  /** One that has counted nothing; at a place that has one already, in that one's stead. */
  add(place: Place, endpointId: number, link: EndpointLink = EndpointLink.VETH): void {
    const key = keyOf(place);
    if (!this.#taken.some((taken) => taken.equals(key))) this.#taken.push(key);
    const slot = this.#slotOf(key);
    const { stride, cpus } = this.#map("endpoints");
    const value = Buffer.alloc(stride);
    for (let at = 0; at < stride; at += stride / cpus) {
      value.writeUInt32LE(endpointId, at + ENDPOINT_OFFSETS.endpointId);
      value.writeUInt32LE(link, at + ENDPOINT_OFFSETS.link);
      value.set(key, at + ENDPOINT_OFFSETS.at);
    }
    this.#map("endpoints").update(u32(slot), value);
    this.#map("endpoint_slots").update(key, u32(slot));
  }

  /** Its counters are the sum of all CPUs'. */
  find(place: Place): Endpoint {
    const map = this.#map("endpoints");
    const slot = this.#slotOf(keyOf(place));
    if (slot === 0) throw new Error(`no endpoint of ifindex ${place.ifindex}`);
    const value = viewOf(map.lookup(u32(slot)) as Buffer);
    const each = Array.from(
      { length: map.cpus },
      (_, cpu) => decodeEndpoint(value, (cpu * map.stride) / map.cpus) as Endpoint,
    );
    return each.reduce(sumOf);
  }

  clear(): void {
    for (const key of this.#taken) {
      this.#map("endpoints").update(u32(this.#slotOf(key)), Buffer.alloc(this.#map("endpoints").stride));
      this.#map("endpoint_slots").delete(key);
    }
    this.#taken = [];
  }

  #slotOf(key: Buffer): number {
    return this.#taken.findIndex((taken) => taken.equals(key)) + 1;
  }
}

function keyOf({ cookie, ifindex }: Place): Buffer {
  const key = Buffer.alloc(ENDPOINT_KEY_SIZE);
  encodeEndpointKey({ netnsCookie: cookie, ifindex }, viewOf(key));
  return key;
}

const sumOf = (a: Endpoint, b: Endpoint): Endpoint => ({
  ...a,
  notes: a.notes.map((n, i) => n + (b.notes[i] ?? 0n)),
  counters: a.counters.map((way, d) => way.map((c, i) => plus(c, b.counters[d]?.[i] as FlowCounters))),
});
