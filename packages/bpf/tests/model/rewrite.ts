/*
 * One end of a packet made another, and every checksum over it adjusted: as right or as wrong as it came (RFC 3022, RFC
 * 5508). Which end becomes what is nat.ts's.
 */
import { type Address, adjusted, wireBytes } from "./bytes.ts";
import { ICMP, isIcmp, type Packet, type Quote, TCP, UDP } from "./parse.ts";
import type { Place } from "./world.ts";

type Which = "source" | "destination";
/** Where a packet's headers are, its own or a quoted one's. */
type Headers = Pick<Quote, "family" | "proto" | "ipAt"> & { transportAt: number | null; end: number };

/**
 * Bytes, and where checksums were adjusted in them: one of 0 is as good there as one of all ones, but for UDP's, where 0 says
 * that there is none.
 */
export class Rewriting {
  readonly frame: Buffer;
  readonly checksums = new Set<number>();
  readonly neverZero = new Set<number>();

  constructor(frame: Buffer) {
    this.frame = Buffer.from(frame);
  }

  /** Where they are behind so many bytes more. */
  movedBy(bytes: number): { checksums: ReadonlySet<number>; neverZero: ReadonlySet<number> } {
    const moved = (all: ReadonlySet<number>) => new Set([...all].map((at) => at + bytes));
    return { checksums: moved(this.checksums), neverZero: moved(this.neverZero) };
  }
  /** Adjusts the checksums, each with those over it, and writes. */
  write(at: number, bytes: Uint8Array, sums: readonly (readonly number[])[]): void {
    const before = Buffer.from(this.frame.subarray(at, at + bytes.length));
    this.frame.set(bytes, at);
    for (const [sum, ...outer] of sums) this.#adjust(sum as number, before, bytes, outer);
  }
  #adjust(sum: number, before: Uint8Array, after: Uint8Array, outer: readonly number[]): void {
    const was = Buffer.from(this.frame.subarray(sum, sum + 2));
    this.frame.writeUInt16BE(adjusted(was.readUInt16BE(), before, after), sum);
    this.checksums.add(sum);
    const [next, ...rest] = outer;
    const is = Buffer.from(this.frame.subarray(sum, sum + 2));
    if (next !== undefined) this.#adjust(next, was, is, rest);
  }
}

const headersOfQuote = (quote: Quote, error: Packet): Headers => ({ ...quote, end: error.end });

const checksumAt = (proto: number): number => (proto === TCP ? 16 : proto === UDP ? 6 : 2);
const addressAt = (family: number, which: Which): number =>
  family === 4 ? (which === "source" ? 12 : 16) : which === "source" ? 8 : 24;
const portAt = (proto: number, which: Which): number => (isIcmp(proto) ? 4 : which === "source" ? 0 : 2);

/** The transport's checksum; undefined: not in this packet, or its sender left it out. */
function transportSum(frame: Buffer, { proto, transportAt, end }: Headers): number | undefined {
  if (transportAt === null) return undefined;
  const at = transportAt + checksumAt(proto);
  return at + 2 > end || (proto === UDP && frame.readUInt16BE(at) === 0) ? undefined : at;
}

/** `outer`: checksums over all of it, the nearest first. */
export function rewriteEnd(
  work: Rewriting,
  headers: Headers,
  which: Which,
  to: Place,
  outer: number[] = [],
): void {
  const { family, proto, ipAt, transportAt } = headers;
  const sum = transportSum(work.frame, headers);
  const overAll = outer.length > 0 ? [outer] : [];
  const ofTransport = sum === undefined ? [] : [[sum, ...outer]];
  const ofIp = family === 4 ? [[ipAt + 10, ...outer]] : [];
  if (sum !== undefined && proto === UDP) work.neverZero.add(sum);
  // ICMP's of IPv4 is over no addresses; the others' are, by their pseudo-header.
  const overAddress = [...ofIp, ...(proto === ICMP ? [] : ofTransport), ...overAll];
  work.write(ipAt + addressAt(family, which), wireBytes(to.address, family), overAddress);
  if (transportAt === null) return;
  const port = Buffer.alloc(2);
  port.writeUInt16BE(to.port);
  work.write(transportAt + portAt(proto, which), port, [...ofTransport, ...overAll]);
}

/** In the packet that an ICMP error quotes. */
export function rewriteQuote(work: Rewriting, error: Packet, quote: Quote, which: Which, to: Place): void {
  const own = (error.transportAt as number) + checksumAt(error.proto);
  rewriteEnd(work, headersOfQuote(quote, error), which, to, [own]);
}

/** An error's own address: it has no port. */
export function rewriteErrorAddress(work: Rewriting, error: Packet, which: Which, address: Address): void {
  const { family, proto, ipAt } = error;
  const own = (error.transportAt as number) + checksumAt(proto);
  const sums = [...(family === 4 ? [[ipAt + 10]] : []), ...(proto !== ICMP ? [[own]] : [])];
  work.write(ipAt + addressAt(family, which), wireBytes(address, family), sums);
}

const hopsAt = ({ family, ipAt }: Packet): number => ipAt + (family === 4 ? 8 : 7);
export const hopsOf = (frame: Buffer, packet: Packet): number => frame[hopsAt(packet)] as number;

/** As a router does. */
export function takeHop(work: Rewriting, packet: Packet): void {
  const at = hopsAt(packet);
  const { frame } = work;
  // In IPv4 the hops are the upper half of a checksummed word; IPv6 has no checksum of its own.
  const word = Uint8Array.of((frame[at] as number) - 1, frame[at + 1] as number);
  work.write(at, word, packet.family === 4 ? [[packet.ipAt + 10]] : []);
}
