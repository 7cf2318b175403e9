/**
 * The kernel's forwarding tables from what is known: pure. The same knowledge gives the same tables, whatever happened
 * before.
 */
import { PathKind } from "@millrace/abi/generated/flow";
import { RouteFlag } from "@millrace/abi/generated/forward";
import { RESERVED_IDENTITIES } from "@millrace/contract/identity";
import type { PoolFacts, Route, RouteHost, Underlay } from "@millrace/contract/network";
import { parsePrefix, prefixText } from "@millrace/contract/prefix";
import { type HostPort, pairsOf } from "../attachment/host-port.ts";
import type { ForwardingTables } from "../dataplane/dataplane.ts";
import { addressBytes } from "../endpoint/address.ts";
import type { PortRange } from "./port-range.ts";
import type { LocalPod } from "./whereabouts.ts";

export type Knowledge = {
  uplink: number;
  punt: number;
  underlay: Underlay | undefined;
  /** Of masqueraded flows; undefined: that is left to the host's own stack. */
  masqueradePorts: PortRange | undefined;
  pools: readonly PoolFacts[];
  locals: readonly (LocalPod & { hostPorts: readonly HostPort[] })[];
  hostAddresses: readonly string[];
  routes: readonly (readonly [address: string, route: Route])[];
  /** By whose node ports clients come to pods here. */
  hosts: readonly RouteHost[];
  indexOf: (host: string) => number;
};

const PROTOCOL = { tcp: 6, udp: 17 };
const MAPPED_BITS = 96;
const WHOLE = 128;

export function forwardingTables(known: Knowledge): ForwardingTables {
  const { uplink, punt, underlay } = known;
  const remotes = new Map<number, ForwardingTables["remotes"][number]>();
  for (const host of [...known.routes.map(([, route]) => route.host), ...known.hosts]) {
    const index = known.indexOf(host.name);
    if (index !== 0)
      remotes.set(index, { index, address4: number4(host.uplink4), address6: bytes6(host.uplink6) });
  }
  const tunnelPort = underlay?.uplink4 ? underlay.vtepPort : 0;
  return {
    facts: {
      uplink,
      punt,
      tunnelPort,
      tunnelAddress: number4(underlay?.uplink4 ?? null),
      ...outsideFacts(known),
    },
    locals: known.locals.flatMap(({ addresses, endpointId, port, identity }) =>
      addresses.map((address) => ({ address: bytes(address), endpointId, ifindex: port, identity })),
    ),
    routes: [
      { ...prefixEntry("::/0"), ...outside },
      { ...prefixEntry("0.0.0.0/0"), ...outside },
      ...ON_A_LINK.map((prefix) => ({ ...prefixEntry(prefix), ...outside, flags: 0 })),
      ...known.pools.flatMap(poolRoutes),
      ...known.hostAddresses.map((address) => hostRoute(address)),
      ...known.routes.map(([address, route]) => remoteRoute(address, route, known.indexOf(route.host.name))),
    ],
    remotes: [...remotes.values()],
    hostPorts: known.locals.flatMap((pod) => hostPortsTo(pod, known.hostAddresses)),
  };
}

function hostPortsTo(
  { addresses, hostPorts }: Knowledge["locals"][number],
  hostAddresses: readonly string[],
): ForwardingTables["hostPorts"][number][] {
  return hostPorts.flatMap((one) =>
    pairsOf(one, hostAddresses, addresses).map(({ from, to }) => ({
      ...{ address: bytes(from), port: one.port, proto: PROTOCOL[one.protocol] },
      pod: { address: bytes(to), port: one.podPort },
    })),
  );
}

type RouteEntry = ForwardingTables["routes"][number];
const outside = {
  ...{ kind: PathKind.HOST, remote: 0, identity: RESERVED_IDENTITIES.world, flags: RouteFlag.OUTSIDE },
};
/** Groups, and addresses that mean something on one link only: never the outside, whatever the way to it. */
const ON_A_LINK = ["127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "fe80::/10", "ff00::/8"];

function outsideFacts({ masqueradePorts, underlay }: Knowledge) {
  const natAddress4 = number4(underlay?.uplink4 ?? null);
  const natAddress6 = bytes6(underlay?.uplink6 ?? null);
  return {
    natFirst: masqueradePorts?.first ?? 0,
    natLast: masqueradePorts?.last ?? 0,
    natAddress4,
    natAddress6,
    nodePorts: underlay !== undefined,
  };
}

function prefixEntry(text: string): Pick<RouteEntry, "address" | "prefixBits"> {
  const [address = "", length] = text.split("/");
  return { address: bytes(address), prefixBits: Number(length) + (address.includes(":") ? 0 : MAPPED_BITS) };
}

/** Whoever has an address of a pool and isn't known yet is asked for. */
function poolRoutes({ prefix4, prefix6, masquerade }: PoolFacts): RouteEntry[] {
  const flags = masquerade ? RouteFlag.MASQUERADED : 0;
  return [prefix4, prefix6].flatMap((text) => {
    const prefix = text === null ? undefined : parsePrefix(text);
    if (!prefix) return [];
    return [{ ...prefixEntry(prefixText(prefix)), kind: PathKind.PUNT, remote: 0, identity: 0, flags }];
  });
}
function hostRoute(address: string): RouteEntry {
  return {
    ...{ address: bytes(address), prefixBits: WHOLE, kind: PathKind.HOST, remote: 0 },
    ...{ identity: RESERVED_IDENTITIES.host, flags: 0 },
  };
}
function remoteRoute(address: string, { mode, identity }: Route, remote: number): RouteEntry {
  const kind = mode === "overlay" ? PathKind.OVERLAY : PathKind.DIRECT;
  return { address: bytes(address), prefixBits: WHOLE, kind, remote, identity, flags: 0 };
}

const NO_ADDRESS = new Uint8Array(16);
const bytes = (address: string): Uint8Array => addressBytes(address) ?? NO_ADDRESS;
const bytes6 = (address: string | null): Uint8Array => (address === null ? NO_ADDRESS : bytes(address));
function number4(address: string | null): number {
  return address === null ? 0 : Buffer.from(bytes(address)).readUInt32BE(12);
}
