import { SERVICE_LIMITS } from "@millrace/contract/service";
import { expect, test } from "vitest";
import { backendsOf, type Selected } from "./backends.ts";

const pod = (last: number, labels: Record<string, string> = {}): Selected => ({
  ...{ address4: `10.201.0.${last}`, address6: last % 2 ? `fd00:201::${last}` : null },
  labels,
});
const port = (over: object = {}) => ({ name: "", protocol: 6 as const, port: 80, target: 8080, ...over });
const slice = (addresses: string[], over: object = {}) => ({
  ...{ service: "web", family: 4 as const, weight: 5 },
  ports: [{ name: "", protocol: 6 as const, port: 9090 }],
  endpoints: addresses.map((address) => ({ address, state: "draining" as const })),
  ...over,
});
const texts = ({ ports }: ReturnType<typeof backendsOf>) =>
  ports.map(({ port, backends }) => [port, ...backends.map((one) => `${one.address} ${one.port}`)]);

test("backends are of the address's family, in the order of addresses as numbers", () => {
  const pods = [pod(10), pod(9), pod(111)];
  expect(texts(backendsOf({ ports: [port()] }, 4, pods, []))).toEqual([
    [80, "10.201.0.9 8080", "10.201.0.10 8080", "10.201.0.111 8080"],
  ]);
  expect(texts(backendsOf({ ports: [port()] }, 6, pods, []))).toEqual([
    [80, "fd00:201::9 8080", "fd00:201::111 8080"],
  ]);
});

test("a port by name is what each pod calls so, with that protocol", () => {
  const pods = [
    pod(1, { "port.millrace.io/http": "8081" }),
    pod(2, { "port.millrace.io/http": "8082" }),
    pod(3, { "port.millrace.io/http": "8083-UDP" }),
    pod(4),
  ];
  expect(texts(backendsOf({ ports: [port({ target: "http" })] }, 4, pods, []))).toEqual([
    [80, "10.201.0.1 8081", "10.201.0.2 8082"],
  ]);
});

test("a pod's weight is its label's, if that is one", () => {
  const pods = [
    pod(1),
    pod(2, { "millrace.io/weight": "7" }),
    pod(3, { "millrace.io/weight": "0" }),
    pod(4, { "millrace.io/weight": "1001" }),
  ];
  const [only] = backendsOf({ ports: [port()] }, 4, pods, []).ports;
  expect(only?.backends.map((one) => [one.weight, one.state])).toEqual([
    [100, "ready"],
    [7, "ready"],
    [100, "ready"],
    [100, "ready"],
  ]);
});

test("slices say ports by the name of the service's, and what they say of an endpoint goes before its labels", () => {
  const ports = [port({ name: "a" }), port({ name: "b", port: 81, protocol: 17 as const })];
  const told = [
    slice(["10.201.0.1", "10.201.0.2"], { ports: [{ name: "a", protocol: 6, port: 8080 }] }),
    slice(["10.201.0.3"], { ports: [{ name: "b", protocol: 6, port: 8080 }] }),
    slice(["10.201.0.4"], { ports: [{ name: "b", protocol: 17, port: 53 }] }),
    slice(["fd00:201::1"], { family: 6, ports: [{ name: "a", protocol: 6, port: 8080 }] }),
  ];
  const { ports: said } = backendsOf({ ports }, 4, [pod(1)], told);
  expect(said.map(({ name, backends }) => [name, backends])).toEqual([
    [
      "a",
      [
        { address: "10.201.0.1", port: 8080, weight: 5, state: "draining" },
        { address: "10.201.0.2", port: 8080, weight: 5, state: "draining" },
      ],
    ],
    [
      "b",
      [
        { address: "10.201.0.4", port: 53, weight: 5, state: "draining" },
        { address: "10.201.0.1", port: 8080, weight: 100, state: "ready" },
      ].sort((one, other) => (one.address < other.address ? -1 : 1)),
    ],
  ]);
});

test("what is too much for an answer is left out and counted, the same on every host", () => {
  const addresses = Array.from(
    { length: SERVICE_LIMITS.backends },
    (_, i) => `10.201.${Math.floor(i / 256)}.${i % 256}`,
  );
  const ports = [port({ name: "a" }), port({ name: "b", port: 81 })];
  const told = ["a", "b"].map((name) =>
    slice(addresses.slice(0, name === "a" ? 2000 : 100), { ports: [{ name, protocol: 6, port: 1 }] }),
  );
  const { ports: said, leftOut } = backendsOf({ ports }, 4, [], told);
  expect([said.map((one) => one.backends.length), leftOut]).toEqual([[2000, 48], 52]);
});
