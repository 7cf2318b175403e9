/** Addresses against addresses and networks, as Postgres' `inet <<= inet` does it. Not parsing of filters. */
import ipaddr from "ipaddr.js";

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** `undefined` for what Postgres' inet wouldn't take either: no octal, no short forms. */
function parse(text: string): Address | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
  return text.includes(":") && ipaddr.IPv6.isValid(text) ? ipaddr.IPv6.parse(text) : undefined;
}

/** Is the address the wanted one, or within the wanted network? */
export function matchesAddress(wanted: string, address: string): boolean {
  const [base = "", bits] = wanted.split("/");
  const network = parse(base);
  const actual = parse(address);
  if (!network || !actual || network.kind() !== actual.kind()) return false;
  const width = network.kind() === "ipv4" ? 32 : 128;
  const length = bits === undefined ? width : Number(bits);
  return length <= width && actual.match(network as ipaddr.IPv4, length);
}

const PRIVATE: ReadonlySet<string> = new Set([
  ...["private", "uniqueLocal", "carrierGradeNat", "linkLocal", "loopback"],
]);
/** Of a network that isn't the public Internet. */
export function isPrivate(address: string): boolean {
  const parsed = parse(address);
  return parsed !== undefined && PRIVATE.has(parsed.range());
}
