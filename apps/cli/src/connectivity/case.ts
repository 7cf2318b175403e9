/**
 * Which connections a run makes and what must become of each: pure, from who there is. `from` and `to` are probers' names,
 * which are also what they answer with.
 */
import type { Family } from "@millrace/contract/prefix";
import type { Way } from "@millrace/contract/verdict";

export type Transport = "tcp" | "udp";
export type Addresses = Readonly<Record<Family, string | undefined>>;

/** What the test's servers listen on. The policies let clients reach OPEN, and neither of the others. */
export const PORTS = { open: 8080, closed: 8081, forbidden: 8082 } as const;
export const SERVICE_PORT = 80;

export type PodPlace = { name: string; addresses: Addresses; mtu: number };
/** A host with the two pods that the test made there. */
export type HostPlace = {
  name: string;
  client: PodPlace;
  server: PodPlace;
  uplink: Addresses;
  /** What its own prober listens on, at the uplink's addresses. */
  listens: readonly { transport: Transport; family: Family; port: number }[];
  /** Of the service in front of its server. */
  virtual: Addresses;
};
/** A pod of somebody else's. Nobody need listen there: a refusal has been there and back, too. */
export type NamedPod = { name: string; addresses: Addresses };

/** Which rule must have decided: `admits` and `isolates` are the servers' policy's, `forbids` is the clients'. */
export type RuleName = "admits" | "isolates" | "forbids";
export type Expectation =
  | {
      kind: "carried";
      /** null: whoever is there, also by refusing. */
      by: string | null;
      /** null: any. */
      ways: readonly Way[] | null;
      /** null: whichever, or none. */
      rule: RuleName | null;
    }
  | { kind: "denied"; rule: RuleName };

export type Case = {
  group: string;
  from: string;
  to: string;
  family: Family;
  transport: Transport;
  address: string;
  port: number;
  /** Payload that is sent, and must come back whole. */
  bytes: number;
  /** What is special about its size; empty: nothing. */
  size: string;
  expects: Expectation;
};

const FAMILIES: readonly Family[] = [4, 6];
const TRANSPORTS: readonly Transport[] = ["tcp", "udp"];
const LOCAL: readonly Way[] = ["local"];
const ACROSS: readonly Way[] = ["direct", "overlay"];
const SMALL_BYTES = 32;
const STREAM_BYTES = 1 << 20;
const MOST_DATAGRAM_BYTES = 65_507;
const headerBytes = (family: Family): number => (family === 4 ? 20 : 40) + 8;

type Pair = { from: HostPlace; to: HostPlace; isLocal: boolean };
const pairsOf = (hosts: readonly HostPlace[]): Pair[] =>
  hosts.flatMap((from) => hosts.map((to) => ({ from, to, isLocal: from === to })));
const where = ({ isLocal }: Pair): string => (isLocal ? "same host" : "cross host");
const waysOf = ({ isLocal }: Pair): readonly Way[] => (isLocal ? LOCAL : ACROSS);

type Flow = Omit<Case, "family" | "transport" | "address" | "bytes" | "size">;
/** Both transports, in each family that both ends have. */
const each = (flow: Flow, from: Addresses, to: Addresses): Case[] =>
  inBoth(from, to).flatMap(({ family, address }) =>
    TRANSPORTS.map((transport) => ({
      ...{ ...flow, family, transport, address, bytes: SMALL_BYTES, size: "" },
    })),
  );
const inBoth = (from: Addresses, to: Addresses): { family: Family; address: string }[] =>
  FAMILIES.flatMap((family) => {
    const address = to[family];
    return from[family] && address ? [{ family, address }] : [];
  });

/** With no policy of ours: what must be carried anyway. */
export function carriedCases(hosts: readonly HostPlace[], named: readonly NamedPod[]): Case[] {
  const pairs = pairsOf(hosts);
  return [
    ...pairs.flatMap((pair) => podCases(pair, PORTS.open, where(pair), null)),
    ...pairs.flatMap(serviceCases),
    ...hosts.flatMap(hostCases),
    ...pairs.flatMap(sizeCases),
    ...hosts.flatMap(({ client }) => named.flatMap((pod) => namedCases(client, pod))),
  ];
}
/** Under the policies: what they admit. */
export const admittedCases = (hosts: readonly HostPlace[]): Case[] =>
  pairsOf(hosts).flatMap((pair) => podCases(pair, PORTS.open, `policy admits, ${where(pair)}`, "admits"));
/** Under the policies: what they deny, by the receiver's isolation and by the sender's rule. */
export const deniedCases = (hosts: readonly HostPlace[]): Case[] =>
  pairsOf(hosts).flatMap((pair) =>
    (["closed", "forbidden"] as const).flatMap((port) => {
      const rule: RuleName = port === "closed" ? "isolates" : "forbids";
      const group = `policy denies, ${where(pair)}`;
      const { client } = pair.from;
      const { server } = pair.to;
      const flow = { group, from: client.name, to: server.name, port: PORTS[port] };
      return each({ ...flow, expects: { kind: "denied", rule } }, client.addresses, server.addresses);
    }),
  );

function podCases(pair: Pair, port: number, group: string, rule: RuleName | null): Case[] {
  const { client } = pair.from;
  const { server } = pair.to;
  const expects = { kind: "carried", by: server.name, ways: waysOf(pair), rule } as const;
  return each(
    { group, from: client.name, to: server.name, port, expects },
    client.addresses,
    server.addresses,
  );
}
function serviceCases(pair: Pair): Case[] {
  const { client } = pair.from;
  const { server, virtual } = pair.to;
  const expects = { kind: "carried", by: server.name, ways: waysOf(pair), rule: null } as const;
  const flow = { group: `service, ${where(pair)}`, from: client.name, to: server.name };
  return each({ ...flow, port: SERVICE_PORT, expects }, client.addresses, virtual);
}

function hostCases({ name, client, server, uplink, listens }: HostPlace): Case[] {
  const toHost = listens.flatMap(({ transport, family, port }): Case[] => {
    const address = uplink[family];
    if (!address || !client.addresses[family]) return [];
    const expects = { kind: "carried", by: name, ways: ["host"], rule: null } as const;
    const flow = { group: "pod to its host", from: client.name, to: name, family, transport, address, port };
    return [{ ...flow, bytes: SMALL_BYTES, size: "", expects }];
  });
  const expects = { kind: "carried", by: server.name, ways: null, rule: null } as const;
  const flow = { group: "host to its pod", from: name, to: server.name, port: PORTS.open, expects };
  return [...toHost, ...each(flow, uplink, server.addresses)];
}

/** The largest packet that a pod may send whole; a datagram that takes several; a stream that finds its own size. */
function sizeCases(pair: Pair): Case[] {
  const { client } = pair.from;
  const { server } = pair.to;
  const expects = { kind: "carried", by: server.name, ways: waysOf(pair), rule: null } as const;
  const flow = {
    ...{ group: `size, ${where(pair)}`, from: client.name, to: server.name, port: PORTS.open, expects },
  };
  const mtu = Math.min(client.mtu, server.mtu);
  return inBoth(client.addresses, server.addresses).flatMap(({ family, address }): Case[] => {
    const datagram = (packet: number, size: string): Case => {
      const bytes = Math.min(packet - headerBytes(family), MOST_DATAGRAM_BYTES);
      return { ...flow, family, address, transport: "udp", bytes, size };
    };
    return [
      datagram(mtu, `one packet of ${mtu} bytes`),
      datagram(2 * mtu, `${2 * mtu} bytes in fragments`),
      { ...flow, family, address, transport: "tcp", bytes: STREAM_BYTES, size: "1 MiB both ways" },
    ];
  });
}

function namedCases(client: PodPlace, { name, addresses }: NamedPod): Case[] {
  const expects = { kind: "carried", by: null, ways: null, rule: null } as const;
  const flow = { group: "pod that was named", from: client.name, to: name, port: PORTS.open, expects };
  const small = each(flow, client.addresses, addresses);
  const whole = inBoth(client.addresses, addresses).map(
    ({ family, address }): Case => ({
      ...{ ...flow, family, address, transport: "udp", bytes: client.mtu - headerBytes(family) },
      size: `one packet of ${client.mtu} bytes`,
    }),
  );
  return [...small, ...whole];
}
