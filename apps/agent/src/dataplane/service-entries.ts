/** Services' tables in bytes, and back. */
import { encodeRouteKey, ROUTE_KEY_SIZE } from "@millrace/abi/generated/forward";
import {
  decodeService,
  decodeServiceBackend,
  decodeServiceKey,
  encodeService,
  encodeServiceBackend,
  encodeServiceKey,
  SERVICE_BACKEND_SIZE,
  SERVICE_KEY_SIZE,
  SERVICE_SIZE,
} from "@millrace/abi/generated/service";
import { parsePrefix, prefixText } from "@millrace/contract/prefix";
import { addressBytes, addressText } from "../endpoint/address.ts";
import type { BackendEntry, ServiceEntry, VirtualPort } from "./services.ts";

const MAPPED_BITS = 96;

export function serviceEntry(key: DataView, value: DataView): ServiceEntry {
  const { address, port, proto } = decodeServiceKey(key) as NonNullable<ReturnType<typeof decodeServiceKey>>;
  const service = decodeService(value) as NonNullable<ReturnType<typeof decodeService>>;
  return { address: addressText(address), port, protocol: proto, ...service };
}
export function backendEntry(key: DataView, value: DataView): BackendEntry {
  const backend = decodeServiceBackend(value) as NonNullable<ReturnType<typeof decodeServiceBackend>>;
  return { ...backend, number: key.getUint32(0, true), address: addressText(backend.address) };
}
export function keyBytes({ address, port, protocol }: VirtualPort): Uint8Array {
  const bytes = new Uint8Array(SERVICE_KEY_SIZE);
  encodeServiceKey({ address: sixteen(address), port, proto: protocol }, viewOf(bytes));
  return bytes;
}
export function serviceBytes(entry: ServiceEntry): Uint8Array {
  const bytes = new Uint8Array(SERVICE_SIZE);
  encodeService(entry, viewOf(bytes));
  return bytes;
}
export function backendBytes({ address, port, service }: BackendEntry): Uint8Array {
  const bytes = new Uint8Array(SERVICE_BACKEND_SIZE);
  encodeServiceBackend({ address: sixteen(address), port, service }, viewOf(bytes));
  return bytes;
}
export function rangeKey(text: string): Uint8Array | undefined {
  const prefix = parsePrefix(text);
  if (!prefix) return undefined;
  const bytes = new Uint8Array(ROUTE_KEY_SIZE);
  const prefixBits = prefix.length + (prefix.family === 4 ? MAPPED_BITS : 0);
  const address = sixteen(prefixText(prefix).split("/", 1)[0] as string);
  encodeRouteKey({ prefixBits, address }, viewOf(bytes));
  return bytes;
}
function sixteen(address: string): Uint8Array {
  const bytes = addressBytes(address);
  if (!bytes) throw new Error(`${address} is no address`);
  return bytes;
}

const viewOf = (bytes: Uint8Array): DataView => part(bytes, 0, bytes.length);
export const part = (bytes: Uint8Array, at: number, length: number): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset + at, length);
