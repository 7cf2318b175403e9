/*
 * What a frame is: by IEEE 802.1Q, RFC 791, RFC 8200 and the transports' own. Whoever carries packets may not trust
 * them: lengths that contradict one another are said, and nothing is read beyond what IP says there is.
 */
import { EndpointClass, EndpointNote } from "@millrace/abi/generated/endpoint";
import { type Address, addressOf } from "./bytes.ts";

export const [ICMP, TCP, UDP, DCCP, ICMP6, SCTP, UDPLITE] = [1, 6, 17, 33, 58, 132, 136] as const;
const WITH_PORTS: readonly number[] = [UDP, DCCP, SCTP, UDPLITE];
const [HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION] = [0, 43, 44, 51, 60] as const;
const EXTENSIONS: readonly number[] = [HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION];
const MOST_EXTENSIONS = 8;
const MOST_TAGS = 2;
export const LINK_BYTES = 14;

export interface Packet {
  problem: 0;
  family: 4 | 6;
  saddr: Address;
  daddr: Address;
  proto: number;
  /** Echo: the identifier, and no other port. Other ICMP: no port, and type << 8 | code as the other. */
  sport: number;
  dport: number;
  vlan: number;
  notes: Set<EndpointNote>;
  tcp: { flags: number; seq: number; ack: number } | null;
  isEchoReply: boolean;
  /** Offset in units of 8 bytes; null: whole. */
  fragment: { id: number; offset: number } | null;
  ipAt: number;
  /** After IP's headers; null: this packet has none of it. */
  transportAt: number | null;
  /** Where IP says that the packet ends. */
  end: number;
}
/** Not to be told: neither family, or (then it is known) an IP header that ends early or contradicts itself. */
export interface Unparsed {
  problem: typeof EndpointClass.NOT_IP | typeof EndpointClass.TRUNCATED;
  family: 0 | 4 | 6;
  notes: Set<EndpointNote>;
}

export const isIcmp = (proto: number): boolean => proto === ICMP || proto === ICMP6;
const ERRORS = { [ICMP]: [3, 11, 12], [ICMP6]: [1, 2, 3, 4] } as Record<number, number[]>;
const ECHOES = { [ICMP]: [8, 0], [ICMP6]: [128, 129] } as Record<number, [number, number]>;
/** By a flow's protocol and second port. */
export const isIcmpError = (proto: number, dport: number): boolean =>
  ERRORS[proto]?.includes(dport >> 8) ?? false;
export const isEchoType = (proto: number, type: number): boolean => ECHOES[proto]?.includes(type) ?? false;

export function parse(frame: Buffer): Packet | Unparsed {
  const notes = new Set<EndpointNote>();
  let [at, vlan, tags] = [LINK_BYTES, 0, 0];
  let ethertype = frame.readUInt16BE(12);
  while (tags < MOST_TAGS && (ethertype === 0x8100 || ethertype === 0x88a8)) {
    if (at + 4 > frame.length) return { problem: EndpointClass.NOT_IP, family: 0, notes };
    if (tags++ === 0) vlan = frame.readUInt16BE(at) & 0xfff; // the outermost names the flow
    notes.add(EndpointNote.VLAN);
    ethertype = frame.readUInt16BE(at + 2);
    at += 4;
  }
  if (ethertype !== 0x0800 && ethertype !== 0x86dd)
    return { problem: EndpointClass.NOT_IP, family: 0, notes };
  const family = ethertype === 0x0800 ? 4 : 6;
  const packet = family === 4 ? parse4(frame, at, notes) : parse6(frame, at, notes);
  return packet ? { ...packet, vlan } : { problem: EndpointClass.TRUNCATED, family, notes };
}

/** An IP packet from `at` on; what is after its end is none of it. */
function parse4(frame: Buffer, at: number, notes: Set<EndpointNote>): Packet | undefined {
  const there = frame.length - at;
  if (there < 20) return undefined;
  const headerBytes = ((frame[at] as number) & 15) * 4;
  const bytes = frame.readUInt16BE(at + 2);
  if ((frame[at] as number) >> 4 !== 4 || headerBytes < 20 || bytes < headerBytes || bytes > there)
    return undefined;
  const fragment = frame.readUInt16BE(at + 6);
  const packet = blank(4, frame.subarray(at + 12, at + 20), frame[at + 9] as number, at, at + bytes, notes);
  takeFragment(packet, frame.readUInt16BE(at + 4), fragment & 0x1fff, (fragment & 0x2000) !== 0);
  return parseTransport(frame, packet, at + headerBytes);
}

function parse6(frame: Buffer, at: number, notes: Set<EndpointNote>): Packet | undefined {
  const there = frame.length - at - 40;
  if (there < 0) return undefined;
  const next = frame[at + 6] as number;
  const stated = frame.readUInt16BE(at + 4);
  const bytes = stated === 0 && next === HOP_BY_HOP ? there : stated; // a jumbogram says it elsewhere
  if ((frame[at] as number) >> 4 !== 6 || bytes > there) return undefined;
  const packet = blank(6, frame.subarray(at + 8, at + 40), next, at, at + 40 + bytes, notes);
  return parseExtensions(frame, packet, at + 40);
}

const blank = (
  family: 4 | 6,
  addresses: Buffer,
  proto: number,
  ipAt: number,
  end: number,
  notes: Set<EndpointNote>,
): Packet => ({
  ...{ problem: 0, family, proto, ipAt, end, notes },
  saddr: addressOf(addresses.subarray(0, addresses.length / 2)),
  daddr: addressOf(addresses.subarray(addresses.length / 2)),
  ...{ sport: 0, dport: 0, vlan: 0, tcp: null, isEchoReply: false, fragment: null, transportAt: null },
});

function takeFragment(packet: Packet, id: number, offset: number, more: boolean): void {
  if (offset === 0 && !more) return;
  packet.notes.add(EndpointNote.FRAGMENT);
  packet.fragment = { id, offset };
}

function parseExtensions(frame: Buffer, packet: Packet, from: number): Packet {
  let at = from;
  for (let n = 0; n < MOST_EXTENSIONS && EXTENSIONS.includes(packet.proto); n++) {
    packet.notes.add(EndpointNote.EXTENSION_HEADER);
    if (at + 8 > packet.end) return withoutPorts(packet, EndpointNote.L4_TRUNCATED, at);
    const extension = packet.proto;
    packet.proto = frame[at] as number;
    const units = frame[at + 1] as number;
    if (extension !== FRAGMENT) {
      at += extension === AUTHENTICATION ? (units + 2) * 4 : (units + 1) * 8;
      continue;
    }
    const place = frame.readUInt16BE(at + 2);
    takeFragment(packet, frame.readUInt32BE(at + 4), place >> 3, (place & 1) !== 0);
    at += 8;
    if (packet.fragment && packet.fragment.offset > 0) return packet; // what follows is the middle of something
  }
  if (EXTENSIONS.includes(packet.proto)) return withoutPorts(packet, EndpointNote.EXTENSION_LIMIT, at);
  return parseTransport(frame, packet, at);
}

function withoutPorts(packet: Packet, note: EndpointNote, transportAt: number): Packet {
  packet.notes.add(note);
  packet.transportAt = transportAt;
  return packet;
}

function parseTransport(frame: Buffer, packet: Packet, at: number): Packet {
  if (packet.fragment && packet.fragment.offset > 0) return packet;
  packet.transportAt = at;
  const { proto, end } = packet;
  const needs = proto === TCP ? 20 : WITH_PORTS.includes(proto) || isIcmp(proto) ? 8 : 0;
  if (needs === 0) return packet;
  if (at + needs > end) return withoutPorts(packet, EndpointNote.L4_TRUNCATED, at);
  if (isIcmp(proto)) return parseIcmp(frame, packet, at);
  packet.sport = frame.readUInt16BE(at);
  packet.dport = frame.readUInt16BE(at + 2);
  if (proto === TCP)
    packet.tcp = {
      flags: frame[at + 13] as number,
      seq: frame.readUInt32BE(at + 4),
      ack: frame.readUInt32BE(at + 8),
    };
  return packet;
}

function parseIcmp(frame: Buffer, packet: Packet, at: number): Packet {
  const type = frame[at] as number;
  if (isEchoType(packet.proto, type)) {
    packet.sport = frame.readUInt16BE(at + 4);
    packet.isEchoReply = ECHOES[packet.proto]?.[1] === type;
  } else {
    packet.dport = frame.readUInt16BE(at);
  }
  return packet;
}

/** The packet that an ICMP error is about, as far as it is quoted: as it was on the wire. */
export interface Quote {
  family: 4 | 6;
  saddr: Address;
  daddr: Address;
  proto: number;
  sport: number;
  dport: number;
  ipAt: number;
  transportAt: number;
}

/** Undefined: it quotes no packet, or too little of one to tell whose it is. */
export function parseQuote(frame: Buffer, error: Packet): Quote | undefined {
  if (error.transportAt === null || !isIcmpError(error.proto, error.dport)) return undefined;
  const ipAt = error.transportAt + 8;
  const ip = quotedIp(frame.subarray(0, error.end), ipAt, error.family);
  if (!ip || ip.transportAt + 8 > error.end) return undefined;
  const at = ip.transportAt;
  if (ip.proto === TCP || WITH_PORTS.includes(ip.proto))
    return { ...ip, ipAt, sport: frame.readUInt16BE(at), dport: frame.readUInt16BE(at + 2) };
  if (!isIcmp(ip.proto)) return { ...ip, ipAt, sport: 0, dport: 0 };
  const isEcho = isEchoType(ip.proto, frame[at] as number);
  return isEcho ? { ...ip, ipAt, sport: frame.readUInt16BE(at + 4), dport: 0 } : undefined;
}

function quotedIp(bytes: Buffer, at: number, family: 4 | 6) {
  const fixed = family === 4 ? 20 : 40;
  if (at + fixed > bytes.length || (bytes[at] as number) >> 4 !== family) return undefined;
  const words = (bytes[at] as number) & 15;
  if (family === 4 && (words < 5 || (bytes.readUInt16BE(at + 6) & 0x1fff) !== 0)) return undefined;
  const addresses =
    family === 4
      ? [bytes.subarray(at + 12, at + 16), bytes.subarray(at + 16, at + 20)]
      : [bytes.subarray(at + 8, at + 24), bytes.subarray(at + 24, at + 40)];
  return {
    ...{ family, proto: bytes[at + (family === 4 ? 9 : 6)] as number },
    saddr: addressOf(addresses[0] as Buffer),
    daddr: addressOf(addresses[1] as Buffer),
    transportAt: at + (family === 4 ? words * 4 : 40),
  };
}
