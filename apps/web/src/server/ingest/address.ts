/**
 * Addresses between their three forms: 16 bytes in a column, a map's key, text. IPv4 is ::ffff:a.b.c.d in
 * columns and plain in text. It compares nothing and resolves nothing.
 */
import ipaddr from "ipaddr.js";

/** The 16 bytes as a string of as many characters: quick to make, equal when the addresses are. */
export type AddressKey = string;

/** The keys of a column of 16-byte addresses. */
export function keysOf(column: Uint8Array): AddressKey[] {
  const bytes = Buffer.from(column.buffer, column.byteOffset, column.byteLength);
  const keys = new Array<AddressKey>(column.byteLength / 16);
  for (let row = 0; row < keys.length; row++) keys[row] = bytes.toString("latin1", row * 16, row * 16 + 16);
  return keys;
}

/** undefined for what is no address, or not one that only one endpoint has (link-local, loopback). */
export function keyOf(text: string): AddressKey | undefined {
  if (!ipaddr.isValid(text)) return undefined;
  const address = ipaddr.process(text);
  const range = address.range();
  if (range === "linkLocal" || range === "loopback" || range === "multicast" || range === "unspecified")
    return undefined;
  const v6 = address instanceof ipaddr.IPv4 ? address.toIPv4MappedAddress() : address;
  return Buffer.from(v6.toByteArray()).toString("latin1");
}

const MAPPED = `${"\0".repeat(10)}\xff\xff`;

export function textOf(key: AddressKey): string {
  if (!key.startsWith(MAPPED)) return ipaddr.fromByteArray([...Buffer.from(key, "latin1")]).toString();
  const byte = (at: number) => key.charCodeAt(12 + at);
  return `${byte(0)}.${byte(1)}.${byte(2)}.${byte(3)}`;
}
