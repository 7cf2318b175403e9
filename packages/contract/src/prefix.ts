/**
 * Addresses and prefixes as numbers: what lies in what, and how a pool is cut into blocks. IPv4 and IPv6
 * alike, and pure: control plane and agents must cut the same. Which prefixes a pool may have is pool.ts's.
 */
import ipaddr from "ipaddr.js";

export type Family = 4 | 6;
export type Address = { readonly family: Family; readonly value: bigint };
/** `first` has no bit set beyond the first `length`. */
export type Prefix = { readonly family: Family; readonly first: bigint; readonly length: number };

export const WIDTH = { 4: 32, 6: 128 } as const satisfies Record<Family, number>;

/** undefined for anything but the four numbers of IPv4 or IPv6 without a zone. */
export function parseAddress(text: string): Address | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text))
    return { family: 4, value: numberOf(ipaddr.IPv4.parse(text)) };
  if (!text.includes(":") || text.includes("%") || !ipaddr.IPv6.isValid(text)) return undefined;
  return { family: 6, value: numberOf(ipaddr.IPv6.parse(text)) };
}
const numberOf = (address: ipaddr.IPv4 | ipaddr.IPv6): bigint =>
  address.toByteArray().reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);

/** As RFC 5952 and Postgres write it, so that texts are equal where addresses are. */
export function addressText({ family, value }: Address): string {
  const last = WIDTH[family] / 8 - 1;
  const bytes = Array.from({ length: last + 1 }, (_, at) =>
    Number((value >> BigInt(8 * (last - at))) & 0xffn),
  );
  return family === 4 ? bytes.join(".") : new ipaddr.IPv6(bytes).toRFC5952String();
}

/** An address and a length; bits beyond the length may be set. */
export function parseCidr(text: string): { address: Address; length: number } | undefined {
  const [, before = "", after = ""] = /^([0-9a-f.:]+)\/(\d{1,3})$/i.exec(text) ?? [];
  const address = parseAddress(before);
  const length = Number(after);
  return address && length <= WIDTH[address.family] ? { address, length } : undefined;
}
/** undefined also when bits beyond the length are set: it would be somebody's mistake. */
export function parsePrefix(text: string): Prefix | undefined {
  const cidr = parseCidr(text);
  const prefix = cidr && prefixOf(cidr.address, cidr.length);
  return prefix?.first === cidr?.address.value ? prefix : undefined;
}
export function prefixOf({ family, value }: Address, length: number): Prefix {
  const beyond = BigInt(WIDTH[family] - length);
  return { family, first: (value >> beyond) << beyond, length };
}
export const prefixText = ({ family, first, length }: Prefix): string =>
  `${addressText({ family, value: first })}/${length}`;

/** How many addresses it has. */
const sizeOf = ({ family, length }: Prefix): bigint => 1n << BigInt(WIDTH[family] - length);
export const lastOf = (prefix: Prefix): Address => ({
  family: prefix.family,
  value: prefix.first + sizeOf(prefix) - 1n,
});
export const contains = (prefix: Prefix, { family, value }: Address): boolean =>
  prefix.family === family && value >= prefix.first && value < prefix.first + sizeOf(prefix);
/** Prefixes overlap only when one holds the other. */
export const overlaps = (a: Prefix, b: Prefix): boolean =>
  contains(a, { family: b.family, value: b.first }) || contains(b, { family: a.family, value: a.first });

export type PoolPrefixes = {
  readonly prefix4: string | null;
  readonly prefix6: string | null;
  readonly blockLength4: number;
  readonly blockLength6: number;
};
export type BlockPrefixes = { readonly prefix4: string | null; readonly prefix6: string | null };

/** As many as a block's index may name: an IPv6 prefix has room for more than anybody counts. */
export const MOST_BLOCKS = 1 << 24;

/** A pool cut into blocks: the nth of either prefix belong together, so there are as many as both have room for. */
export type Cut = { readonly count: number; readonly parts: readonly { prefix: Prefix; length: number }[] };

export function cutPool(pool: PoolPrefixes): Cut {
  const parts = [
    { text: pool.prefix4, length: pool.blockLength4 },
    { text: pool.prefix6, length: pool.blockLength6 },
  ].flatMap(({ text, length }) => {
    const prefix = text === null ? undefined : parsePrefix(text);
    return prefix && prefix.length <= length ? [{ prefix, length }] : [];
  });
  const counts = parts.map(({ prefix, length }) => 2 ** (length - prefix.length));
  return { parts, count: parts.length === 0 ? 0 : Math.min(MOST_BLOCKS, ...counts) };
}

export function blockOf({ parts }: Cut, index: number): BlockPrefixes {
  const text = (family: Family): string | null => {
    const part = parts.find(({ prefix }) => prefix.family === family);
    if (!part) return null;
    const step = BigInt(WIDTH[family] - part.length);
    return prefixText({ family, first: part.prefix.first + (BigInt(index) << step), length: part.length });
  };
  return { prefix4: text(4), prefix6: text(6) };
}

export type Place = "outside" | "beyond" | number;
/** The index of the block that the address is in; "beyond": in the pool, but where no block is cut. */
export function placeIn({ parts, count }: Cut, address: Address): Place {
  const part = parts.find(({ prefix }) => contains(prefix, address));
  if (!part) return "outside";
  const index = (address.value - part.prefix.first) >> BigInt(WIDTH[address.family] - part.length);
  return index < BigInt(count) ? Number(index) : "beyond";
}
