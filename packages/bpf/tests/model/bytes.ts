/*
 * Bytes as the model handles them: addresses as 16 bytes in hexadecimal, so that they compare and key by value, and the
 * Internet checksum's arithmetic (RFC 1071, RFC 1624). Nothing of Millrace's own.
 */

/** 16 bytes, IPv4 inside ::ffff:0:0/96. */
export type Address = string;

const MAPPED = "00000000000000000000ffff";
const ALL_ONES = 0xffff;

export const addressOf = (bytes: Uint8Array): Address =>
  (bytes.length === 4 ? MAPPED : "") + Buffer.from(bytes).toString("hex");
export const isMapped = (address: Address): boolean => address.startsWith(MAPPED);
export const isUnspecified = (address: Address): boolean => /^0+$/.test(address);
/** fe80::/10. */
export const isLinkLocal = (address: Address): boolean => /^fe[89ab]/.test(address);
/** As it stands in a packet of the family. */
export const wireBytes = (address: Address, family: number): Buffer =>
  Buffer.from(family === 4 ? address.slice(24) : address, "hex");

/** As people write it; for judge.ts, which reads text. */
export function addressText(address: Address): string {
  if (isMapped(address)) return [...Buffer.from(address.slice(24), "hex")].join(".");
  return (address.match(/..../g) as string[]).map((word) => word.replace(/^0{1,3}/, "")).join(":");
}

/** In ones' complement, of words; an odd last byte counts as if a zero followed. */
export function sumOf(...parts: Uint8Array[]): number {
  let sum = 0;
  for (const part of parts)
    for (let i = 0; i < part.length; i += 2) sum += ((part[i] as number) << 8) | (part[i + 1] ?? 0);
  while (sum > ALL_ONES) sum = (sum & ALL_ONES) + (sum >>> 16);
  return sum;
}

export const checksumOf = (...parts: Uint8Array[]): number => ~sumOf(...parts) & ALL_ONES;

/** RFC 1624, equation 3: a checksum as wrong, or as right, as it was before its words became others. */
export function adjusted(checksum: number, before: Uint8Array, after: Uint8Array): number {
  let sum = (~checksum & ALL_ONES) + (~sumOf(before) & ALL_ONES) + sumOf(after);
  while (sum > ALL_ONES) sum = (sum & ALL_ONES) + (sum >>> 16);
  return ~sum & ALL_ONES;
}
