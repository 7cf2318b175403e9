/*
 * Packets as tests say them: `packet().ethernet().ip4(a, b).tcp(1, 2, { syn: true }).bytes()`, each layer
 * with lengths and next-protocol numbers that fit the ones inside it unless a test says otherwise. Checksums
 * stay 0: the programs under test don't look at them.
 */
const ETHERTYPE = { ip4: 0x0800, ip6: 0x86dd, arp: 0x0806, vlan: 0x8100, qinq: 0x88a8 } as const;
export const PROTO = {
  icmp: 1,
  tcp: 6,
  udp: 17,
  fragment: 44,
  auth: 51,
  icmp6: 58,
  dest: 60,
  sctp: 132,
} as const;

type Build = (payload: Uint8Array, next: Layer | undefined) => Uint8Array;

interface Layer {
  /** How the layer outside names this one: an EtherType, and an IP protocol. */
  ethertype?: number;
  proto?: number;
  build: Build;
}

export interface TcpFlags {
  syn?: boolean;
  ack?: boolean;
  fin?: boolean;
  rst?: boolean;
  psh?: boolean;
  seq?: number;
  ackSeq?: number;
}

export interface Ip4Options {
  /** Bytes of IP options, a multiple of 4. */
  options?: number;
  proto?: number;
  id?: number;
  /** In bytes, a multiple of 8. */
  fragmentOffset?: number;
  moreFragments?: boolean;
  totalLength?: number;
  headerWords?: number;
  version?: number;
}

export interface Ip6Options {
  next?: number;
  payloadLength?: number;
  version?: number;
}

class PacketBuilder {
  readonly #layers: Layer[];

  constructor(layers: Layer[]) {
    this.#layers = layers;
  }

  #with(layer: Layer): PacketBuilder {
    return new PacketBuilder([...this.#layers, layer]);
  }

  /** To the loopback, whose address is zero and where test runs happen, unless told where. */
  ethernet(ethertype?: number, to: Uint8Array = new Uint8Array(6)): PacketBuilder {
    return this.#with({
      build: (payload, next) => {
        const header = new Uint8Array(14).fill(2, 6, 12);
        header.set(to);
        put16(header, 12, ethertype ?? next?.ethertype ?? 0);
        return join(header, payload);
      },
    });
  }

  vlan(id: number, tag: "vlan" | "qinq" = "vlan"): PacketBuilder {
    return this.#with({
      ethertype: ETHERTYPE[tag],
      build: (payload, next) => {
        const header = new Uint8Array(4);
        put16(header, 0, 0xa000 | id); // a priority in the upper bits, which must not become part of the id
        put16(header, 2, next?.ethertype ?? 0);
        return join(header, payload);
      },
    });
  }

  arp(): PacketBuilder {
    return this.#with({ ethertype: ETHERTYPE.arp, build: () => new Uint8Array(28) });
  }

  ip4(from: string, to: string, options: Ip4Options = {}): PacketBuilder {
    return this.#with({
      ethertype: ETHERTYPE.ip4,
      build: (payload, next) => ip4(from, to, options, payload, next),
    });
  }

  ip6(from: string, to: string, options: Ip6Options = {}): PacketBuilder {
    return this.#with({
      ethertype: ETHERTYPE.ip6,
      build: (payload, next) => {
        const header = new Uint8Array(40);
        header[0] = (options.version ?? 6) << 4;
        put16(header, 4, options.payloadLength ?? payload.length);
        header[6] = options.next ?? next?.proto ?? 59;
        header[7] = 64;
        header.set(address6(from), 8);
        header.set(address6(to), 24);
        return join(header, payload);
      },
    });
  }

  /** Hop-by-hop (0), routing (43) or destination options (60): `units` of 8 bytes. */
  extension(proto: 0 | 43 | 60, units = 1): PacketBuilder {
    return this.#with({
      proto,
      build: (payload, next) => {
        const header = new Uint8Array(units * 8);
        header[0] = next?.proto ?? 59;
        header[1] = units - 1;
        return join(header, payload);
      },
    });
  }

  auth(): PacketBuilder {
    return this.#with({
      proto: PROTO.auth,
      build: (payload, next) => {
        const header = new Uint8Array(24);
        header[0] = next?.proto ?? 59;
        header[1] = 24 / 4 - 2;
        return join(header, payload);
      },
    });
  }

  /** IPv6's fragment header. `next` names what the middle of the datagram belongs to. */
  fragment6(id: number, offset: number, more: boolean, nextProto?: number): PacketBuilder {
    return this.#with({
      proto: PROTO.fragment,
      build: (payload, next) => {
        const header = new Uint8Array(8);
        header[0] = nextProto ?? next?.proto ?? 59;
        put16(header, 2, offset | (more ? 1 : 0));
        put32(header, 4, id);
        return join(header, payload);
      },
    });
  }

  tcp(sport: number, dport: number, flags: TcpFlags = {}): PacketBuilder {
    return this.#with({
      proto: PROTO.tcp,
      build: (payload) => {
        const header = new Uint8Array(20);
        put16(header, 0, sport);
        put16(header, 2, dport);
        put32(header, 4, flags.seq ?? 0);
        put32(header, 8, flags.ackSeq ?? 0);
        header[12] = 5 << 4;
        header[13] = tcpFlagByte(flags);
        return join(header, payload);
      },
    });
  }

  udp(sport: number, dport: number): PacketBuilder {
    return this.#ports(PROTO.udp, sport, dport);
  }

  sctp(sport: number, dport: number): PacketBuilder {
    return this.#ports(PROTO.sctp, sport, dport, 12);
  }

  #ports(proto: number, sport: number, dport: number, bytes = 8): PacketBuilder {
    return this.#with({
      proto,
      build: (payload) => {
        const header = new Uint8Array(bytes);
        put16(header, 0, sport);
        put16(header, 2, dport);
        if (proto === PROTO.udp) put16(header, 4, bytes + payload.length);
        return join(header, payload);
      },
    });
  }

  icmp(type: number, code = 0, id = 0): PacketBuilder {
    return this.#with({ proto: PROTO.icmp, build: (payload) => join(icmp(type, code, id), payload) });
  }

  icmp6(type: number, code = 0, id = 0): PacketBuilder {
    return this.#with({ proto: PROTO.icmp6, build: (payload) => join(icmp(type, code, id), payload) });
  }

  payload(bytes: number | Uint8Array): PacketBuilder {
    return this.#with({
      build: () => (typeof bytes === "number" ? new Uint8Array(bytes).fill(0x5a) : bytes),
    });
  }

  /** Any bytes: what an ICMP error quotes. */
  raw(bytes: Uint8Array): PacketBuilder {
    return this.#with({ build: () => bytes });
  }

  bytes(): Uint8Array {
    let built: Uint8Array = new Uint8Array(0);
    for (let i = this.#layers.length - 1; i >= 0; i--)
      built = (this.#layers[i] as Layer).build(built, this.#layers[i + 1]);
    return built;
  }
}

export function packet(): PacketBuilder {
  return new PacketBuilder([]);
}

export function tcpFlagByte(flags: TcpFlags): number {
  const bit = (on: boolean | undefined, value: number) => (on ? value : 0);
  return bit(flags.fin, 1) | bit(flags.syn, 2) | bit(flags.rst, 4) | bit(flags.psh, 8) | bit(flags.ack, 16);
}

function ip4(
  from: string,
  to: string,
  options: Ip4Options,
  payload: Uint8Array,
  next: Layer | undefined,
): Uint8Array {
  const header = new Uint8Array(20 + (options.options ?? 0)).fill(1, 20); // option bytes: no-operation
  header[0] = ((options.version ?? 4) << 4) | (options.headerWords ?? header.length / 4);
  put16(header, 2, options.totalLength ?? header.length + payload.length);
  put16(header, 4, options.id ?? 0);
  put16(header, 6, ((options.fragmentOffset ?? 0) / 8) | (options.moreFragments ? 0x2000 : 0));
  header[8] = 64;
  header[9] = options.proto ?? next?.proto ?? 255;
  header.set(address4(from), 12);
  header.set(address4(to), 16);
  return join(header, payload);
}

function icmp(type: number, code: number, id: number): Uint8Array {
  const header = new Uint8Array(8);
  header[0] = type;
  header[1] = code;
  put16(header, 4, id);
  return header;
}

export function address4(text: string): Uint8Array {
  return Uint8Array.from(text.split("."), Number);
}

/** Full form or one `::`. */
export function address6(text: string): Uint8Array {
  const [left = "", right] = text.split("::");
  const words = (part: string) => (part === "" ? [] : part.split(":").map((w) => Number.parseInt(w, 16)));
  const head = words(left);
  const tail = right === undefined ? [] : words(right);
  const all = [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail];
  return Uint8Array.from(all.flatMap((word) => [word >> 8, word & 0xff]));
}

/** As a flow key holds it: IPv4 inside ::ffff:0:0/96. */
export function addressBytes(text: string): Uint8Array {
  return text.includes(":")
    ? address6(text)
    : Uint8Array.from([...Array<number>(10).fill(0), 255, 255, ...address4(text)]);
}

function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value & 0xff;
}

function put32(bytes: Uint8Array, at: number, value: number): void {
  put16(bytes, at, value >>> 16);
  put16(bytes, at + 2, value & 0xffff);
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}

/** An Ethernet frame of TCP over IPv4 without options, as a stack takes it. */
export function withChecksums(frame: Uint8Array): Uint8Array {
  const out = Uint8Array.from(frame);
  const pseudo = new Uint8Array(12 + out.length - 34);
  pseudo.set(out.subarray(26, 34));
  put16(pseudo, 8, PROTO.tcp);
  put16(pseudo, 10, out.length - 34);
  pseudo.set(out.subarray(34), 12);
  put16(out, 24, checksum(out.subarray(14, 34)));
  put16(out, 50, checksum(pseudo));
  return out;
}

function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
