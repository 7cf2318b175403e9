/*
 * The overlay's outer headers: VXLAN (RFC 7348) over IPv4, whose network identifier is the sender's identity.
 */
import { addressOf, checksumOf, wireBytes } from "./bytes.ts";
import { LINK_BYTES, UDP } from "./parse.ts";
import type { World } from "./world.ts";

export const TUNNEL_BYTES = 50;
const HAS_IDENTITY = 0x08000000;
/** The outer UDP source port: one a flow, any of the upper quarter of all ports. */
export const TUNNEL_SOURCE_PORT = { at: LINK_BYTES + 20, first: 49_152 } as const;

export interface Arrived {
  from: string;
  identity: number;
  /** What was inside, behind the outer frame's own link header. Undefined: not even an IP header. */
  inner: Buffer | undefined;
}

/** Undefined: no packet of our tunnel, for this host. */
export function openTunnel(world: World, frame: Buffer): Arrived | undefined {
  const innerAt = LINK_BYTES + TUNNEL_BYTES;
  if (frame.length < innerAt || frame.readUInt16BE(12) !== 0x0800 || frame[14] !== 0x45) return undefined;
  const isWhole = (frame.readUInt16BE(20) & 0xbfff) === 0;
  const isForUs = addressOf(frame.subarray(30, 34)) === world.tunnelAddress;
  if (frame[23] !== UDP || !isWhole || !isForUs || frame.readUInt16BE(36) !== world.tunnelPort)
    return undefined;
  if (frame.readUInt32BE(42) !== HAS_IDENTITY) return undefined;
  const isIp6 = frame.readUInt16BE(innerAt - 2) === 0x86dd;
  const link = Buffer.from(frame.subarray(0, LINK_BYTES));
  link.writeUInt16BE(isIp6 ? 0x86dd : 0x0800, 12);
  const hasHeader = frame.length - innerAt >= (isIp6 ? 40 : 20);
  return {
    ...{ from: addressOf(frame.subarray(26, 30)), identity: frame.readUInt32BE(46) >>> 8 },
    inner: hasHeader ? Buffer.concat([link, frame.subarray(innerAt)]) : undefined,
  };
}

/** The source port is left 0. */
export function putIntoTunnel(
  world: World,
  frame: Buffer,
  to: string,
  identity: number,
  family: number,
): Buffer {
  const outer = Buffer.alloc(TUNNEL_BYTES);
  const bytes = TUNNEL_BYTES + frame.length - LINK_BYTES;
  outer.set([0x45, 0]);
  outer.writeUInt16BE(bytes, 2);
  outer.writeUInt16BE(0x4000, 6); // never in pieces
  outer.set([64, UDP], 8);
  outer.set(wireBytes(world.tunnelAddress, 4), 12);
  outer.set(wireBytes(to, 4), 16);
  outer.writeUInt16BE(checksumOf(outer.subarray(0, 20)), 10);
  outer.writeUInt16BE(world.tunnelPort, 22);
  outer.writeUInt16BE(bytes - 20, 24);
  outer.writeUInt32BE(HAS_IDENTITY, 28);
  outer.writeUInt32BE(identity * 256, 32);
  outer.writeUInt16BE(family === 6 ? 0x86dd : 0x0800, 48);
  const link = Buffer.from(frame.subarray(0, LINK_BYTES));
  link.writeUInt16BE(0x0800, 12);
  return Buffer.concat([link, outer, frame.subarray(LINK_BYTES)]);
}
