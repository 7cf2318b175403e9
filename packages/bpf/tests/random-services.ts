/*
 * Services and host ports at random for the differential test: few of each, so that flows meet the same backends again and again, by
 * themselves and by services. Without affinity, and without what sockets are given when they connect: see model/service.ts.
 */
import type { Address } from "./model/bytes.ts";
import type { Backend, HostPort, Service, Target, World } from "./model/world.ts";
import { PROTO } from "./packet-builder.ts";
import type { Conversation } from "./random-traffic.ts";
import { addressIn, PEERS, type Peer, POD_P, POD_Q, type Random } from "./random-world.ts";

const service = (four: string, six: string): Peer => ({
  ...{ kind: "service", 4: four, 6: six, identity: 2, remote: 0 },
});
const VIRTUAL = [
  service("10.96.0.1", "fd00:96::1"),
  service("10.96.0.2", "fd00:96::2"),
  service("10.96.0.3", "fd00:96::3"),
];
/** By which pods of the host ask for its ports. */
const THIS_HOST = service("10.200.0.1", "fd00:200::1");
export const SERVICE_PEERS: readonly Peer[] = VIRTUAL;

const FAMILIES = [4, 6] as const;
const PROTOCOLS = [PROTO.tcp, PROTO.udp];
const SERVICE_PORTS = [80, 443];
/** Also ports that pods ask the same peers for without a service. */
const BACKEND_PORTS = [80, 8080];
/** The last one lies in the range of masquerading. */
const HOST_PORTS = [8080, 8081, 20_003];
const POD_PORTS = [80, 81];
const PORTS = [40_000, 40_001, 41_000];

const MOST_A_SERVICE = 2; // with more, 16 tries might miss the one that would do
/** Not who is told otherwise of by the tunnel: pods send it nothing (random-traffic.ts). */
const BACKENDS = PEERS.filter(({ kind }) => kind !== "otherwise tunnelled" && kind !== "link");
const CLIENTS = PEERS.filter(({ kind }) => !["otherwise tunnelled", "link", "local", "gone"].includes(kind));

/** Numbers of what is the same place each time it comes. */
const SERVICES = VIRTUAL.flatMap((at) =>
  FAMILIES.flatMap((family) =>
    SERVICE_PORTS.flatMap((port) => PROTOCOLS.map((proto) => ({ at, family, port, proto }))),
  ),
).map((one, at) => ({ ...one, number: at + 1 }));
const BACKENDS_A_SERVICE = BACKENDS.length * BACKEND_PORTS.length;

/** Such as most are: what is sent to them arrives. */
const USUAL = BACKENDS.flatMap(({ kind }, at) =>
  ["local", "overlay", "direct", "outside"].includes(kind) ? [at] : [],
);

function backendOf(random: Random, { number, family }: (typeof SERVICES)[number]): Backend {
  const peer = random.may(75) ? random.one(USUAL) : random.below(BACKENDS.length);
  const port = random.below(BACKEND_PORTS.length);
  return {
    number: number * BACKENDS_A_SERVICE + peer * BACKEND_PORTS.length + port,
    address: addressIn((BACKENDS[peer] as Peer)[family]),
    port: BACKEND_PORTS[port] as number,
  };
}

function serviceOf(random: Random, one: (typeof SERVICES)[number]): Service {
  const length = random.may(12) ? 0 : 1 + random.below(MOST_A_SERVICE);
  const backends = Array.from({ length }, () => backendOf(random, one));
  const { number, at, family, port, proto } = one;
  return {
    ...{ number, address: addressIn(at[family]), port, proto },
    backends: backends.filter(({ number }, at) => backends.findIndex((two) => two.number === number) === at),
  };
}

function hostPortsOf(random: Random): HostPort[] {
  const pods = [POD_P, POD_P, POD_Q, PEERS[2] as Peer];
  return FAMILIES.flatMap((family) =>
    HOST_PORTS.flatMap((port) =>
      random.some(PROTOCOLS, 75).map((proto) => ({
        ...{ address: addressIn(THIS_HOST[family]), port, proto },
        to: { address: addressIn(random.one(pods)[family]), port: random.one(POD_PORTS) },
      })),
    ),
  );
}

function servicesOf(random: Random): World["services"] {
  const services = random.some(SERVICES, 85).map((one) => serviceOf(random, one));
  const told = VIRTUAL.flatMap((at) => FAMILIES.map((family) => addressIn(at[family])));
  const known = random.some(told, 70);
  for (const { address } of services) if (random.may(80)) known.push(address);
  const ranges = [
    { address: addressIn("10.96.0.0"), bits: 112 },
    { address: addressIn("fd00:96::"), bits: 64 },
  ];
  return { ranges: random.may(92) ? ranges : [], told: [...new Set<Address>(known)], services };
}

/** Also of a world that has some: what there is now is unlike, and flows go on. */
export function withServices(random: Random, world: World): World {
  const what = random.below(4);
  const services = what === 0 ? world.services : servicesOf(random);
  const hostPorts = what === 1 ? world.hostPorts : random.may(85) ? hostPortsOf(random) : [];
  return { ...world, services, hostPorts };
}

/** To a service, to or by a host port, or to a backend itself. */
export function serviceConversation(random: Random): Conversation {
  const common = {
    ...{ pod: random.one([POD_P, POD_P, POD_Q]), family: random.one([4, 4, 6] as const) },
    ...{ byStack: random.may(10), isPlain: random.may(70) },
    kind: random.may(6) ? random.one(["echo", "sctp"] as const) : random.one(["tcp", "tcp", "udp"] as const),
  };
  const what = random.below(100);
  const sport = random.may(2) ? 0 : random.one(PORTS);
  if (what < 55)
    return {
      ...common,
      ...{
        peer: random.one([...VIRTUAL, VIRTUAL[0] as Peer]),
        sport,
        dport: random.may(5) ? 53 : random.one(SERVICE_PORTS),
      },
    };
  if (what < 67) return { ...common, peer: THIS_HOST, sport, dport: random.one(HOST_PORTS) };
  if (what < 90)
    return {
      ...{ ...common, peer: random.one(CLIENTS), sport: random.one(POD_PORTS), dport: random.one(PORTS) },
      ...{ byStack: false, hostPorts: twoOf(random, HOST_PORTS) },
    };
  const others = BACKENDS.filter((one) => one !== common.pod);
  return { ...common, peer: random.one(others), sport, dport: random.one(BACKEND_PORTS) };
}

/** One of them much oftener than the other. */
function twoOf<T>(random: Random, of: readonly T[]): T[] {
  const usual = random.one(of);
  return [usual, usual, usual, usual, usual, random.one(of)];
}

/** The end that answers for a service: the backend that a flow was given, or any when it has none. */
export function answering(random: Random, talk: Conversation, target: Target | null): Conversation {
  const { family } = talk;
  const given = target && PEERS.find((one) => addressIn(one[family]) === target.address);
  const others = BACKENDS.filter((one) => one !== talk.pod);
  return {
    ...{ ...talk, peer: given ?? random.one(others), sport: target?.from ?? talk.sport },
    dport: given ? target.port : random.one(BACKEND_PORTS),
  };
}
