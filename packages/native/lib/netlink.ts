// What the kernel tells about a network namespace: its identity and interfaces. Snapshots; changes come from watch.ts,
// connection tracking from conntrack.ts. Reads only, but for a namespace's number: link-config.ts changes interfaces.
import { statSync } from "node:fs";
import * as args from "./args.ts";
import { binding } from "./binding.ts";

export interface InterfaceAddress {
  address: string;
  prefix: number;
  family: 4 | 6;
  /** rtnetlink's: 0 global, 253 link, 254 host. */
  scope: number;
}

export interface NetworkLink {
  ifindex: number;
  name: string;
  /** veth, bridge, macvlan …; '' for hardware and loopback. */
  kind: string;
  mac: string;
  mtu: number;
  /** What somebody noted down about it (setLink). */
  alias?: string;
  up: boolean;
  loopback: boolean;
  /** The other end of a veth, the parent of a macvlan. */
  peerIfindex?: number;
  /** This namespace's id for the one the peer is in; absent when it is the same. */
  peerNetnsId?: number;
  addresses: InterfaceAddress[];
  /** struct rtnl_link_stats64: rx_packets, tx_bytes … */
  stats64: Record<string, bigint>;
}

/** Unique since boot; a namespace's inode is reused. Without a path: of this process. */
export function netnsCookie(nsPath?: string): bigint {
  return binding.netnsCookie(args.optionalText(nsPath, "netnsCookie path"));
}

/** Where the namespace's file is: equal for two paths to the same namespace that exists now. */
export function netnsId(path: string): { dev: bigint; ino: bigint } {
  const { dev, ino } = statSync(args.text(path, "netnsId path"), { bigint: true });
  return { dev, ino };
}

/** What the namespace calls another in its messages. The other is given a number when it has none yet. */
export function netnsNumber(nsPath: string | undefined, of: string): number {
  return binding.netnsNumber(args.optionalText(nsPath, "netnsNumber path"), args.text(of, "netnsNumber of"));
}

export function links(nsPath?: string): NetworkLink[] {
  return binding.links(args.optionalText(nsPath, "links path")) as NetworkLink[];
}
