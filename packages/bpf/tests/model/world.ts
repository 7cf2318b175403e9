/*
 * What the agent has told a host: its pods, the ways, under which address it masquerades, and by which policies it
 * judges. Plain data; the kernel's tables are filled from it, and the model reads it as it is.
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

export interface Route {
  address: Address;
  /** Of the 128. */
  bits: number;
  kind: PathKind;
  /** Index into `remotes`; 0: none. */
  remote: number;
  identity: number;
  /** Leads to the outside. */
  isOutside: boolean;
  /** Whoever has an address of it is seen outside under the host's. */
  isMasqueraded: boolean;
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

function holds({ address: prefix, bits }: Route, address: Address): boolean {
  const digits = bits >> 2;
  if (!address.startsWith(prefix.slice(0, digits))) return false;
  const rest = bits & 3;
  const digit = (of: Address) => Number.parseInt(of[digits] as string, 16) >> (4 - rest);
  return rest === 0 || digit(prefix) === digit(address);
}
