/*
 * The checksums of whole Ethernet frames: of IPv4's header and of TCP, UDP and ICMP over either family. Put in as a sender
 * does, and checked as a receiver does. No tags, no extension headers, no fragments.
 */
import { PROTO } from "./packet-builder.ts";

const LINK_BYTES = 14;
const CHECKSUM_AT: Record<number, number> = {
  ...{ [PROTO.tcp]: 16, [PROTO.udp]: 6, [PROTO.icmp]: 2, [PROTO.icmp6]: 2 },
};
const ALL_ONES = 0xffff;

interface Parts {
  ip: Buffer;
  proto: number;
  transport: Buffer;
  /** Both addresses, as the pseudo-header has them. */
  addresses: Buffer;
  isIp4: boolean;
}

/** From an IP header on. */
function partsOf(packet: Buffer): Parts {
  const isIp4 = (packet[0] as number) >> 4 === 4;
  const length = isIp4 ? ((packet[0] as number) & 15) * 4 : 40;
  const end = isIp4 ? packet.readUInt16BE(2) : 40 + packet.readUInt16BE(4);
  return {
    ...{ isIp4, ip: packet.subarray(0, length), proto: packet[isIp4 ? 9 : 6] as number },
    transport: packet.subarray(length, end),
    addresses: isIp4 ? packet.subarray(12, 20) : packet.subarray(8, 40),
  };
}

function sum(...parts: Uint8Array[]): number {
  let sum = 0;
  for (const part of parts)
    for (let i = 0; i < part.length; i += 2) sum += ((part[i] ?? 0) << 8) | (part[i + 1] ?? 0);
  while (sum > ALL_ONES) sum = (sum & ALL_ONES) + (sum >>> 16);
  return sum;
}

function transportSum({ proto, transport, addresses }: Parts): number {
  const rest = Buffer.alloc(4);
  rest.writeUInt16BE(transport.length);
  rest.writeUInt16BE(proto, 2);
  return proto === PROTO.icmp ? sum(transport) : sum(addresses, rest, transport);
}

/** The frame with its checksums put in; `udp: false` leaves UDP's out, as its sender may. */
export function checksummed(frame: Uint8Array, options: { udp?: boolean } = {}): Buffer {
  const out = Buffer.from(frame);
  const parts = partsOf(out.subarray(LINK_BYTES));
  const at = CHECKSUM_AT[parts.proto];
  if (parts.isIp4) parts.ip.writeUInt16BE(0, 10);
  if (parts.isIp4) parts.ip.writeUInt16BE(~sum(parts.ip) & ALL_ONES, 10);
  if (at === undefined || (parts.proto === PROTO.udp && options.udp === false)) return out;
  parts.transport.writeUInt16BE(0, at);
  parts.transport.writeUInt16BE(~transportSum(parts) & ALL_ONES || ALL_ONES, at);
  return out;
}

/** What a receiver finds wrong. */
export function checksumProblems(frame: Buffer): string[] {
  const parts = partsOf(frame.subarray(LINK_BYTES));
  const problems: string[] = [];
  if (parts.isIp4 && sum(parts.ip) !== ALL_ONES) problems.push("IPv4's header");
  const unsummed = parts.proto === PROTO.udp && parts.transport.readUInt16BE(6) === 0;
  if (!unsummed && transportSum(parts) !== ALL_ONES) problems.push(`protocol ${parts.proto}`);
  return problems;
}
