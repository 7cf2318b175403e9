/**
 * The kernel's table of endpoints: `endpoints` holds them by slot, `endpoint_slots` says which slot is whose. Only the agent
 * writes either, so after a start it knows what stands there. A place is named last and its slot emptied first: one that was
 * killed in between leaves a slot without a place, or a place whose slot is empty.
 */
import {
  ENDPOINT_KEY_SIZE,
  ENDPOINT_OFFSETS,
  EndpointLimit,
  EndpointLink,
  encodeEndpointKey,
  readEndpointKey,
} from "@millrace/abi/generated/endpoint";
import type { BpfMap } from "@millrace/native/native";
import type { EndpointEntry, PerCpuBytes } from "./dataplane.ts";
import type { HookedKind } from "./hooks.ts";
import type { KernelTables } from "./kernel-tables.ts";
import type { EndpointPlace, HeldPlace } from "./place.ts";
import { u32 } from "./trace-object.ts";

const SLOT_BYTES = 4;
const NOBODY = 0;

export class EndpointTable {
  readonly #tables: Pick<KernelTables, "map">;
  /** By place, as text. */
  readonly #held = new Map<string, EndpointEntry & { slot: number }>();

  constructor(tables: Pick<KernelTables, "map">) {
    this.#tables = tables;
  }

  /** What is there after a start, once what was half done is as if it had never been begun. */
  load(): void {
    this.#held.clear();
    const { count, keys, values } = this.#places.readAll();
    for (let i = 0; i < count; i++) {
      const key = Buffer.from(keys.subarray(i * ENDPOINT_KEY_SIZE, (i + 1) * ENDPOINT_KEY_SIZE));
      const slot = Buffer.from(values).readUInt32LE(i * SLOT_BYTES);
      const endpointId = this.#idIn(slot);
      if (endpointId === NOBODY) this.#places.delete(key);
      else this.#held.set(textOf(key), { slot, endpointId, ...placeIn(key) });
    }
    const taken = this.#taken();
    for (let slot = 1; slot < EndpointLimit.EP_SLOTS; slot++)
      if (!taken.has(slot) && this.#idIn(slot) !== NOBODY) this.#empty(slot);
  }

  entries(): EndpointEntry[] {
    return [...this.#held.values()].map(({ slot: _, ...entry }) => entry);
  }

  /** What each has counted, by slot. */
  read(): PerCpuBytes {
    const { cpus, stride } = this.#values;
    const slots = [...this.#taken()].sort((a, b) => a - b);
    const { values } = this.#values.lookupBatch({ max: (slots.at(-1) ?? 0) + 1 });
    const taken = slots.map((slot) => values.subarray(slot * stride, (slot + 1) * stride));
    const keys = Buffer.from(Uint32Array.from(slots).buffer);
    return { count: slots.length, keys, values: Buffer.concat(taken), cpus, stride: stride / cpus };
  }

  /** Nothing, of a place that has it already: its totals stay. Throws an Error where the place is another's. */
  add(place: EndpointPlace, endpointId: number, kind: HookedKind): void {
    const key = keyOf(place);
    const held = this.#held.get(textOf(key));
    if (held && held.endpointId !== endpointId)
      throw new Error(`the interface is endpoint ${held.endpointId}'s still`);
    if (held) return;
    const slot = this.#freeSlot();
    this.#values.update(u32(slot), this.#fresh(key, endpointId, kind));
    this.#places.update(key, u32(slot), "create");
    this.#held.set(textOf(key), { slot, endpointId, ...placeIn(key) });
  }

  isAnothers({ endpointId, ...place }: HeldPlace): boolean {
    const held = this.#held.get(textOf(keyOf(place)));
    return held !== undefined && held.endpointId !== endpointId;
  }

  /** Its count of flows goes with it. Nothing, of a place that is another's. */
  forget(place: HeldPlace): void {
    const key = keyOf(place);
    const held = this.#held.get(textOf(key));
    if (!held || held.endpointId !== place.endpointId) return;
    this.#empty(held.slot);
    this.#places.delete(key);
    this.#held.delete(textOf(key));
    this.#tables.map("flow_holders").delete(u32(held.endpointId));
  }

  get #values(): BpfMap {
    return this.#tables.map("endpoints");
  }
  get #places(): BpfMap {
    return this.#tables.map("endpoint_slots");
  }
  #taken(): Set<number> {
    return new Set([...this.#held.values()].map(({ slot }) => slot));
  }
  #idIn(slot: number): number {
    return this.#values.lookup(u32(slot))?.readUInt32LE(ENDPOINT_OFFSETS.endpointId) ?? NOBODY;
  }
  #empty(slot: number): void {
    this.#values.update(u32(slot), Buffer.alloc(this.#values.stride));
  }
  #freeSlot(): number {
    const taken = this.#taken();
    for (let slot = 1; slot < EndpointLimit.EP_SLOTS; slot++) if (!taken.has(slot)) return slot;
    throw new Error(`${EndpointLimit.EP_SLOTS - 1} interfaces are counted, and there is room for no more`);
  }
  /** Of one that has counted nothing yet, for each CPU. */
  #fresh(key: Uint8Array, endpointId: number, kind: HookedKind): Buffer {
    const { stride, cpus } = this.#values;
    const value = Buffer.alloc(stride);
    const link = kind === "netkit" ? EndpointLink.NETKIT : EndpointLink.VETH;
    for (let at = 0; at < stride; at += stride / cpus) {
      value.writeUInt32LE(endpointId, at + ENDPOINT_OFFSETS.endpointId);
      value.writeUInt32LE(link, at + ENDPOINT_OFFSETS.link);
      value.set(key, at + ENDPOINT_OFFSETS.at);
    }
    return value;
  }
}

function keyOf({ port, ...own }: EndpointPlace): Buffer {
  const { cookie, ifindex } = port ?? own;
  const key = Buffer.alloc(ENDPOINT_KEY_SIZE);
  encodeEndpointKey({ netnsCookie: cookie, ifindex }, viewOf(key));
  return key;
}
function placeIn(key: Uint8Array): { cookie: bigint; ifindex: number } {
  const { netnsCookie, ifindex } = readEndpointKey(viewOf(key), 0);
  return { cookie: netnsCookie, ifindex };
}
const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const textOf = (key: Buffer): string => key.toString("latin1");
