// Packets as a tun device has them, for tests: built, taken apart, and an echo request that asks the kernel for an answer.
import { VNET_HEADER_BYTES } from "../lib/native.ts";

const NEEDS_CHECKSUM = 1;
const ICMP = 1;
const ICMP6 = 58;

/** What a batch holds, each as it came: the 10-byte header and the packet. */
export function packetsOf(batch: Uint8Array): Buffer[] {
  const view = Buffer.from(batch.buffer, batch.byteOffset, batch.byteLength);
  const out: Buffer[] = [];
  for (let at = 0; at < view.length; ) {
    const length = view.readUInt32LE(at);
    if (view.readUInt32LE(at + 4) !== 0) throw new Error("the second word is not zero");
    out.push(view.subarray(at + 8, at + 8 + length));
    at += 8 + Math.ceil(length / 8) * 8;
  }
  return out;
}

/** The protocol above IP, without extension headers. */
export function protocolOf(packet: Buffer): number {
  const version = packet.readUInt8(VNET_HEADER_BYTES) >> 4;
  return packet.readUInt8(VNET_HEADER_BYTES + (version === 4 ? 9 : 6));
}

export function isEchoReply(packet: Buffer): boolean {
  const version = packet.readUInt8(VNET_HEADER_BYTES) >> 4;
  const [protocol, at, type] = version === 4 ? [ICMP, 20, 0] : [ICMP6, 40, 129];
  return protocolOf(packet) === protocol && packet.readUInt8(VNET_HEADER_BYTES + at) === type;
}

/** The ICMP checksum is left to the receiver, by the header in front: it survives only if that does. */
export function echoRequest(family: 4 | 6, from: number[], to: number[], payloadBytes = 56): Buffer {
  const icmp = Buffer.alloc(8 + payloadBytes);
  icmp.writeUInt8(family === 4 ? 8 : 128, 0);
  const ip = family === 4 ? ip4(from, to, icmp.length) : ip6(from, to, icmp.length);
  const vnet = Buffer.alloc(VNET_HEADER_BYTES);
  vnet.writeUInt8(NEEDS_CHECKSUM, 0);
  vnet.writeUInt16LE(ip.length, 6); // where the sum begins
  vnet.writeUInt16LE(2, 8); // where it goes, from there
  return Buffer.concat([vnet, ip, icmp]);
}

function ip4(from: number[], to: number[], payloadBytes: number): Buffer {
  const out = Buffer.from([0x45, 0, 0, 0, 0, 0, 0, 0, 64, ICMP, 0, 0, ...from, ...to]);
  out.writeUInt16BE(out.length + payloadBytes, 2);
  let sum = 0;
  for (let at = 0; at < out.length; at += 2) sum += out.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  out.writeUInt16BE(~sum & 0xffff, 10);
  return out;
}

function ip6(from: number[], to: number[], payloadBytes: number): Buffer {
  const out = Buffer.from([0x60, 0, 0, 0, 0, 0, ICMP6, 64, ...from, ...to]);
  out.writeUInt16BE(payloadBytes, 4);
  return out;
}
