// Network configuration by rtnetlink, sysctl and ethtool, in namespaces made here: what was asked for is there, what was
// refused has left nothing, and the kernel's answer is the error.
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import {
  addAddress,
  addRoute,
  createNetkitPair,
  createVethPair,
  deleteAddress,
  deleteLink,
  deleteRoute,
  isSupported,
  links,
  listRoutes,
  type NetkitPair,
  type NetworkLink,
  neighbours,
  netnsNumber,
  type PairIndexes,
  type RouteSettings,
  readSetting,
  replaceRoute,
  setLink,
  setNeighbour,
  setOffload,
  writeSetting,
} from "../lib/native.ts";
import { type Namespace, Testbed } from "./testbed.ts";

const bed = new Testbed("netconfig");
afterAll(() => bed.close());

const NONE = "/run/netns/nt-none";
const MAC_A = "02:00:00:00:00:0a";
const MAC_B = "02:00:00:00:00:0b";

const link = (ns: Namespace, name: string): NetworkLink | undefined =>
  links(ns.path).find((one) => one.name === name);
const names = (ns: Namespace): string[] => links(ns.path).map((one) => one.name);
const code = (value: string) => expect.objectContaining({ name: "BpfError", code: value });

let host: Namespace;
let pod: Namespace;
beforeEach(() => {
  host = bed.namespace();
  pod = bed.namespace();
});

function pair(name = "mr0", peer = "eth0"): PairIndexes {
  return createVethPair({ netns: host.path, name, peer: { netns: pod.path, name: peer } });
}

/** A pair whose ends are up and have 10.1.0.1 and fd00:1::1 (host), 10.1.0.2 and fd00:1::2 (pod). */
function joined(): PairIndexes {
  const ends = pair();
  const sides: [Namespace, number, number][] = [
    [host, ends.ifindex, 1],
    [pod, ends.peerIfindex, 2],
  ];
  for (const [{ path: netns }, ifindex, last] of sides) {
    setLink({ netns, ifindex, up: true });
    addAddress({ netns, ifindex, address: `10.1.0.${last}`, prefix: 24 });
    addAddress({ netns, ifindex, address: `fd00:1::${last}`, prefix: 64, noDad: true });
  }
  return ends;
}

describe("a veth pair", () => {
  test("has both ends where they were wanted, with their addresses, sizes and queues", () => {
    const ends = createVethPair({
      ...{ netns: host.path, name: "mr01234567", mac: MAC_A, mtu: 1450, txQueues: 2 },
      peer: { netns: pod.path, name: "eth0", mac: MAC_B, mtu: 1400 },
    });
    const [mine, other] = [link(host, "mr01234567"), link(pod, "eth0")];
    expect(mine).toMatchObject({
      ...{
        ifindex: ends.ifindex,
        peerIfindex: ends.peerIfindex,
        kind: "veth",
        mac: MAC_A,
        mtu: 1450,
        up: false,
      },
      peerNetnsId: netnsNumber(host.path, pod.path),
    });
    expect(other).toMatchObject({
      ...{ ifindex: ends.peerIfindex, peerIfindex: ends.ifindex, kind: "veth", mac: MAC_B, mtu: 1400 },
    });
    for (const [ns, name] of [[host, "mr01234567"] as const, [pod, "eth0"] as const])
      expect(ns.ip("-d", "link", "show", name)).toContain("numtxqueues 2");
    expect(names(pod)).not.toContain("mr01234567");
  });

  test("carries packets of both families", () => {
    joined();
    host.run("ping", "-q", "-c", "1", "-W", "5", "10.1.0.2");
    host.run("ping", "-q", "-c", "1", "-W", "5", "fd00:1::2");
  });

  test("whose name is taken on either side is EEXIST, and no half of it is left", () => {
    const first = pair("mr0", "eth0");
    const attempts = [
      { name: "mr0", peer: "eth1" },
      { name: "mr1", peer: "eth0" },
    ];
    for (const { name, peer } of attempts) {
      expect(() => pair(name, peer)).toThrow(
        expect.objectContaining({ code: "EEXIST", op: "create_veth", object: name }),
      );
    }
    expect(names(host)).toEqual(["lo", "mr0"]);
    expect(names(pod)).toEqual(["lo", "eth0"]);
    expect(link(host, "mr0")?.ifindex).toBe(first.ifindex);
  });

  test("whose peer the kernel refuses is its errno, and leaves nothing", () => {
    const withPeer = (rest: { mtu?: number; mac?: string }) => () =>
      createVethPair({ netns: host.path, name: "mr0", peer: { netns: pod.path, name: "eth0", ...rest } });
    expect(withPeer({ mtu: 10 })).toThrow(code("EINVAL"));
    expect(withPeer({ mac: "01:00:00:00:00:01" })).toThrow(code("EADDRNOTAVAIL"));
    expect([names(host), names(pod)]).toEqual([["lo"], ["lo"]]);
  });

  test("into a namespace that isn't there is an error of that path, and leaves nothing", () => {
    const gone = expect.objectContaining({ code: "ENOENT", op: "netns_open", object: NONE });
    expect(() =>
      createVethPair({ netns: host.path, name: "mr0", peer: { netns: NONE, name: "eth0" } }),
    ).toThrow(gone);
    expect(() =>
      createVethPair({ netns: NONE, name: "mr0", peer: { netns: pod.path, name: "eth0" } }),
    ).toThrow(gone);
    const file = "/etc/hostname";
    expect(() =>
      createVethPair({ netns: host.path, name: "mr0", peer: { netns: file, name: "eth0" } }),
    ).toThrow(code("EINVAL"));
    expect([names(host), names(pod)]).toEqual([["lo"], ["lo"]]);
  });

  test("goes as a whole, by either end and by name or index; then it is ENODEV", () => {
    const { peerIfindex } = pair();
    deleteLink({ netns: pod.path, ifindex: peerIfindex });
    expect(names(host)).toEqual(["lo"]);
    pair();
    deleteLink({ netns: host.path, name: "mr0" });
    expect(names(pod)).toEqual(["lo"]);
    expect(() => deleteLink({ netns: host.path, name: "mr0" })).toThrow(
      expect.objectContaining({ code: "ENODEV", op: "delete_link", object: "mr0" }),
    );
    expect(() => deleteLink({ netns: host.path, ifindex: 4711 })).toThrow(code("ENODEV"));
  });

  test("made and removed fifty times leaves no descriptor", () => {
    const descriptors = () => readdirSync("/proc/self/fd").length;
    const before = descriptors();
    for (let i = 0; i < 50; i++) {
      pair();
      expect(() => pair()).toThrow(/EEXIST/);
      deleteLink({ netns: host.path, name: "mr0" });
    }
    expect(descriptors()).toBe(before);
  });
});

test("a netkit pair is made in mode L3 where the kernel has netkit, and refused without a trace where it hasn't", () => {
  const wanted: NetkitPair = {
    ...{ netns: host.path, name: "mr0", mtu: 1450, policy: "pass", peerPolicy: "drop" },
    peer: { netns: pod.path, name: "eth0", mtu: 1400 },
  };
  if (isSupported("netkit").supported) {
    const ends = createNetkitPair(wanted);
    expect(link(host, "mr0")).toMatchObject({ kind: "netkit", mtu: 1450, ...ends });
    expect(link(pod, "eth0")).toMatchObject({ kind: "netkit", mtu: 1400, ifindex: ends.peerIfindex });
    expect(() => createNetkitPair(wanted)).toThrow(code("EEXIST"));
  } else {
    expect(() => createNetkitPair(wanted)).toThrow(
      expect.objectContaining({ code: "EOPNOTSUPP", op: "create_netkit", object: "mr0" }),
    );
    expect([names(host), names(pod)]).toEqual([["lo"], ["lo"]]);
  }
});

describe("a link", () => {
  test("is set up and down, to another size, address and alias, by index and by name, also twice", () => {
    const { ifindex } = pair();
    for (const target of [{ ifindex }, { name: "mr0" } as const]) {
      for (let i = 0; i < 2; i++) {
        setLink({ netns: host.path, ...target, up: true, mtu: 1300, mac: MAC_A, alias: "attachment 7" });
        expect(link(host, "mr0")).toMatchObject({ up: true, mtu: 1300, mac: MAC_A, alias: "attachment 7" });
      }
      setLink({ netns: host.path, ...target, up: false, alias: "" });
      expect(link(host, "mr0")).toMatchObject({ ifindex, up: false, mtu: 1300, mac: MAC_A });
      expect(link(host, "mr0")?.alias).toBeUndefined();
    }
  });

  test("keeps what wasn't given", () => {
    const { ifindex } = pair();
    setLink({ netns: host.path, ifindex, up: true, alias: "kept" });
    const before = link(host, "mr0");
    setLink({ netns: host.path, ifindex });
    setLink({ netns: host.path, ifindex, mtu: 1499 });
    expect(link(host, "mr0")).toMatchObject({ mac: before?.mac, up: true, alias: "kept", mtu: 1499 });
  });

  test("that isn't there, or a size it can't have, is the kernel's errno", () => {
    pair();
    expect(() => setLink({ netns: host.path, name: "mr9", up: true })).toThrow(code("ENODEV"));
    expect(() => setLink({ netns: host.path, name: "mr0", mtu: 1 })).toThrow(code("EINVAL"));
    expect(() => setLink({ netns: NONE, name: "mr0", up: true })).toThrow(code("ENOENT"));
  });
});

describe("addresses", () => {
  test("of both families come and go; a second time is nothing, gone is EADDRNOTAVAIL", () => {
    const { peerIfindex: ifindex } = pair();
    const own = { netns: pod.path, ifindex };
    for (let i = 0; i < 2; i++) {
      addAddress({ ...own, address: "10.244.0.5", prefix: 32, scope: 253 });
      addAddress({ ...own, address: "fd00:244::5", prefix: 128, noDad: true });
    }
    expect(link(pod, "eth0")?.addresses).toEqual([
      { address: "10.244.0.5", prefix: 32, family: 4, scope: 253 },
      { address: "fd00:244::5", prefix: 128, family: 6, scope: 0 },
    ]);
    for (const [address, prefix] of [["10.244.0.5", 32] as const, ["fd00:244::5", 128] as const]) {
      deleteAddress({ ...own, address, prefix });
      expect(() => deleteAddress({ ...own, address, prefix })).toThrow(
        expect.objectContaining({ code: "EADDRNOTAVAIL", op: "delete_address" }),
      );
    }
    expect(link(pod, "eth0")?.addresses).toEqual([]);
  });

  test("with noDad are usable at once, with noPrefixRoute bring no route", () => {
    const { ifindex, peerIfindex } = pair();
    setLink({ netns: host.path, ifindex, up: true });
    setLink({ netns: pod.path, ifindex: peerIfindex, up: true });
    const own = { netns: pod.path, ifindex: peerIfindex };
    addAddress({ ...own, address: "10.2.0.1", prefix: 24, noPrefixRoute: true });
    addAddress({ ...own, address: "fd00:2::1", prefix: 64, noPrefixRoute: true, noDad: true });
    addAddress({ ...own, address: "10.3.0.1", prefix: 24 });
    addAddress({ ...own, address: "fd00:3::1", prefix: 64, noDad: true });
    const shown = pod.ip("-6", "address", "show", "dev", "eth0").split("\n");
    expect(shown.find((line) => line.includes("fd00:2::1"))).not.toContain("tentative");
    const destinations = listRoutes({ netns: pod.path }).map((route) => route.destination);
    expect(destinations).toEqual(expect.arrayContaining(["10.3.0.0/24", "fd00:3::/64"]));
    expect(destinations).not.toContain("10.2.0.0/24");
    expect(destinations).not.toContain("fd00:2::/64");
  });

  test("on an interface that isn't there are ENODEV", () => {
    expect(() => addAddress({ netns: pod.path, ifindex: 4711, address: "10.0.0.1", prefix: 32 })).toThrow(
      expect.objectContaining({ code: "ENODEV", object: "10.0.0.1/32 on ifindex 4711" }),
    );
  });
});

describe("routes", () => {
  const OURS = 201;
  const ours = () => listRoutes({ netns: pod.path, protocol: OURS });

  test("a pod's own: default by a gateway that is behind the device, in both families", () => {
    const { peerIfindex: ifindex } = joined();
    const common = { netns: pod.path, ifindex, protocol: OURS } as const;
    addRoute({ ...common, destination: "169.254.1.1/32" });
    addRoute({ ...common, destination: "0.0.0.0/0", via: "169.254.1.1", source: "10.1.0.2", mtu: 1400 });
    addRoute({
      ...common,
      destination: "::/0",
      via: "fe80::1",
      source: "fd00:1::2",
      mtu: 1400,
      onlink: true,
    });
    const rest = { ifindex, table: 254, protocol: OURS };
    expect(ours()).toEqual([
      {
        ...rest,
        destination: "0.0.0.0/0",
        via: "169.254.1.1",
        source: "10.1.0.2",
        mtu: 1400,
        scope: 0,
        onlink: false,
      },
      { ...rest, destination: "169.254.1.1/32", scope: 253, onlink: false },
      {
        ...rest,
        destination: "::/0",
        via: "fe80::1",
        source: "fd00:1::2",
        mtu: 1400,
        scope: 0,
        onlink: true,
      },
    ]);
    expect(pod.ip("route", "show", "default")).toContain("mtu lock 1400");
  });

  test("an IPv4 route may have an IPv6 gateway", () => {
    const { peerIfindex: ifindex } = joined();
    addRoute({ netns: pod.path, destination: "10.8.0.0/16", via: "fe80::1", ifindex, protocol: OURS });
    expect(ours()).toMatchObject([{ destination: "10.8.0.0/16", via: "fe80::1", ifindex }]);
    const backwards = { netns: pod.path, destination: "fd00:8::/64", via: "10.1.0.1", ifindex };
    expect(() => addRoute(backwards)).toThrow(/IPv6 does not support RTA_VIA/);
  });

  test.each([
    ["IPv4", "10.8.0.0/16", "10.1.0.1", "10.1.0.9"],
    ["IPv6", "fd00:8::/64", "fd00:1::1", "fd00:1::9"],
  ])(
    "of %s: adding twice is EEXIST, replacing is not, removing twice is ESRCH",
    (_, destination, via, other) => {
      joined();
      const route: RouteSettings = { netns: pod.path, destination, via, protocol: OURS };
      addRoute(route);
      expect(() => addRoute({ ...route, via: other })).toThrow(
        expect.objectContaining({ code: "EEXIST", op: "add_route", object: destination }),
      );
      expect(ours()).toMatchObject([{ destination, via }]);
      for (let i = 0; i < 2; i++) replaceRoute({ ...route, via: other });
      expect(ours()).toMatchObject([{ destination, via: other }]);
      expect(() => deleteRoute({ netns: pod.path, destination, via })).toThrow(code("ESRCH"));
      expect(() => deleteRoute({ netns: pod.path, destination, protocol: OURS + 1 })).toThrow(code("ESRCH"));
      deleteRoute({ netns: pod.path, destination, protocol: OURS });
      expect(() => deleteRoute({ netns: pod.path, destination })).toThrow(
        expect.objectContaining({ code: "ESRCH", op: "delete_route", object: destination }),
      );
      expect(ours()).toEqual([]);
    },
  );

  test("in a table of their own stay there, and a listing tells them from others'", () => {
    const { peerIfindex: ifindex } = joined();
    const table = 100_001;
    for (const destination of ["10.8.0.0/16", "fd00:8::/64"]) {
      addRoute({ netns: pod.path, destination, ifindex, table, protocol: OURS });
      pod.ip(destination.includes(":") ? "-6" : "-4", "route", "add", destination, "dev", "eth0");
      expect(() => deleteRoute({ netns: pod.path, destination, protocol: OURS })).toThrow(code("ESRCH"));
    }
    expect(ours()).toMatchObject([
      { destination: "10.8.0.0/16", table, protocol: OURS },
      { destination: "fd00:8::/64", table, protocol: OURS },
    ]);
    const both = ["10.8.0.0/16", "fd00:8::/64"];
    const all = listRoutes({ netns: pod.path }).filter((route) => both.includes(route.destination));
    expect(all.map(({ table, protocol }) => [table, protocol]).sort()).toEqual([
      [table, OURS],
      [table, OURS],
      [254, 3],
      [254, 3],
    ]);
    deleteRoute({ netns: pod.path, destination: "10.8.0.0/16", table });
    expect(ours()).toHaveLength(1);
  });

  test("thousands are all listed", () => {
    const { peerIfindex } = joined();
    const lines = Array.from(
      { length: 5000 },
      (_, i) => `route add 10.${i >> 8}.${i & 255}.7/32 dev eth0 proto ${OURS}`,
    );
    execFileSync("nsenter", [`--net=${pod.path}`, "ip", "-batch", "-"], { input: lines.join("\n") });
    expect(ours()).toHaveLength(5000);
    expect(new Set(ours().map((route) => route.destination)).size).toBe(5000);
    expect(ours()[0]?.ifindex).toBe(peerIfindex);
  });

  test("the kernel can't have are its errno and its words", () => {
    joined();
    const to = (destination: string, rest: Partial<RouteSettings>) => () =>
      addRoute({ netns: pod.path, destination, ...rest });
    expect(to("10.8.0.0/16", { via: "192.0.2.1" })).toThrow(/ENETUNREACH.*Nexthop has invalid gateway/);
    expect(to("10.8.0.1/16", { via: "10.1.0.1" })).toThrow(code("EINVAL"));
    expect(to("10.8.0.0/16", { ifindex: 4711 })).toThrow(code("ENODEV"));
    expect(to("10.8.0.0/16", { ifindex: 1, source: "192.0.2.1" })).toThrow(/EINVAL.*Invalid prefsrc address/);
    expect(() => listRoutes({ netns: NONE })).toThrow(code("ENOENT"));
  });
});

describe("neighbours", () => {
  test("set are permanent, in both families, and replaced by the next", () => {
    const { peerIfindex: ifindex } = joined();
    for (const mac of [MAC_A, MAC_B]) {
      setNeighbour({ netns: pod.path, ifindex, address: "169.254.1.1", mac });
      setNeighbour({ netns: pod.path, ifindex, address: "fe80::1", mac });
      const found = neighbours(pod.path, ifindex).filter((one) => one.state === "permanent");
      expect(found).toEqual(
        expect.arrayContaining([
          { address: "169.254.1.1", family: 4, mac, state: "permanent" },
          { address: "fe80::1", family: 6, mac, state: "permanent" },
        ]),
      );
      expect(found).toHaveLength(2);
    }
  });

  test("the kernel has learned or seeks are told with their state, of one interface only", () => {
    const { ifindex } = joined();
    const other = pair("mr1", "eth1");
    setNeighbour({ netns: host.path, ifindex: other.ifindex, address: "10.1.0.77", mac: MAC_A });
    host.run("ping", "-q", "-c", "1", "-W", "5", "10.1.0.2");
    host.run("sh", "-c", "ping -q -c 1 -W 0.05 10.1.0.66 || true");
    const found = neighbours(host.path, ifindex);
    const at = (address: string) => found.find((one) => one.address === address);
    expect(at("10.1.0.2")).toMatchObject({ mac: link(pod, "eth0")?.mac });
    expect(["reachable", "delay", "stale"]).toContain(at("10.1.0.2")?.state);
    expect(["incomplete", "failed"]).toContain(at("10.1.0.66")?.state);
    expect(at("10.1.0.66")?.mac).toBeUndefined();
    expect(at("10.1.0.77")).toBeUndefined();
  });

  test("of an interface that isn't there: none to list, ENODEV to set", () => {
    expect(neighbours(host.path, 4711)).toEqual([]);
    const nowhere = { netns: host.path, ifindex: 4711, address: "10.0.0.1", mac: MAC_A };
    expect(() => setNeighbour(nowhere)).toThrow(code("ENODEV"));
  });
});

describe("settings", () => {
  test("are the namespace's own, and not this process's", () => {
    const mine = readSetting(undefined, "net/ipv4/ip_forward");
    const other = mine === "1" ? "0" : "1";
    writeSetting(pod.path, "net/ipv4/ip_forward", other);
    expect(readSetting(pod.path, "net/ipv4/ip_forward")).toBe(other);
    expect(readSetting(undefined, "net/ipv4/ip_forward")).toBe(mine);
    pair();
    writeSetting(pod.path, "net/ipv6/conf/eth0/disable_ipv6", "1");
    expect(readSetting(pod.path, "net/ipv6/conf/eth0/disable_ipv6")).toBe("1");
  });

  test("that aren't there or take no such value are the kernel's errno", () => {
    expect(() => readSetting(pod.path, "net/ipv4/conf/nt9/forwarding")).toThrow(
      expect.objectContaining({ code: "ENOENT", op: "read_setting", object: "net/ipv4/conf/nt9/forwarding" }),
    );
    expect(() => writeSetting(pod.path, "net/ipv4/ip_forward", "yes")).toThrow(
      expect.objectContaining({ code: "EINVAL", op: "write_setting" }),
    );
    expect(() => readSetting(pod.path, "net/ipv4")).toThrow(code("EISDIR"));
    expect(() => readSetting(NONE, "net/ipv4/ip_forward")).toThrow(code("ENOENT"));
  });
});

describe("offloads", () => {
  const features = () =>
    Object.fromEntries(
      pod
        .run("ethtool", "-k", "eth0")
        .split("\n")
        .map((line) => line.trim().split(": ") as [string, string]),
    );

  test("are switched one by one, and what isn't given stays", () => {
    pair();
    setOffload(pod.path, "eth0", { txChecksum: true, tso: true, txUdpSegmentation: true, gro: true });
    expect(features()).toMatchObject({
      ...{ "tx-checksumming": "on", "tcp-segmentation-offload": "on" },
      ...{ "tx-udp-segmentation": "on", "generic-receive-offload": "on" },
    });
    for (let i = 0; i < 2; i++) setOffload(pod.path, "eth0", { txUdpSegmentation: false, gro: false });
    expect(features()).toMatchObject({
      ...{ "tx-checksumming": "on", "tcp-segmentation-offload": "on" },
      ...{ "tx-udp-segmentation": "off", "generic-receive-offload": "off" },
    });
    setOffload(pod.path, "eth0", { txChecksum: false, tso: false });
    expect(features()).toMatchObject({
      "tx-checksumming": "off",
      "tcp-segmentation-offload": "off",
    });
  });

  test("a device hasn't are EOPNOTSUPP, a device that isn't there is ENODEV", () => {
    expect(() => setOffload(pod.path, "lo", { txChecksum: false })).toThrow(
      expect.objectContaining({ code: "EOPNOTSUPP", op: "set_offload", object: "lo" }),
    );
    for (const offload of [{ gro: true }, { txUdpSegmentation: true }])
      expect(() => setOffload(pod.path, "mr9", offload)).toThrow(code("ENODEV"));
  });
});
