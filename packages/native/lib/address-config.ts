// An interface's addresses and neighbours, set and removed; neighbours also listed. Addresses are listed by links().
import * as args from "./args.ts";
import { binding } from "./binding.ts";
import * as net from "./net-args.ts";

export interface AddressTarget {
  netns?: string;
  ifindex: number;
  address: string;
  /** Its length. */
  prefix: number;
}

export interface AddressSettings extends AddressTarget {
  /** IPv6: usable at once, without asking whether somebody else has it. */
  noDad?: boolean;
  /** No route to the prefix comes with the address. */
  noPrefixRoute?: boolean;
  /** rtnetlink's: 0 global (the default), 253 link, 254 host. IPv6 takes it from the address. */
  scope?: number;
}

export interface NeighbourSettings {
  netns?: string;
  ifindex: number;
  address: string;
  mac: string;
}

export interface Neighbour {
  address: string;
  family: 4 | 6;
  /** Absent while nobody knows it. */
  mac?: string;
  state:
    | "none"
    | "incomplete"
    | "reachable"
    | "stale"
    | "delay"
    | "probe"
    | "failed"
    | "noarp"
    | "permanent"
    | "unknown";
}

const TARGET = ["netns", "ifindex", "address", "prefix"];

/** One that is there already is no error. */
export function addAddress(settings: AddressSettings): void {
  const where = "addAddress";
  args.required(settings, where, [...TARGET, "noDad", "noPrefixRoute", "scope"]);
  binding.addAddress({
    ...checkTarget(settings, where),
    noDad: net.optional(args.boolean, settings.noDad, `${where} noDad`),
    noPrefixRoute: net.optional(args.boolean, settings.noPrefixRoute, `${where} noPrefixRoute`),
    scope: net.optional(net.range(0, 255), settings.scope, `${where} scope`),
  });
}

/** EADDRNOTAVAIL when the interface doesn't have it. */
export function deleteAddress(target: AddressTarget): void {
  args.required(target, "deleteAddress", TARGET);
  binding.deleteAddress(checkTarget(target, "deleteAddress"));
}

/** Permanent: the kernel neither asks for it nor forgets it. Takes the place of what it knew. */
export function setNeighbour(settings: NeighbourSettings): void {
  const where = "setNeighbour";
  args.required(settings, where, ["netns", "ifindex", "address", "mac"]);
  binding.setNeighbour({
    netns: args.optionalText(settings.netns, `${where} netns`),
    ifindex: net.ifindex(settings.ifindex, `${where} ifindex`),
    address: net.address(settings.address, `${where} address`),
    mac: net.mac(settings.mac, `${where} mac`),
  });
}

/** What the kernel knows behind one interface, in both families. */
export function neighbours(nsPath: string | undefined, ifindex: number): Neighbour[] {
  return binding.neighbours(
    args.optionalText(nsPath, "neighbours path"),
    net.ifindex(ifindex, "neighbours ifindex"),
  ) as Neighbour[];
}

function checkTarget(target: AddressTarget, where: string): object {
  const address = net.address(target.address, `${where} address`);
  return {
    netns: args.optionalText(target.netns, `${where} netns`),
    ifindex: net.ifindex(target.ifindex, `${where} ifindex`),
    address,
    prefix: net.prefixLength(target.prefix, `${where} prefix`, address),
  };
}
