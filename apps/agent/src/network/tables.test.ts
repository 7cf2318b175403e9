import { PathKind } from "@millrace/abi/generated/flow";
import { RouteFlag } from "@millrace/abi/generated/forward";
import type { PoolFacts, Route, Underlay } from "@millrace/contract/network";
import { expect, test } from "vitest";
import { addressBytes, addressText } from "../endpoint/address.ts";
import { forwardingTables, type Knowledge } from "./tables.ts";

const underlay: Underlay = {
  ...{ uplink4: "10.200.0.1", uplink6: "fd00:200::1", mac: "02:00:00:00:00:01", mtu: 1500, vtepPort: 8472 },
};
const pool: PoolFacts = {
  ...{
    name: "default",
    mode: "overlay",
    prefix4: "10.201.0.0/16",
    prefix6: "fd00:201::/48",
    masquerade: true,
  },
  ...{ blockLength4: 26, blockLength6: 122, mtuOverhead: 50, gateway4: "169.254.1.1", gateway6: "fe80::1" },
};
const route = (mode: "direct" | "overlay"): Route => ({
  host: { ...underlay, name: "h2", uplink4: "10.200.0.2", uplink6: "fd00:200::2" },
  ...{ pool: "default", mode, identity: 300, labels: {} },
});
const known = (more: Partial<Knowledge> = {}): Knowledge => ({
  ...{
    uplink: 2,
    punt: 9,
    underlay,
    masqueradePorts: { first: 20_000, last: 31_999 },
    pools: [pool],
    hostAddresses: ["10.200.0.1"],
    routes: [],
    hosts: [],
    indexOf: () => 7,
  },
  locals: [
    { addresses: ["10.201.0.5", "fd00:201::5"], endpointId: 3, port: 11, identity: 301, hostPorts: [] },
  ],
  ...more,
});
const kindNames = Object.fromEntries(Object.entries(PathKind).map(([name, value]) => [value, name]));
const flagNames = Object.entries(RouteFlag);
const shown = (knowledge: Knowledge) =>
  forwardingTables(knowledge).routes.map(({ address, prefixBits, kind, remote, identity, flags }) =>
    [
      ...[`${addressText(address)}/${prefixBits}`, kindNames[kind], remote, identity],
      ...flagNames.filter(([, bit]) => flags & bit).map(([name]) => name),
    ].join(" "),
  );
const ON_A_LINK = [
  ...["127.0.0.0/104 HOST 0 2", "169.254.0.0/112 HOST 0 2", "224.0.0.0/99 HOST 0 2"],
  ...["fe80::/10 HOST 0 2", "ff00::/8 HOST 0 2"],
];

test("what is outside goes to the host's stack, what is in a pool and unknown to the agent", () => {
  expect(shown(known())).toEqual([
    "::/0 HOST 0 2 OUTSIDE",
    "0.0.0.0/96 HOST 0 2 OUTSIDE",
    ...ON_A_LINK,
    "10.201.0.0/112 PUNT 0 0 MASQUERADED",
    "fd00:201::/48 PUNT 0 0 MASQUERADED",
    "10.200.0.1/128 HOST 0 1",
  ]);
});

test("a pod elsewhere is reached by its host, directly or through the tunnel, with its identity", () => {
  const routes: Knowledge["routes"] = [
    ["10.201.1.5", route("direct")],
    ["fd00:201::1:5", route("overlay")],
  ];
  expect(shown(known({ routes })).slice(-2)).toEqual([
    "10.201.1.5/128 DIRECT 7 300",
    "fd00:201::1:5/128 OVERLAY 7 300",
  ]);
  const [remote, ...more] = forwardingTables(known({ routes })).remotes;
  expect(more).toEqual([]);
  expect(remote).toMatchObject({ index: 7, address4: 0x0ac80002 });
});

test("each address of a pod here is one of its endpoint's", () => {
  expect(
    forwardingTables(known()).locals.map(({ address, ...rest }) => [addressText(address), rest]),
  ).toEqual([
    ["10.201.0.5", { endpointId: 3, ifindex: 11, identity: 301 }],
    ["fd00:201::5", { endpointId: 3, ifindex: 11, identity: 301 }],
  ]);
});

test("a port of the host leads to the pod's address of the same family", () => {
  const web = { protocol: "tcp", port: 8080, podPort: 80, address: null } as const;
  const dns = { protocol: "udp", port: 53, podPort: 5353, address: "10.200.0.1" } as const;
  const [pod] = known().locals as [Knowledge["locals"][number]];
  const { hostPorts } = forwardingTables(
    known({
      hostAddresses: ["127.0.0.1", "10.200.0.1", "fd00:200::1"],
      locals: [{ ...pod, hostPorts: [web, dns] }],
    }),
  );
  const text = (address: Uint8Array, port: number) => `${addressText(address)} ${port}`;
  expect(
    hostPorts.map((one) => [one.proto, text(one.address, one.port), text(one.pod.address, one.pod.port)]),
  ).toEqual([
    [6, "10.200.0.1 8080", "10.201.0.5 80"],
    [6, "fd00:200::1 8080", "fd00:201::5 80"],
    [17, "10.200.0.1 53", "10.201.0.5 5353"],
  ]);
});

test("without an underlay there is no tunnel", () => {
  expect(forwardingTables(known({ underlay: undefined })).facts).toEqual({
    ...{ uplink: 2, punt: 9, tunnelPort: 0, tunnelAddress: 0 },
    ...{ natFirst: 20_000, natLast: 31_999, natAddress4: 0, natAddress6: new Uint8Array(16) },
    nodePorts: false,
  });
  expect(forwardingTables(known()).facts).toMatchObject({ tunnelPort: 8472, tunnelAddress: 0x0ac80001 });
});

test("what pods send outside leaves under the uplink's addresses and the reserved ports, where their pool says so", () => {
  expect(forwardingTables(known()).facts).toMatchObject({
    ...{ natFirst: 20_000, natLast: 31_999, natAddress4: 0x0ac80001, nodePorts: true },
    natAddress6: addressBytes("fd00:200::1"),
  });
  const { natFirst, natLast } = forwardingTables(known({ masqueradePorts: undefined })).facts;
  expect([natFirst, natLast]).toEqual([0, 0]);
  const open = { ...pool, masquerade: false };
  expect(shown(known({ pools: [open] }))).toContain("10.201.0.0/112 PUNT 0 0");
});

test("a host by whose node ports clients come is known like one that is routed to, once", () => {
  const { host } = route("overlay");
  const other = { ...host, name: "h3", uplink4: "10.200.0.3", uplink6: null };
  const indexes: Record<string, number> = { h2: 7, h3: 8 };
  const { remotes } = forwardingTables(
    known({
      ...{ routes: [["10.201.1.5", route("overlay")]], hosts: [host, other] },
      indexOf: (name) => indexes[name] as number,
    }),
  );
  expect(remotes.map(({ index, address4 }) => [index, address4])).toEqual([
    [7, 0x0ac80002],
    [8, 0x0ac80003],
  ]);
});
