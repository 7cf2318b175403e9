/**
 * A packet that came up because something isn't known: where it goes, who sent it, or whether the host whose tunnel it
 * came by may speak for its sender. Bytes only; who is asked, and what then becomes of it, is decided elsewhere.
 */
import { addressText } from "../endpoint/address.ts";

/** struct virtio_net_hdr, in front of each packet, from the device and back to it. */
export const VNET_HEADER_BYTES = 10;
const CHECKSUM_PENDING = 1;
/** Outer IPv4, UDP and VXLAN headers, inner Ethernet header. */
const TUNNEL_BYTES = 50;
/** In the tunnel's headers: VXLAN's flags, of which one is ours (lib/tunnel.h). */
const FLAGS_AT = 28;
const CAME_TO_PORT = 1;
const [TCP, UDP] = [6, 17];

export type HeldPacket = {
  /** Of what was inside the tunnel, where there was one. */
  source: string;
  destination: string;
  /** Where its transport tells: not in a later fragment. */
  ports: { protocol: number; source: number; destination: number } | undefined;
  /** The host that put it into a tunnel. */
  tunnelFrom: string | undefined;
  /** To a pod here by that host's node port, or back by one of this host's: the tunnel says so, and stays on. */
  isRelayed: boolean;
  /** As it is put back: what was inside the tunnel, without it. */
  bytes: Uint8Array;
};

/** Undefined for what is no whole IP packet. `tunnelPort` 0: there is no tunnel. `isOwn`: whether an address is this host's. */
export function readHeld(
  packet: Uint8Array,
  tunnelPort: number,
  isOwn: (address: string) => boolean,
): HeldPacket | undefined {
  const ip = packet.subarray(VNET_HEADER_BYTES);
  const isInside = isTunnel(ip, tunnelPort);
  const inner = isInside ? ip.subarray(TUNNEL_BYTES) : ip;
  const [source, destination] = [addressAt(inner, "source"), addressAt(inner, "destination")];
  if (source === undefined || destination === undefined) return undefined;
  const facts = { source, destination, ports: portsOf(inner) };
  if (!isInside) return { ...facts, tunnelFrom: undefined, isRelayed: false, bytes: packet };
  const isRelayed = ((ip[FLAGS_AT] as number) & CAME_TO_PORT) !== 0 || isOwn(source);
  const bytes = isRelayed ? packet : withoutTunnel(packet);
  return { ...facts, tunnelFrom: addressAt(ip, "source"), isRelayed, bytes };
}

/** Of TCP and UDP; no IPv6 header before them. */
function portsOf(ip: Uint8Array): HeldPacket["ports"] {
  const isIp6 = (ip[0] ?? 0) >> 4 === 6;
  const protocol = ip[isIp6 ? 6 : 9] ?? 0;
  const at = isIp6 ? 40 : ((ip[0] ?? 0) & 0xf) * 4;
  const isLater = !isIp6 && ((((ip[6] ?? 0) & 0x1f) << 8) | (ip[7] ?? 0)) !== 0;
  if (isLater || (protocol !== TCP && protocol !== UDP) || ip.length < at + 4) return undefined;
  const [source, destination] = [at, at + 2].map((i) => ((ip[i] as number) << 8) | (ip[i + 1] as number));
  return { protocol, source: source as number, destination: destination as number };
}

function isTunnel(ip: Uint8Array, tunnelPort: number): boolean {
  if (tunnelPort === 0 || ip.length <= TUNNEL_BYTES || ip[0] !== 0x45 || ip[9] !== UDP) return false;
  return (((ip[22] as number) << 8) | (ip[23] as number)) === tunnelPort;
}

/** Offsets in its header count from the packet's beginning. */
function withoutTunnel(packet: Uint8Array): Uint8Array {
  const bytes = Uint8Array.from([
    ...packet.subarray(0, VNET_HEADER_BYTES),
    ...packet.subarray(VNET_HEADER_BYTES + TUNNEL_BYTES),
  ]);
  const header = new DataView(bytes.buffer);
  const [headerLength, checksumStart] = [header.getUint16(2, true), header.getUint16(6, true)];
  if (headerLength >= TUNNEL_BYTES) header.setUint16(2, headerLength - TUNNEL_BYTES, true);
  if (header.getUint8(0) & CHECKSUM_PENDING) header.setUint16(6, checksumStart - TUNNEL_BYTES, true);
  return bytes;
}

function addressAt(ip: Uint8Array, which: "source" | "destination"): string | undefined {
  const version = (ip[0] ?? 0) >> 4;
  const at = which === "source" ? 0 : 1;
  if (version === 4 && ip.length >= 20)
    return addressText(
      Uint8Array.from([...new Uint8Array(10), 255, 255, ...ip.subarray(12 + 4 * at, 16 + 4 * at)]),
    );
  if (version === 6 && ip.length >= 40) return addressText(ip.subarray(8 + 16 * at, 24 + 16 * at));
  return undefined;
}
