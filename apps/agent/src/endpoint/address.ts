/** Addresses between text and the 16 bytes of the kernel's keys, IPv4 as ::ffff:a.b.c.d. */
import ipaddr from "ipaddr.js";

/** Undefined for what isn't an address. */
export function addressBytes(text: string): Uint8Array | undefined {
  if (!ipaddr.isValid(text)) return undefined;
  const parsed = ipaddr.parse(text);
  const wide = parsed.kind() === "ipv4" ? (parsed as ipaddr.IPv4).toIPv4MappedAddress() : parsed;
  return Uint8Array.from(wide.toByteArray());
}

export function addressText(bytes: Uint8Array): string {
  const parsed = ipaddr.fromByteArray([...bytes]) as ipaddr.IPv6;
  return parsed.isIPv4MappedAddress() ? parsed.toIPv4Address().toString() : parsed.toRFC5952String();
}

/** Of an address in text, as addressKey has it. */
export function addressTextKey(text: string): string | number {
  const bytes = addressBytes(text);
  return bytes ? addressKey(new Uint32Array(bytes.buffer), 0) : text;
}

/** The same number for the same address in `words` from `at`, and a rare collision is told by comparing. */
export function addressKey(words: Uint32Array, at: number): string | number {
  const [a, b, c, d] = [words[at], words[at + 1], words[at + 2], words[at + 3]] as [
    number,
    number,
    number,
    number,
  ];
  if (a === 0 && b === 0 && c === IPV4_MAPPED) return d;
  return `${a}:${b}:${c}:${d}`;
}
/** 00 00 ff ff, read as a little-endian word. */
const IPV4_MAPPED = 0xffff_0000;
