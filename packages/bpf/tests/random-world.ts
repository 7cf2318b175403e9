/*
 * Worlds at random for the differential test: two pods of one host, who they may talk to, under which policies, masqueraded or not. Few
 * addresses and ports, so that flows meet again. All from one seed.
 */
import { PathKind } from "@millrace/abi/generated/flow";
import type { Policy, PolicyIdentity, PolicyRule, RulePeer, RulePort } from "@millrace/contract/policy";
import { type Address, addressOf } from "./model/bytes.ts";
import type { Pod, PolicyWorld, Route, World } from "./model/world.ts";
import { address4, address6 } from "./packet-builder.ts";

/** Mulberry32: small, and the same everywhere. */
export class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound);
  }
  /** In `percent` of a hundred cases. */
  may(percent: number): boolean {
    return this.below(100) < percent;
  }
  one<T>(of: readonly T[]): T {
    return of[this.below(of.length)] as T;
  }
  some<T>(of: readonly T[], percent: number): T[] {
    return of.filter(() => this.may(percent));
  }
}

export const addressIn = (text: string): Address =>
  addressOf(text.includes(":") ? address6(text) : address4(text));

export const TUNNEL_PORT = 8472;
export const UPLINK_MTU = 1400;
const [HOST, WORLD] = [1, 2];

/** How packets from there arrive, and where those to there go. */
export type PeerKind =
  | "local"
  | "gone"
  | "overlay"
  | "otherwise tunnelled"
  | "direct"
  | "remote gone"
  | "unknown"
  | "outside"
  | "host"
  | "link"
  | "service";
export interface Peer {
  kind: PeerKind;
  4: string;
  6: string;
  identity: number;
  /** Of the host behind which it is. */
  remote: number;
}
const peer = (kind: PeerKind, four: string, six: string, identity: number, remote = 0): Peer => ({
  ...{ kind, 4: four, 6: six, identity, remote },
});

export const PEERS: readonly Peer[] = [
  peer("local", "10.201.1.7", "fd00:201:1::7", 1007),
  peer("local", "10.201.1.8", "fd00:201:1::8", 1008),
  peer("gone", "10.201.1.9", "fd00:201:1::9", 1009),
  peer("overlay", "10.201.2.10", "fd00:201:2::10", 1210, 2),
  peer("otherwise tunnelled", "10.201.2.11", "fd00:201:2::11", 1211, 2),
  peer("direct", "10.201.3.10", "fd00:201:3::10", 1310, 3),
  peer("remote gone", "10.201.4.10", "fd00:201:4::10", 1410),
  peer("unknown", "10.201.9.9", "fd00:201:9::9", 0),
  peer("outside", "192.0.2.1", "2001:db8::1", WORLD),
  peer("outside", "192.0.2.2", "2001:db8::2", WORLD),
  peer("outside", "203.0.113.1", "2001:db8:a::1", WORLD), // by another device than the uplink
  peer("outside", "198.18.0.1", "2400::1", WORLD), // IPv6: sometimes without a route
  peer("outside", "10.200.0.2", "fd00:200::2", WORLD), // another host
  peer("host", "10.200.0.1", "fd00:200::1", HOST),
  peer("link", "224.0.0.251", "ff02::1", WORLD),
  peer("link", "169.254.1.1", "fe80::1", WORLD),
];
export const [POD_P, POD_Q] = PEERS as [Peer, Peer];
export const ROUTER: Peer = peer("outside", "198.51.100.9", "2001:db8:9::9", WORLD);
export const UNDERLAY = { 2: "10.200.0.2", 3: "10.200.0.3", stranger: "10.200.0.77" } as const;
/** What the tunnel says of who the lease says is another. */
export const NEWER_IDENTITY = 1212;

/** Devices of a host, by number; the same on all. */
export interface Devices {
  p0: number;
  q0: number;
  up0: number;
  punt0: number;
}
export const LINK_ADDRESSES = { p0: Uint8Array.of(2, 0, 0, 0, 0, 7), q0: Uint8Array.of(2, 0, 0, 0, 0, 8) };

const podOf = (from: Peer, endpointId: number, ifindex: number, rest: Partial<Pod> = {}): Pod => ({
  ...{ endpointId, ifindex, identity: from.identity, isGone: false, linkAddress: LINK_ADDRESSES.p0 },
  addresses: [addressIn(from[4]), addressIn(from[6])],
  ...rest,
});

const PODS = (devices: Devices): Pod[] => [
  podOf(POD_P, 7, devices.p0),
  podOf(POD_Q, 8, devices.q0, { linkAddress: LINK_ADDRESSES.q0 }),
  podOf(PEERS[2] as Peer, 9, 9999, { isGone: true }),
];

function routesOf(random: Random): Route[] {
  const isMasqueraded = random.may(70);
  const route = (prefix: string, bits: number, kind: PathKind, rest: Partial<Route> = {}): Route => ({
    ...{ address: addressIn(prefix), bits: prefix.includes(":") ? bits : bits + 96, kind },
    ...{ remote: 0, identity: 0, isOutside: false, isMasqueraded: false, ...rest },
  });
  const ways = {
    overlay: PathKind.OVERLAY,
    "otherwise tunnelled": PathKind.OVERLAY,
    direct: PathKind.DIRECT,
  };
  const leased = PEERS.flatMap(({ kind, identity, remote, ...at }) => {
    const way = kind === "remote gone" ? PathKind.OVERLAY : ways[kind as keyof typeof ways];
    if (way === undefined) return [];
    return [route(at[4], 32, way, { identity, remote }), route(at[6], 128, way, { identity, remote })];
  });
  const outside = { identity: WORLD, isOutside: true };
  const link = { identity: WORLD };
  return [
    ...leased,
    route("0.0.0.0", 0, PathKind.HOST, outside),
    route(...((random.may(70) ? ["::", 0] : ["2001:db8::", 32]) as [string, number]), PathKind.HOST, outside),
    route("10.201.0.0", 16, PathKind.PUNT),
    route("fd00:201::", 32, PathKind.PUNT),
    route("10.201.1.0", 24, PathKind.PUNT, { isMasqueraded }),
    route("fd00:201:1::", 48, PathKind.PUNT, { isMasqueraded: isMasqueraded && random.may(80) }),
    route("10.200.0.1", 32, PathKind.HOST, { identity: HOST }),
    route("fd00:200::1", 128, PathKind.HOST, { identity: HOST }),
    route("224.0.0.0", 4, PathKind.HOST, link),
    route("169.254.0.0", 16, PathKind.HOST, link),
    route("fe80::", 10, PathKind.HOST, link),
    route("ff00::", 8, PathKind.HOST, link),
  ];
}

/** By which the host's own routes lead elsewhere than the uplink. */
const ASIDE = ["203.0.113.", "2001:db8:a:"].map((text) =>
  text.includes(":") ? addressIn(`${text}:`).slice(0, 12) : addressIn(`${text}0`).slice(0, 30),
);

export function randomWorld(random: Random, devices: Devices): World {
  const isSmall = random.may(40);
  return {
    ...{ uplink: devices.up0, uplinkMtu: UPLINK_MTU, hasAgent: random.may(60), tunnelPort: TUNNEL_PORT },
    tunnelAddress: addressIn("10.200.0.1"),
    ...{ pods: PODS(devices), routes: routesOf(random) },
    remotes: new Map([
      [2, addressIn(UNDERLAY[2])],
      [3, addressIn(UNDERLAY[3])],
    ]),
    tunnelPeers: new Map([
      [addressIn(UNDERLAY[2]), 2],
      [addressIn(UNDERLAY[3]), 3],
    ]),
    masquerade: random.may(75) ? { first: 20_000, last: isSmall ? 20_005 : 31_999 } : null,
    natAddress: { 4: addressIn("10.200.0.1"), 6: addressIn("fd00:200::1") },
    leavesByUplink: (daddr) => !ASIDE.some((prefix) => daddr.startsWith(prefix)),
    services: { ranges: [], told: [], services: [] },
    hostPorts: [],
    policy: random.may(70) ? randomPolicy(random) : null,
  };
}

const factsOf = (identity: number, app: string): PolicyIdentity => ({
  ...{ identity, namespace: "n", labels: { app }, namespaceLabels: {} },
  ports: { http: { protocol: 6, port: 80 } },
});
const NAMED = [
  ...[factsOf(1007, "p"), factsOf(1008, "q"), factsOf(1009, "q"), factsOf(1210, "r")],
  ...[factsOf(1211, "r"), factsOf(NEWER_IDENTITY, "s"), factsOf(1310, "s"), factsOf(1410, "s")],
];

function randomPolicy(random: Random): PolicyWorld {
  const numbers = [1, 2, 3, 4, 5].filter(() => random.may(45));
  const known = random.may(80) ? NAMED : random.some(NAMED, 70);
  return {
    policies: numbers.map((number) => policyOf(random, number)),
    subjects: new Map([7, 8].filter(() => random.may(92)).map((id) => [id, NAMED[id - 7] as PolicyIdentity])),
    identities: new Map<number, PolicyIdentity | null>([
      ...([
        [HOST, null],
        [WORLD, null],
      ] as const),
      ...known.map((facts) => [facts.identity, facts] as const),
    ]),
  };
}

const selector = (random: Random) =>
  random.may(40)
    ? []
    : [
        {
          key: "app",
          operator: random.one(["In", "NotIn"] as const),
          values: [random.one(["p", "q", "r", "s"])],
        },
      ];

function policyOf(random: Random, number: number): Policy {
  const directions = ["ingress", "egress"] as const;
  return {
    ...{ number, revision: random.below(9) + 1, namespace: "n", name: `p${number}` },
    tier: random.one(["platform", "tenant", "tenant"] as const),
    mode: random.one(["enforce", "enforce", "observe"] as const),
    subject: { pods: selector(random), namespaces: null },
    isolates: random.some(directions, 45),
    rules: Array.from(
      { length: random.below(5) },
      (_, at): PolicyRule => ({
        ...{ place: at + 1, direction: random.one(directions) },
        action: random.one(["allow", "allow", "allow", "deny"] as const),
        peers: random.may(45) ? null : [peerOf(random)],
        ports: random.may(50) ? null : [portOf(random), portOf(random)],
      }),
    ),
  };
}

function peerOf(random: Random): RulePeer {
  if (random.may(60)) return { kind: "pods", pods: selector(random), namespaces: null };
  const cidrs = [
    "0.0.0.0/0",
    "10.201.0.0/16",
    "10.201.2.0/24",
    "192.0.2.1/32",
    "::/0",
    "fd00:201::/32",
    "2001:db8::/33",
  ];
  return {
    kind: "cidr",
    cidr: random.one(cidrs),
    except: random.some(["10.201.2.10/32", "192.0.2.0/31"], 20),
  };
}

function portOf(random: Random): RulePort {
  const protocol = random.one([6, 6, 17, 17, 1, 58, 132, null]);
  if (random.may(30)) return { protocol, port: null };
  if (random.may(20)) return { protocol, port: { name: "http" } };
  const from = random.one([0, 53, 80, 443, 40_000, 40_001]);
  return { protocol, port: { from, to: random.may(60) ? from : from + random.below(2000) } };
}

/** A change of what the agent has told, under which flows go on. */
export function changedWorld(random: Random, world: World): World {
  const change = random.below(5);
  if (change === 0) return { ...world, hasAgent: !world.hasAgent };
  if (change === 1) return { ...world, routes: routesOf(random) };
  if (change === 2) return { ...world, policy: null };
  return { ...world, policy: randomPolicy(random) };
}
