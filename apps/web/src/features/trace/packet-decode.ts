/**
 * The first bytes of a packet, from its network header on, as fields a person can read. The bytes come from
 * a kernel that dropped them for being odd: short, lying or senseless input is described, never thrown at.
 */
export type PacketLayer = {
  readonly title: string;
  readonly start: number;
  readonly end: number;
  readonly fields: readonly (readonly [string, string])[];
  /** What is missing or wrong. */
  readonly problem?: string;
};

type Layers = PacketLayer[];
const TCP_FLAGS = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"] as const;
const PROTOCOL: Record<number, string> = { 1: "ICMP", 6: "TCP", 17: "UDP", 58: "ICMPv6", 132: "SCTP" };
const EXTENSIONS: Record<number, string> = { 0: "hop-by-hop", 43: "routing", 60: "destination options" };
const FRAGMENT = 44;
const ICMP_TYPE: Record<number, string> = {
  0: "echo reply",
  3: "destination unreachable",
  5: "redirect",
  8: "echo request",
  11: "time exceeded",
};
const ICMP6_TYPE: Record<number, string> = {
  1: "destination unreachable",
  2: "packet too big",
  3: "time exceeded",
  128: "echo request",
  129: "echo reply",
  133: "router solicitation",
  134: "router advertisement",
  135: "neighbour solicitation",
  136: "neighbour advertisement",
};

export function bytesOf(base64: string): Uint8Array {
  try {
    return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}

export function decodePacket(bytes: Uint8Array): PacketLayer[] {
  if (bytes.length === 0) return [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint8(0) >> 4;
  const layers: Layers = [];
  if (version === 4) decodeIp4(view, layers);
  else if (version === 6) decodeIp6(view, layers);
  else layers.push({ title: "Not IP", start: 0, end: bytes.length, fields: [["version", String(version)]] });
  return layers;
}

const cutShort = (title: string, start: number, view: DataView, needs: number): PacketLayer => ({
  title,
  start,
  end: view.byteLength,
  fields: [],
  problem: `cut short: ${view.byteLength - start} of ${needs} bytes are here`,
});
const hex = (n: number, digits: number): string => `0x${n.toString(16).padStart(digits, "0")}`;
const ip4 = (view: DataView, at: number): string => [0, 1, 2, 3].map((n) => view.getUint8(at + n)).join(".");

/** RFC 5952: the longest run of zero groups is left out. */
export function ip6Text(groups: readonly number[]): string {
  let best = { start: -1, length: 1 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  const text = (part: readonly number[]) => part.map((group) => group.toString(16)).join(":");
  if (best.start < 0) return text(groups);
  return `${text(groups.slice(0, best.start))}::${text(groups.slice(best.start + best.length))}`;
}
const ip6 = (view: DataView, at: number): string =>
  ip6Text(Array.from({ length: 8 }, (_, n) => view.getUint16(at + n * 2)));

function decodeIp4(view: DataView, layers: Layers): void {
  if (view.byteLength < 20) return void layers.push(cutShort("IPv4", 0, view, 20));
  const headerBytes = (view.getUint8(0) & 15) * 4;
  const fragment = view.getUint16(6);
  const offset = (fragment & 0x1fff) * 8;
  const proto = view.getUint8(9);
  const flags = [fragment & 0x4000 ? "don't fragment" : "", fragment & 0x2000 ? "more fragments" : ""];
  layers.push({
    title: "IPv4",
    start: 0,
    end: Math.min(Math.max(headerBytes, 20), view.byteLength),
    fields: [
      ["source", ip4(view, 12)],
      ["destination", ip4(view, 16)],
      ["protocol", PROTOCOL[proto] ?? String(proto)],
      ["TTL", String(view.getUint8(8))],
      ["length", String(view.getUint16(2))],
      ["id", hex(view.getUint16(4), 4)],
      ["flags", flags.filter(Boolean).join(", ") || "none"],
      ["fragment offset", String(offset)],
      ["DSCP, ECN", `${view.getUint8(1) >> 2}, ${view.getUint8(1) & 3}`],
      ["checksum", hex(view.getUint16(10), 4)],
    ],
    problem: headerBytes < 20 ? `the header says it has ${headerBytes} bytes; 20 is the least` : undefined,
  });
  if (headerBytes < 20) return;
  if (offset > 0) return void layers.push(laterFragment(view, headerBytes));
  decodeTransport(view, headerBytes, proto, layers);
}

const laterFragment = (view: DataView, start: number): PacketLayer => ({
  title: "Later fragment",
  start,
  end: view.byteLength,
  fields: [],
  problem: "the transport header is in the first fragment",
});

function decodeIp6(view: DataView, layers: Layers): void {
  if (view.byteLength < 40) return void layers.push(cutShort("IPv6", 0, view, 40));
  const first = view.getUint32(0);
  layers.push({
    title: "IPv6",
    start: 0,
    end: 40,
    fields: [
      ["source", ip6(view, 8)],
      ["destination", ip6(view, 24)],
      ["next header", String(view.getUint8(6))],
      ["hop limit", String(view.getUint8(7))],
      ["payload length", String(view.getUint16(4))],
      ["traffic class", hex((first >>> 20) & 0xff, 2)],
      ["flow label", hex(first & 0xfffff, 5)],
    ],
  });
  let next = view.getUint8(6);
  let at = 40;
  while (next in EXTENSIONS || next === FRAGMENT) {
    const title = next === FRAGMENT ? "IPv6 fragment" : `IPv6 ${EXTENSIONS[next]}`;
    if (at + 8 > view.byteLength) return void layers.push(cutShort(title, at, view, 8));
    const size = next === FRAGMENT ? 8 : (view.getUint8(at + 1) + 1) * 8;
    const offset = next === FRAGMENT ? view.getUint16(at + 2) & 0xfff8 : 0;
    const fields: [string, string][] = next === FRAGMENT ? [["offset", String(offset)]] : [];
    layers.push({ title, start: at, end: Math.min(at + size, view.byteLength), fields });
    next = view.getUint8(at);
    at += size;
    if (offset > 0) return void layers.push(laterFragment(view, Math.min(at, view.byteLength)));
  }
  decodeTransport(view, at, next, layers);
}

function decodeTransport(view: DataView, at: number, proto: number, layers: Layers): void {
  if (at >= view.byteLength) return;
  if (proto === 6) layers.push(decodeTcp(view, at));
  else if (proto === 17) layers.push(decodeUdp(view, at));
  else if (proto === 1 || proto === 58) layers.push(decodeIcmp(view, at, proto));
  const last = layers.at(-1);
  if (last && last.end < view.byteLength && !last.problem)
    layers.push({ title: "Payload", start: last.end, end: view.byteLength, fields: [] });
}

function decodeTcp(view: DataView, at: number): PacketLayer {
  if (at + 20 > view.byteLength) return cutShort("TCP", at, view, 20);
  const headerBytes = (view.getUint8(at + 12) >> 4) * 4;
  const flags = view.getUint8(at + 13);
  const end = Math.min(at + Math.max(headerBytes, 20), view.byteLength);
  return {
    title: "TCP",
    start: at,
    end,
    fields: [
      ["source port", String(view.getUint16(at))],
      ["destination port", String(view.getUint16(at + 2))],
      ["flags", TCP_FLAGS.filter((_, bit) => flags & (1 << bit)).join(" ") || "none"],
      ["sequence", String(view.getUint32(at + 4))],
      ["acknowledgement", String(view.getUint32(at + 8))],
      ["window", String(view.getUint16(at + 14))],
      ["checksum", hex(view.getUint16(at + 16), 4)],
      ...tcpOptions(view, at + 20, end),
    ],
    problem: headerBytes < 20 ? `the header says it has ${headerBytes} bytes; 20 is the least` : undefined,
  };
}

function tcpOptions(view: DataView, from: number, to: number): [string, string][] {
  const fields: [string, string][] = [];
  let at = from;
  while (at < to) {
    const kind = view.getUint8(at);
    if (kind === 0) break;
    if (kind === 1) {
      at++;
      continue;
    }
    const size = at + 1 < to ? view.getUint8(at + 1) : 0;
    if (size < 2 || at + size > to) {
      fields.push(["options", "cut short"]);
      break;
    }
    if (kind === 2 && size === 4) fields.push(["MSS", String(view.getUint16(at + 2))]);
    else if (kind === 3 && size === 3) fields.push(["window scale", String(view.getUint8(at + 2))]);
    else if (kind === 4) fields.push(["SACK", "permitted"]);
    else if (kind === 8 && size === 10) fields.push(["timestamp", String(view.getUint32(at + 2))]);
    at += size;
  }
  return fields;
}

function decodeUdp(view: DataView, at: number): PacketLayer {
  if (at + 8 > view.byteLength) return cutShort("UDP", at, view, 8);
  return {
    title: "UDP",
    start: at,
    end: at + 8,
    fields: [
      ["source port", String(view.getUint16(at))],
      ["destination port", String(view.getUint16(at + 2))],
      ["length", String(view.getUint16(at + 4))],
      ["checksum", hex(view.getUint16(at + 6), 4)],
    ],
  };
}

function decodeIcmp(view: DataView, at: number, proto: number): PacketLayer {
  const title = proto === 1 ? "ICMP" : "ICMPv6";
  if (at + 4 > view.byteLength) return cutShort(title, at, view, 4);
  const type = view.getUint8(at);
  const name = (proto === 1 ? ICMP_TYPE : ICMP6_TYPE)[type];
  return {
    title,
    start: at,
    end: Math.min(at + 8, view.byteLength),
    fields: [
      ["type", name ? `${type}, ${name}` : String(type)],
      ["code", String(view.getUint8(at + 1))],
      ["checksum", hex(view.getUint16(at + 2), 4)],
    ],
  };
}
