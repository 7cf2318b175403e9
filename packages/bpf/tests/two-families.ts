/*
 * IPv4 and IPv6 alike, for packet tables about a host's own ports: addresses, and where their headers have what; and the host.
 */
import { type HostOptions, TestHost } from "./forwarder.ts";
import { addressBytes, packet } from "./packet-builder.ts";

export const ETHERNET = 14;

/** Both families alike: addresses, and where their headers have what. */
export const FAMILIES = {
  IPv4: {
    ...{ pod: "10.201.1.7", host: "10.200.0.1", client: "192.0.2.1", router: "198.51.100.9" },
    ...{ header: 20, source: 12, destination: 16, addressBytes: 4 },
    build: (from: string, to: string) => packet().ethernet().ip4(from, to),
    unreachable: (at: ReturnType<typeof packet>) => at.icmp(3, 3),
  },
  IPv6: {
    ...{ pod: "fd00:201:1::7", host: "fd00:200::1", client: "2001:db8::1", router: "2001:db8:9::9" },
    ...{ header: 40, source: 8, destination: 24, addressBytes: 16 },
    build: (from: string, to: string) => packet().ethernet().ip6(from, to),
    unreachable: (at: ReturnType<typeof packet>) => at.icmp6(1, 4),
  },
} as const;
export type Family = (typeof FAMILIES)[keyof typeof FAMILIES];
const families = Object.entries(FAMILIES) as [keyof typeof FAMILIES, Family][];
export type Kind = "TCP" | "UDP";
export const table = families.flatMap(([name, family]) =>
  (["TCP", "UDP"] as const).map((kind) => [`${name} ${kind}`, family, kind] as const),
);

/** A host with an uplink and a way out by it. */
export function hostWithUplink(number: number, options: HostOptions = {}): TestHost {
  const made = new TestHost(number, options);
  made.netns.sh("ip link add up0 type veth peer name up0far");
  made.netns.sh("ip link set up0far up");
  made.netns.sh(`ip addr add ${made.underlay4}/24 dev up0`);
  made.netns.sh(`ip -6 addr add ${made.underlay6}/64 dev up0 nodad`);
  made.netns.sh("ip link set up0 up");
  made.netns.sh("ip route add default via 10.200.0.254");
  made.netns.sh("ip -6 route add default via fd00:200::fe");
  made.useUplink("up0");
  return made;
}

export const bytesOf = (address: string) =>
  Buffer.from(address.includes(":") ? addressBytes(address) : addressBytes(address).slice(12));
export const addressAt = (family: Family, frame: Buffer, end: "source" | "destination") =>
  frame.subarray(ETHERNET + family[end], ETHERNET + family[end] + family.addressBytes);
export const portsOf = (family: Family, frame: Buffer): [number, number] => [
  frame.readUInt16BE(ETHERNET + family.header),
  frame.readUInt16BE(ETHERNET + family.header + 2),
];
