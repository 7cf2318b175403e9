// Network devices: made in pairs, changed, removed. What there is, links() tells (netlink.ts). Nothing is remembered or
// tried again here: what the kernel refuses is a BpfError with its errno.
import * as args from "./args.ts";
import { binding } from "./binding.ts";
import * as net from "./net-args.ts";

export interface PairEnd {
  name: string;
  mac?: string;
  mtu?: number;
}

export interface VethPair extends PairEnd {
  /** Where this end is made; without it in this process's own namespace. */
  netns?: string;
  /** Of both ends. */
  txQueues?: number;
  peer: PairEnd & { netns: string };
}

/** Without link addresses: what it carries begins at the IP header. */
export interface NetkitPair extends Omit<VethPair, "mac" | "peer"> {
  /** What happens to a packet this end sends while it has no program; by default it passes. */
  policy?: "pass" | "drop";
  peerPolicy?: "pass" | "drop";
  peer: Omit<PairEnd, "mac"> & { netns: string };
}

export interface PairIndexes {
  ifindex: number;
  peerIfindex: number;
}

/** One device, by index or by name. */
export type LinkTarget = { netns?: string } & (
  | { ifindex: number; name?: undefined }
  | { name: string; ifindex?: undefined }
);

export type LinkSettings = LinkTarget & { up?: boolean; mtu?: number; mac?: string; alias?: string };

const MOST_QUEUES = 4096;
const mtu = net.range(1, 0x7fff_ffff);

/** Both ends or neither; EEXIST when one of the names is taken. They are down. */
export function createVethPair(pair: VethPair): PairIndexes {
  const where = "createVethPair";
  args.required(pair, where, ["netns", "name", "mac", "mtu", "txQueues", "peer"]);
  args.required(pair.peer, `${where} peer`, ["netns", "name", "mac", "mtu"]);
  return binding.createPair("veth", checkPair(pair, where));
}

/** The same of kind netkit in mode L3. since: 6.7; EOPNOTSUPP where the kernel has none. */
export function createNetkitPair(pair: NetkitPair): PairIndexes {
  const where = "createNetkitPair";
  args.required(pair, where, ["netns", "name", "mtu", "txQueues", "peer", "policy", "peerPolicy"]);
  args.required(pair.peer, `${where} peer`, ["netns", "name", "mtu"]);
  const policy = (value: unknown, name: string) => args.oneOf(value, name, ["pass", "drop"]);
  return binding.createPair("netkit", {
    ...checkPair(pair, where),
    policy: net.optional(policy, pair.policy, `${where} policy`),
    peerPolicy: net.optional(policy, pair.peerPolicy, `${where} peerPolicy`),
  });
}

/** What isn't given stays. In the order mac, mtu, alias, up; what was done before a refusal stays done. */
export function setLink(link: LinkSettings): void {
  const where = "setLink";
  args.required(link, where, ["netns", "ifindex", "name", "up", "mtu", "mac", "alias"]);
  binding.setLink({
    ...checkTarget(link, where),
    up: net.optional(args.boolean, link.up, `${where} up`),
    mtu: net.optional(mtu, link.mtu, `${where} mtu`),
    mac: net.optional(net.mac, link.mac, `${where} mac`),
    alias: net.optional(net.alias, link.alias, `${where} alias`),
  });
}

/** Takes the other end of a pair along. ENODEV when there is none. */
export function deleteLink(link: LinkTarget): void {
  args.required(link, "deleteLink", ["netns", "ifindex", "name"]);
  binding.deleteLink(checkTarget(link, "deleteLink"));
}

function checkPair(pair: VethPair, where: string): object {
  return {
    netns: args.optionalText(pair.netns, `${where} netns`),
    txQueues: net.optional(net.range(1, MOST_QUEUES), pair.txQueues, `${where} txQueues`),
    ...checkEnd(pair, where),
    peer: {
      netns: args.text(pair.peer.netns, `${where} peer netns`),
      ...checkEnd(pair.peer, `${where} peer`),
    },
  };
}

function checkEnd(end: PairEnd, where: string): object {
  return {
    name: net.deviceName(end.name, `${where} name`),
    mac: net.optional(net.mac, end.mac, `${where} mac`),
    mtu: net.optional(mtu, end.mtu, `${where} mtu`),
  };
}

function checkTarget(link: LinkTarget, where: string): object {
  if ((link.ifindex === undefined) === (link.name === undefined))
    throw new TypeError(`${where}: expected either ifindex or name`);
  return {
    netns: args.optionalText(link.netns, `${where} netns`),
    ifindex: net.optional(net.ifindex, link.ifindex, `${where} ifindex`),
    name: net.optional(net.deviceName, link.name, `${where} name`),
  };
}
