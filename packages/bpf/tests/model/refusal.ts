/*
 * What a host answers that has nobody at a port: a TCP reset (RFC 9293, 3.5.2), or an ICMP port unreachable (RFC 792, RFC 4443) that
 * quotes the header and 8 bytes; and a router to what is too long (RFC 1191, RFC 4443). Made of the packet itself: nothing to what has
 * options, tags or is in pieces.
 */
import { checksumOf, wireBytes } from "./bytes.ts";
import { ICMP, ICMP6, LINK_BYTES, type Packet, TCP } from "./parse.ts";
import { hopsOf } from "./rewrite.ts";
import type { World } from "./world.ts";

const [RST, ACK] = [4, 16] as const;
const HOPS = 64;

/** A router answers what has no hop left or is too long; it cuts nothing to pieces. */
export function asRouter(world: World, frame: Buffer, packet: Packet): "goes" | "is answered" | "is lost" {
  const isLong = frame.length > world.uplinkMtu + LINK_BYTES;
  if (isLong && packet.family === 4 && (frame.readUInt16BE(packet.ipAt + 6) & 0x4000) === 0) return "is lost";
  return isLong || hopsOf(frame, packet) <= 1 ? "is answered" : "goes";
}

/** `mtu`: how long it may be at most; 0: nobody is there. */
export function refusalOf(frame: Buffer, packet: Packet, mtu = 0): Buffer | undefined {
  const headerBytes = packet.family === 4 ? 20 : 40;
  const isPlain = packet.ipAt === LINK_BYTES && packet.transportAt === LINK_BYTES + headerBytes;
  if (!isPlain || packet.fragment) return undefined;
  const isTcp = packet.proto === TCP && mtu === 0;
  const proto = isTcp ? TCP : packet.family === 4 ? ICMP : ICMP6;
  const message = isTcp
    ? resetOf(packet)
    : errorOf(packet.family, mtu, frame.subarray(LINK_BYTES, LINK_BYTES + headerBytes + 8));
  if (!message) return undefined;
  const sum =
    proto === ICMP ? checksumOf(message) : checksumOf(pseudoHeader(packet, proto, message), message);
  message.writeUInt16BE(sum, isTcp ? 16 : 2);
  const link = [frame.subarray(6, 12), frame.subarray(0, 6), frame.subarray(12, 14)];
  return Buffer.concat([...link, ipHeader(packet, proto, message.length), message]);
}

/** Where the sender acknowledged something that is the sequence number; else what it sent is acknowledged, as if it was one byte. */
function resetOf({ tcp, sport, dport }: Packet): Buffer | undefined {
  if (!tcp || tcp.flags & RST) return undefined;
  const reset = Buffer.alloc(20);
  reset.writeUInt16BE(dport, 0);
  reset.writeUInt16BE(sport, 2);
  if (tcp.flags & ACK) reset.writeUInt32BE(tcp.ack, 4);
  else reset.writeUInt32BE((tcp.seq + 1) >>> 0, 8);
  reset[12] = 5 << 4;
  reset[13] = tcp.flags & ACK ? RST : RST | ACK;
  return reset;
}

function errorOf(family: number, mtu: number, quoted: Buffer): Buffer {
  const [type, code] = mtu === 0 ? (family === 4 ? [3, 3] : [1, 4]) : family === 4 ? [3, 4] : [2, 0];
  return Buffer.concat([Uint8Array.of(type, code, 0, 0, 0, 0, mtu >> 8, mtu & 255), quoted]);
}

/** From whom the packet was for, to who sent it. */
const addresses = ({ family, saddr, daddr }: Packet): Buffer =>
  Buffer.concat([wireBytes(daddr, family), wireBytes(saddr, family)]);
const pseudoHeader = (packet: Packet, proto: number, { length }: Buffer): Buffer =>
  Buffer.concat([addresses(packet), Uint8Array.of(0, proto, length >> 8, length & 255)]);

function ipHeader(packet: Packet, proto: number, bytes: number): Buffer {
  if (packet.family === 6)
    return Buffer.concat([
      Uint8Array.of(6 << 4, 0, 0, 0, bytes >> 8, bytes & 255, proto, HOPS),
      addresses(packet),
    ]);
  const header = Buffer.alloc(20);
  header[0] = 0x45;
  header.writeUInt16BE(20 + bytes, 2);
  header.writeUInt16BE(0x4000, 6);
  header.set([HOPS, proto], 8);
  header.set(addresses(packet), 12);
  header.writeUInt16BE(checksumOf(header), 10);
  return header;
}
