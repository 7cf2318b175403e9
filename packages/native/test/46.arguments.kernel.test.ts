// What network configuration and the tun device refuse before the kernel is asked: nothing here makes or changes anything.
import { describe, expect, test } from "vitest";
import {
  addAddress,
  addRoute,
  createNetkitPair,
  createVethPair,
  deleteAddress,
  deleteLink,
  deleteRoute,
  listRoutes,
  neighbours,
  readSetting,
  setLink,
  setNeighbour,
  setOffload,
  TunDevice,
  writeSetting,
} from "../lib/native.ts";

const MAC = "02:00:00:00:00:0a";
const peer = { netns: "/proc/self/ns/net", name: "eth0" };
const at = { ifindex: 1, address: "10.0.0.1", prefix: 32 };
const tun = { name: "punt0", mtu: 1500, queueLength: 10 };
const openTun = (options: object) => TunDevice.open({ ...tun, ...options }, () => {});

describe("an argument of the wrong kind is named, with what was expected", () => {
  test.each<[message: string, call: () => unknown]>([
    [
      "createVethPair peer name: expected an interface",
      () => createVethPair({ name: "mr0", peer: { ...peer, name: "eth%d" } }),
    ],
    ["createVethPair name: expected an interface", () => createVethPair({ name: "sixteen-letters-", peer })],
    ["name: expected an interface", () => createVethPair({ name: "a/b", peer })],
    ["mac: expected a link address", () => createVethPair({ name: "mr0", mac: "02-00-00-00-00-01", peer })],
    ["mtu: expected 1 to", () => createVethPair({ name: "mr0", mtu: 0, peer })],
    ["txQueues: expected an integer", () => createVethPair({ name: "mr0", txQueues: 1.5, peer })],
    ["createVethPair peer: expected options", () => createVethPair({ name: "mr0" } as never)],
    ["peer netns: expected a string", () => createVethPair({ name: "mr0", peer: { name: "eth0" } } as never)],
    ["did you mean 'netns'", () => createVethPair({ name: "mr0", peer: { ...peer, nets: "" } } as never)],
    ["createVethPair: expected options", () => createVethPair(undefined as never)],
    ["unknown option 'mac'", () => createNetkitPair({ name: "mr0", mac: MAC, peer } as never)],
    ["policy: expected pass | drop", () => createNetkitPair({ name: "mr0", policy: "next", peer } as never)],
    ["setLink: expected either ifindex or name", () => setLink({ up: true } as never)],
    ["setLink: expected either ifindex or name", () => setLink({ ifindex: 1, name: "lo" } as never)],
    ["alias: expected at most 255 bytes", () => setLink({ ifindex: 1, alias: "x".repeat(256) })],
    ["ifindex: expected 1 to", () => deleteLink({ ifindex: 0 })],
    ["address: expected an IP address", () => addAddress({ ...at, address: "10.0.0.256" })],
    ["address: expected an IP address", () => addAddress({ ...at, address: "fe80::1%lo" })],
    ["prefix: expected 0 to 32", () => addAddress({ ...at, prefix: 33 })],
    ["unknown option 'noDad'", () => deleteAddress({ ...at, noDad: true } as never)],
    ["destination: expected a prefix", () => addRoute({ destination: "10.0.0.1" })],
    ["destination: expected a prefix", () => addRoute({ destination: "default" })],
    ["destination: expected 0 to 32", () => addRoute({ destination: "10.0.0.0/33" })],
    ["destination: expected 0 to 128", () => addRoute({ destination: "fd00::/129" })],
    ["destination: expected an IP address", () => addRoute({ destination: "x/8" })],
    ["protocol: expected 1 to 255", () => addRoute({ destination: "10.0.0.0/8", protocol: 0 })],
    ["unknown option 'mtu'", () => deleteRoute({ destination: "10.0.0.0/8", mtu: 1400 } as never)],
    ["setNeighbour: unknown option 'prefix'", () => setNeighbour({ ...at, mac: "" } as never)],
    ["ifindex: expected an integer", () => neighbours(undefined, 1.5)],
    ["value: expected a string", () => writeSetting(undefined, "net/ipv4/ip_forward", 1 as never)],
    ["unknown option 'lro'", () => setOffload(undefined, "lo", { lro: true } as never)],
    ["gro: expected a boolean", () => setOffload(undefined, "lo", { gro: 1 } as never)],
    ["listRoutes protocol: expected 1 to 255", () => listRoutes({ protocol: 256 })],
    ["setOffload: expected options", () => setOffload(undefined, "lo", undefined as never)],
    ["TunDevice.open name: expected an interface's name", () => openTun({ name: "tun%d" })],
    ["mtu: expected 68 to 65535", () => openTun({ mtu: 67 })],
    ["queueLength: expected 1 to", () => openTun({ queueLength: 0 })],
    ["queueLength: expected an integer", () => openTun({ queueLength: undefined })],
    ["did you mean 'netns'", () => openTun({ netsn: "" })],
    ["onBatch: expected a function", () => TunDevice.open(tun, null as never)],
  ])("%s", (message, call) => {
    expect(call).toThrow(message);
    expect(call).not.toThrow(expect.objectContaining({ name: "BpfError" }));
  });

  test.each([
    "kernel/hostname",
    "net",
    "net/",
    "/net/ipv4/ip_forward",
    "net/../kernel/hostname",
    "net/ipv4/./ip_forward",
  ])("%s is no setting of a network, and is neither read nor written", (name) => {
    expect(() => readSetting(undefined, name)).toThrow(RangeError);
    expect(() => writeSetting(undefined, name, "1")).toThrow(RangeError);
  });
});
