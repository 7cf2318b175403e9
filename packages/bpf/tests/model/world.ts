/*
 * What the agent has told a host: its pods, the ways, under which address it masquerades, its services and ports, and by which
 * policies it judges. Plain data; the kernel's tables are filled from it, and the model reads it as it is.
 */
import type { PathKind } from "@millrace/abi/generated/flow";
import type { Policy, PolicyIdentity } from "@millrace/contract/policy";
import type { Address } from "./bytes.ts";

export interface Pod {
  endpointId: number;
  identity: number;
  /** The host's end of its link. */
  ifindex: number;
  addresses: readonly Address[];
  /** Its link has just been removed. */
  isGone: boolean;
  /** Of the host's end. */
  linkAddress: Uint8Array;
}

export interface Prefix {
  address: Address;
  /** Of the 128. */
  bits: number;
}

export interface Route extends Prefix {
  kind: PathKind;
  /** Index into `remotes`; 0: none. */
  remote: number;
  identity: number;
  /** Leads to the outside. */
  isOutside: boolean;
  /** Whoever has an address of it is seen outside under the host's. */
  isMasqueraded: boolean;
}

export interface Place {
  address: Address;
  port: number;
}
export interface Backend extends Place {
  /** Never another's. */
  number: number;
}
/** Where a flow goes beyond its endpoint's link: to a backend, or to whom it names, when it has another port there. */
export interface Target extends Backend {
  /** The port that it comes from there. */
  from: number;
}
/** A port of a virtual address. */
export interface Service extends Place {
  number: number;
  proto: number;
  /** Those that take what is new. */
  backends: readonly Backend[];
}
export interface Services {
  /** All virtual addresses lie in these. */
  ranges: readonly Prefix[];
  /** Of which of them the host was told what they are. */
  told: readonly Address[];
  services: readonly Service[];
}
/** A port of this host's own that leads to a pod here. */
export interface HostPort extends Place {
  proto: number;
  to: Place;
}

export interface PolicyWorld {
  policies: readonly Policy[];
  /** Whose policies are known, by endpoint. */
  subjects: ReadonlyMap<number, PolicyIdentity>;
  /** Who an identity is; null: nobody by labels. Not in it: the host doesn't know. */
  identities: ReadonlyMap<number, PolicyIdentity | null>;
}

export interface World {
  uplink: number;
  uplinkMtu: number;
  /** Whether an agent is there to be asked. */
  hasAgent: boolean;
  tunnelPort: number;
  tunnelAddress: Address;
  pods: readonly Pod[];
  routes: readonly Route[];
  /** On the underlay. Index 0 is nobody. */
  remotes: ReadonlyMap<number, Address>;
  tunnelPeers: ReadonlyMap<Address, number>;
  /** Ports of the host's own; null: nothing is masqueraded. */
  masquerade: { first: number; last: number } | null;
  /** This host's, as the outside sees it, by family. */
  natAddress: { 4: Address; 6: Address };
  /** Whether the host's own routes lead there by the uplink. */
  leavesByUplink: (daddr: Address) => boolean;
  services: Services;
  hostPorts: readonly HostPort[];
  /** null: nobody has told this host of policies. */
  policy: PolicyWorld | null;
}

export const podWith = (world: World, address: Address): Pod | undefined =>
  world.pods.find(({ addresses }) => addresses.includes(address));

/** By the longest prefix. */
export function routeTo(world: World, address: Address): Route | undefined {
  let best: Route | undefined;
  for (const route of world.routes)
    if (holds(route, address) && (!best || route.bits > best.bits)) best = route;
  return best;
}

export const isVirtual = ({ services }: World, address: Address): boolean =>
  services.ranges.some((range) => holds(range, address));
export const hostPortAt = ({ hostPorts }: World, address: Address, port: number, proto: number) =>
  hostPorts.find((one) => one.address === address && one.port === port && one.proto === proto);

function holds({ address: prefix, bits }: Prefix, address: Address): boolean {
  const digits = bits >> 2;
  if (!address.startsWith(prefix.slice(0, digits))) return false;
  const rest = bits & 3;
  const digit = (of: Address) => Number.parseInt(of[digits] as string, 16) >> (4 - rest);
  return rest === 0 || digit(prefix) === digit(address);
}
