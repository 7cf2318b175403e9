/**
 * The tables that packets are forwarded by, brought to what is wanted: written where they differ, and the generation
 * raised afterwards, so that no flow goes on by what was decided before. Bytes in the shared layouts; what should
 * stand in them is decided elsewhere.
 */
import {
  decodeForwarding,
  encodeForwarding,
  encodeLocal,
  encodeRemote,
  encodeRoute,
  encodeRouteKey,
  FORWARDING_SIZE,
  type Forwarding,
  ForwardLimit,
  ForwardPort,
  LOCAL_SIZE,
  REMOTE_SIZE,
  ROUTE_KEY_SIZE,
  ROUTE_SIZE,
} from "@millrace/abi/generated/forward";
import {
  encodeServiceBackend,
  encodeServiceKey,
  SERVICE_BACKEND_SIZE,
  SERVICE_KEY_SIZE,
} from "@millrace/abi/generated/service";
import type { BpfMap } from "@millrace/native/native";
import type { ForwardingTables } from "./dataplane.ts";
import { u32 } from "./trace-object.ts";

type Entry = readonly [key: Uint8Array, value: Uint8Array];

/** Whether anything had to be written or removed. `anew`: the generation is raised in any case. */
export function applyForwarding(
  map: (name: string) => BpfMap,
  wanted: ForwardingTables,
  anew: boolean,
): boolean {
  const before = readForwarding(map("forwarding"));
  const { nodePorts, ...told } = wanted.facts;
  const hostPorts =
    (wanted.hostPorts.length > 0 ? ForwardPort.HOST_PORTS : 0) | (nodePorts ? ForwardPort.NODE_PORTS : 0);
  const { generation, policySet } = before;
  const facts = { ...told, hostPorts, generation, policySet };
  // Remotes first: a route must find the host it names.
  const changed = [
    bring(map("remotes"), wanted.remotes.map(remoteEntry), "array"),
    bring(map("tunnel_peers"), wanted.remotes.flatMap(peerEntry)),
    bring(map("hosts"), wanted.remotes.flatMap(hostEntries)),
    bring(map("locals"), wanted.locals.map(localEntry)),
    bring(map("routes"), wanted.routes.map(routeEntry)),
    bring(map("host_ports"), wanted.hostPorts.map(hostPortEntry)),
    before.generation === 0 || !isEqual(bytesOf(facts), bytesOf(before)),
  ].some(Boolean);
  if (changed || anew)
    map("forwarding").update(u32(0), bytesOf({ ...facts, generation: nextGeneration(before.generation) }));
  return changed;
}

export function readForwarding(map: BpfMap): Forwarding {
  const value = map.lookup(u32(0)) as Buffer;
  return decodeForwarding(viewOf(value)) as Forwarding;
}
/** Every flow is decided anew with its next packet. Nothing, where nothing has ever been decided. */
export function decideAnew(map: BpfMap): void {
  const before = readForwarding(map);
  if (before.generation === 0) return;
  map.update(u32(0), bytesOf({ ...before, generation: nextGeneration(before.generation) }));
}
/** Of 32 bits, leaving out those that are no generation. */
export const nextGeneration = (generation: number): number =>
  generation < ForwardLimit.FIRST_GENERATION || generation === 0xffff_ffff
    ? ForwardLimit.FIRST_GENERATION
    : generation + 1;

/** What is new or other is written before what is left over goes. An array's elements can't go: they become zero. */
function bring(map: BpfMap, wanted: readonly Entry[], kind: "hash" | "array" = "hash"): boolean {
  const there = contents(map);
  let changed = false;
  for (const [key, value] of wanted) {
    const old = there.get(text(key));
    there.delete(text(key));
    if (old && isEqual(old.value, value)) continue;
    map.update(key, value);
    changed = true;
  }
  const zero = new Uint8Array(map.valueSize);
  for (const { key, value } of there.values()) {
    if (kind === "array" && isEqual(value, zero)) continue;
    if (kind === "array") map.update(key, zero);
    else map.delete(key);
    changed = true;
  }
  return changed;
}

function contents(map: BpfMap): Map<string, { key: Buffer; value: Buffer }> {
  const { count, keys, values } = map.readAll();
  const found = new Map<string, { key: Buffer; value: Buffer }>();
  for (let i = 0; i < count; i++) {
    const key = Buffer.from(keys.subarray(i * map.keySize, (i + 1) * map.keySize));
    const value = Buffer.from(values.subarray(i * map.valueSize, (i + 1) * map.valueSize));
    found.set(text(key), { key, value });
  }
  return found;
}

function localEntry({ address, ...local }: ForwardingTables["locals"][number]): Entry {
  return [address, encoded(LOCAL_SIZE, (view) => encodeLocal(local, view))];
}
function routeEntry({ address, prefixBits, ...route }: ForwardingTables["routes"][number]): Entry {
  return [
    encoded(ROUTE_KEY_SIZE, (view) => encodeRouteKey({ address, prefixBits }, view)),
    encoded(ROUTE_SIZE, (view) => encodeRoute(route, view)),
  ];
}
function hostPortEntry({ pod, ...at }: ForwardingTables["hostPorts"][number]): Entry {
  return [
    encoded(SERVICE_KEY_SIZE, (view) => encodeServiceKey(at, view)),
    encoded(SERVICE_BACKEND_SIZE, (view) => encodeServiceBackend({ ...pod, service: 0 }, view)),
  ];
}
function remoteEntry({ index, ...remote }: ForwardingTables["remotes"][number]): Entry {
  return [u32(index), encoded(REMOTE_SIZE, (view) => encodeRemote(remote, view))];
}
function peerEntry({ index, address4 }: ForwardingTables["remotes"][number]): Entry[] {
  const key = new Uint8Array(4);
  new DataView(key.buffer).setUint32(0, address4);
  return address4 === 0 ? [] : [[key, u32(index)]];
}
function hostEntries({ index, address4, address6 }: ForwardingTables["remotes"][number]): Entry[] {
  const mapped = new Uint8Array(16);
  mapped.set([0xff, 0xff], 10);
  new DataView(mapped.buffer).setUint32(12, address4);
  const own = [
    ...(address4 === 0 ? [] : [mapped]),
    ...(address6.some((byte) => byte !== 0) ? [address6] : []),
  ];
  return own.map((address) => [address, u32(index)]);
}
export const bytesOf = (facts: Forwarding): Uint8Array =>
  encoded(FORWARDING_SIZE, (view) => encodeForwarding(facts, view));

export function encoded(size: number, encode: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(size);
  encode(viewOf(bytes));
  return bytes;
}
export const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const isEqual = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
const text = (key: Uint8Array): string => Buffer.from(key).toString("latin1");
