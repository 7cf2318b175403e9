import { expect, test } from "vitest";
import { AttachmentError } from "./attachment.ts";
import { type HostPort, type HostPortSurroundings, hostPortsOf, pairsOf } from "./host-port.ts";

const HOST = ["127.0.0.1", "10.200.0.1", "192.0.2.9", "::1", "fd00:200::1", "fe80::1"];
const POD = ["10.201.0.5", "fd00:201::5"];
const port = (more: Partial<HostPort> = {}): HostPort => ({
  ...{ protocol: "tcp", port: 8080, podPort: 80, address: null },
  ...more,
});
const mapping = (more: object = {}) => ({
  ...{ hostPort: 8080, containerPort: 80, protocol: "tcp" as const },
  ...more,
});
const surroundings = (more: Partial<HostPortSurroundings> = {}): HostPortSurroundings => ({
  ...{ others: [], hostAddresses: HOST, podAddresses: POD, tunnelPort: 8472 },
  ...more,
});
const others = (...hostPorts: HostPort[]) => ({
  others: [{ owner: "shop/cart-0", hostPorts, addresses: ["10.201.0.6"] }],
});
function refusal(mappings: Parameters<typeof hostPortsOf>[0], at = surroundings()): string {
  try {
    return JSON.stringify(hostPortsOf(mappings, at));
  } catch (error) {
    if (!(error instanceof AttachmentError)) throw error;
    return `${error.problem}: ${error.message}`;
  }
}

test("without an address all of the host's lead to the pod that others reach, each to its family", () => {
  expect(hostPortsOf([mapping({ hostIP: "" })], surroundings())).toEqual([port()]);
  expect(pairsOf(port(), HOST, POD)).toEqual([
    { from: "10.200.0.1", to: "10.201.0.5" },
    { from: "192.0.2.9", to: "10.201.0.5" },
    { from: "fd00:200::1", to: "fd00:201::5" },
  ]);
});

test.each([
  ["192.0.2.9", "192.0.2.9", ["192.0.2.9"]],
  ["0.0.0.0", "0.0.0.0", ["10.200.0.1", "192.0.2.9"]],
  ["::", "::", ["fd00:200::1"]],
  ["FD00:200:0::0001", "fd00:200::1", ["fd00:200::1"]],
])("%s is taken as what it stands for", (hostIP, address, from) => {
  const [one] = hostPortsOf([mapping({ hostIP })], surroundings());
  expect(one?.address).toBe(address);
  expect(pairsOf(one as HostPort, HOST, POD).map((pair) => pair.from)).toEqual(from);
});

test("the same port twice is one, and of two protocols two", () => {
  const mappings = [mapping(), mapping(), mapping({ protocol: "udp" })];
  expect(hostPortsOf(mappings, surroundings())).toEqual([port(), port({ protocol: "udp" })]);
});

test.each<[string, string, Parameters<typeof hostPortsOf>[0], Partial<HostPortSurroundings>]>([
  [
    "sctp",
    "unsupported: runtimeConfig.portMappings.1.protocol: sctp",
    [mapping(), mapping({ protocol: "sctp" })],
    {},
  ],
  [
    "the overlay's port",
    "unsupported: runtimeConfig.portMappings.0.hostPort: 8472",
    [mapping({ hostPort: 8472, protocol: "udp" })],
    {},
  ],
  [
    "an address that isn't the host's",
    "unsupported: runtimeConfig.portMappings.0.hostIP: 203.0.113.1 stands",
    [mapping({ hostIP: "203.0.113.1" })],
    {},
  ],
  [
    "the loopback",
    "unsupported: runtimeConfig.portMappings.0.hostIP: 127.0.0.1 stands",
    [mapping({ hostIP: "127.0.0.1" })],
    {},
  ],
  [
    "a family that the pod hasn't",
    "unsupported: runtimeConfig.portMappings.0.hostIP: :: stands",
    [mapping({ hostIP: "::" })],
    { podAddresses: ["10.201.0.5"] },
  ],
  [
    "a host without an address",
    "unsupported: runtimeConfig.portMappings.0.hostIP: no hostIP stands",
    [mapping()],
    { hostAddresses: ["127.0.0.1"] },
  ],
  [
    "a port to two ports of the pod",
    "port-taken: runtimeConfig.portMappings.1.hostPort: 8080/tcp is there twice",
    [mapping(), mapping({ containerPort: 81 })],
    {},
  ],
  [
    "another pod's port",
    "port-taken: runtimeConfig.portMappings.0.hostPort: 8080/tcp leads to shop/cart-0",
    [mapping()],
    others(port({ podPort: 9 })),
  ],
  [
    "one address of another pod's",
    "port-taken: runtimeConfig.portMappings.0.hostPort: 8080/tcp leads to shop/cart-0",
    [mapping({ hostIP: "192.0.2.9" })],
    others(port({ address: "0.0.0.0" })),
  ],
  [
    "all, where another pod has one",
    "port-taken: runtimeConfig.portMappings.0.hostPort: 8080/tcp leads to shop/cart-0",
    [mapping({ hostIP: "::" })],
    others(port({ address: "fd00:200::1" })),
  ],
])("%s is refused, and said", (_what, said, mappings, at) => {
  expect(refusal(mappings, surroundings(at)).slice(0, said.length)).toBe(said);
});

test.each<[string, HostPort]>([
  ["of another protocol", port({ protocol: "udp" })],
  ["another port", port({ port: 8081 })],
  ["at another address", port({ address: "10.200.0.1" })],
  ["of the other family", port({ address: "::" })],
])("another pod's %s is no hindrance", (_what, other) => {
  const hostIP = "192.0.2.9";
  expect(hostPortsOf([mapping({ hostIP })], surroundings(others(other)))).toHaveLength(1);
});

test("more than the kernel's table holds are refused", () => {
  const full = Array.from({ length: 2047 }, (_, at) => port({ port: 10_000 + at }));
  const at = { ...others(...full), hostAddresses: ["10.200.0.1", "192.0.2.9"] };
  expect(refusal([mapping()], surroundings(at))).toContain('"port":8080');
  expect(refusal([mapping(), mapping({ hostPort: 8081 })], surroundings(at))).toMatch(
    /^unsupported: runtimeConfig.portMappings: with these 4098 ports/,
  );
});
