// What is read from and watched in network namespaces, with real devices and traffic; the calls to the kernel as a whole.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  clock,
  type LinkEvent,
  links,
  listMaps,
  mountBpffs,
  netnsCookie,
  netnsId,
  netnsNumber,
  type ProcessEvent,
  rcuBarrier,
  watchLinks,
  watchLinksEverywhere,
  watchProcesses,
} from "../lib/native.ts";
import { eventually } from "./fixture.ts";
import { type Namespace, Testbed } from "./testbed.ts";

const bed = new Testbed("netlink");
afterAll(() => bed.close());

let a: Namespace;
let b: Namespace;
beforeAll(() => {
  [a, b] = bed.pair();
});

describe("a namespace's identity", () => {
  test("cookies differ between namespaces and agree between paths to one", () => {
    const cookies = [netnsCookie(), netnsCookie(a.path), netnsCookie(b.path)];
    expect(new Set(cookies).size).toBe(3);
    expect(netnsCookie(a.path)).toBe(cookies[1]);
    expect(netnsCookie("/proc/self/ns/net")).toBe(cookies[0]);
  });

  test("a namespace made in the place of a removed one has another cookie", () => {
    const name = `nt-cookie-${process.pid}`;
    const cookies = [1, 2].map(() => {
      execFileSync("ip", ["netns", "add", name]);
      const cookie = netnsCookie(`/run/netns/${name}`);
      execFileSync("ip", ["netns", "del", name]);
      return cookie;
    });
    expect(cookies[0]).not.toBe(cookies[1]);
  });

  test("ids are equal for the same namespace and differ for others", () => {
    expect(netnsId("/proc/self/ns/net")).toEqual(netnsId(`/proc/${process.pid}/ns/net`));
    expect(netnsId(a.path)).not.toEqual(netnsId(b.path));
  });

  test("the main thread stays in its own namespace, also when the other one fails", () => {
    const before = netnsId("/proc/thread-self/ns/net");
    links(a.path);
    expect(() => links("/run/netns/nt-none")).toThrow(
      expect.objectContaining({ code: "ENOENT", op: "netns_open" }),
    );
    expect(() => links("/etc/hostname")).toThrow(expect.objectContaining({ code: "EINVAL", op: "setns" }));
    expect(netnsId("/proc/thread-self/ns/net")).toEqual(before);
  });
});

describe("interfaces", () => {
  test("a veth has its kind, its peer and both families' addresses", () => {
    a.ip("address", "add", "fd00:9::1/64", "dev", "eth0", "nodad");
    const [mine, peer] = [a, b].map((ns) => links(ns.path).find((l) => l.name === "eth0"));
    expect(mine).toMatchObject({
      kind: "veth",
      up: true,
      loopback: false,
      mtu: 1500,
      peerIfindex: peer?.ifindex,
    });
    expect(mine?.mac).toMatch(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/);
    expect(mine?.peerNetnsId).toBeGreaterThanOrEqual(0);
    expect(mine?.addresses).toContainEqual({ address: "10.9.0.1", prefix: 24, family: 4, scope: 0 });
    expect(mine?.addresses).toContainEqual({ address: "fd00:9::1", prefix: 64, family: 6, scope: 0 });
  });

  test("loopback is marked", () => {
    expect(links(a.path).find((l) => l.loopback)).toMatchObject({
      name: "lo",
      kind: "",
      addresses: [{ address: "127.0.0.1" }, {}],
    });
  });

  test("macvlan, bridge and a device that is down are told apart", () => {
    const ns = bed.namespace();
    ns.ip("link", "add", "br0", "type", "bridge");
    ns.ip("link", "add", "mv0", "link", "br0", "type", "macvlan");
    const [bridge, macvlan] = ["br0", "mv0"].map((name) => links(ns.path).find((l) => l.name === name));
    expect(bridge).toMatchObject({ kind: "bridge", up: false });
    expect(macvlan).toMatchObject({ kind: "macvlan", peerIfindex: bridge?.ifindex });
    expect(macvlan?.peerNetnsId).toBeUndefined();
  });

  test("counters move with the traffic", () => {
    const sent = () => links(a.path).find((l) => l.name === "eth0")?.stats64.tx_packets ?? 0n;
    const before = sent();
    a.run("ping", "-q", "-c", "5", "-i", "0.01", "10.9.0.2");
    expect(sent() - before).toBeGreaterThanOrEqual(5n);
  });

  test("hundreds of interfaces are all listed", () => {
    const ns = bed.namespace();
    const lines = Array.from({ length: 200 }, (_, i) => `link add v${i} type veth peer name w${i}`);
    execFileSync("nsenter", [`--net=${ns.path}`, "ip", "-batch", "-"], { input: lines.join("\n") });
    expect(links(ns.path)).toHaveLength(401);
  });
});

describe("watching", () => {
  test("interfaces and addresses are told as they come and go, each namespace to its own watch", async () => {
    const [one, two] = [bed.namespace(), bed.namespace()];
    const events: Record<"one" | "two", LinkEvent[]> = { one: [], two: [] };
    const watches = [
      watchLinks(one.path, (e) => events.one.push(e)),
      watchLinks(two.path, (e) => events.two.push(e)),
    ];
    one.ip("link", "add", "br0", "type", "bridge");
    one.ip("address", "add", "10.1.1.1/24", "dev", "br0");
    two.ip("link", "add", "br1", "type", "bridge");
    one.ip("link", "del", "br0");
    const has = (list: LinkEvent[], want: Partial<LinkEvent>) =>
      list.some((e) => Object.entries(want).every(([k, v]) => e[k as keyof LinkEvent] === v));
    await eventually("new link", () => has(events.one, { kind: "link", op: "new", name: "br0" }));
    await eventually("new address", () => has(events.one, { kind: "addr", op: "new" }));
    await eventually("deleted link", () => has(events.one, { kind: "link", op: "del", name: "br0" }));
    await eventually("the other's", () => has(events.two, { kind: "link", op: "new", name: "br1" }));
    expect(has(events.one, { name: "br1" }) || has(events.two, { name: "br0" })).toBe(false);
    for (const watch of watches) watch.close();
  });

  test("after close nothing is told, and closing twice is nothing", async () => {
    const [closed, open] = [bed.namespace(), bed.namespace()];
    const got: string[] = [];
    const first = watchLinks(closed.path, () => got.push("closed"));
    const second = watchLinks(open.path, () => got.push("open"));
    closed.ip("link", "add", "br0", "type", "bridge");
    first.close();
    first.close();
    closed.ip("link", "add", "br1", "type", "bridge");
    open.ip("link", "add", "br0", "type", "bridge");
    await eventually("the open one", () => got.includes("open"));
    expect(got).not.toContain("closed");
    second.close();
  });

  test("events that JavaScript was too slow for become an overrun", async () => {
    const ns = bed.namespace();
    const events: LinkEvent[] = [];
    const watch = watchLinks(ns.path, (e) => events.push(e));
    // The loop stands still meanwhile: each change is one hand-over, and only so many may wait.
    const lines = Array.from({ length: 2000 }, (_, i) => `link set lo mtu ${1500 + (i % 2)}`);
    execFileSync("nsenter", [`--net=${ns.path}`, "ip", "-batch", "-"], { input: lines.join("\n") });
    await eventually("the overrun", () => events.some((e) => e.kind === "overrun"));
    watch.close();
  });

  test("a namespace that can't be entered is an error, and leaves other watches alone", async () => {
    const ns = bed.namespace();
    const events: LinkEvent[] = [];
    expect(() => watchLinks("/run/netns/nt-none", () => {})).toThrow(/ENOENT/);
    const watch = watchLinks(ns.path, (e) => events.push(e));
    expect(() => watchLinks("/run/netns/nt-none", () => {})).toThrow(/ENOENT/);
    ns.ip("link", "add", "br0", "type", "bridge");
    await eventually("an event", () => events.length > 0);
    watch.close();
  });

  test("a namespace hears of those it has a number for, and of no others", async () => {
    const [host, known, stranger] = [bed.namespace(), bed.namespace(), bed.namespace()];
    const number = netnsNumber(host.path, known.path);
    expect(number).toBeGreaterThanOrEqual(0);
    expect(netnsNumber(host.path, known.path)).toBe(number);
    const events: LinkEvent[] = [];
    const watch = watchLinksEverywhere(host.path, (event) => events.push(event));
    stranger.ip("link", "add", "br2", "type", "bridge");
    known.ip("link", "add", "br1", "type", "bridge");
    known.ip("address", "add", "10.1.1.1/24", "dev", "br1");
    host.ip("link", "add", "br0", "type", "bridge");
    await eventually("the host's own", () => events.some(({ name }) => name === "br0"));
    expect(events.find(({ name }) => name === "br0")?.netns).toBeUndefined();
    expect(events.find(({ name }) => name === "br1")?.netns).toBe(number);
    expect(events.find(({ kind }) => kind === "addr")?.netns).toBe(number);
    expect(events.some(({ name }) => name === "br2")).toBe(false);
    watch.close();
  });

  test("hearing of a namespace doesn't keep it: its devices go with it", async () => {
    const host = bed.namespace();
    const name = `nt-gone-${process.pid}`;
    execFileSync("ip", ["netns", "add", name]);
    const watch = watchLinksEverywhere(host.path, () => {});
    try {
      netnsNumber(host.path, `/run/netns/${name}`);
      host.ip("link", "add", "kept0", "type", "veth", "peer", "name", "eth0", "netns", name);
    } finally {
      execFileSync("ip", ["netns", "del", name]);
    }
    await eventually("the pair is gone", () => !links(host.path).some((link) => link.name === "kept0"));
    watch.close();
  });

  test("a process is told when it is forked, executed and gone", async () => {
    const events: ProcessEvent[] = [];
    const watch = watchProcesses((e) => events.push(e));
    const { pid } = spawnSync("true");
    await eventually("its exit", () => events.some((e) => e.pid === pid && e.op === "exit"));
    expect(events.filter((e) => e.pid === pid).map((e) => e.op)).toEqual(["fork", "exec", "exit"]);
    watch.close();
  });
});

describe("the kernel as a whole", () => {
  test("clocks are nanoseconds, and the boot clock is never behind the monotonic one", () => {
    const first = clock();
    const second = clock();
    expect(second.monotonicNs).toBeGreaterThanOrEqual(first.monotonicNs);
    expect(first.bootNs + 1_000_000n).toBeGreaterThanOrEqual(first.monotonicNs);
    expect(Math.abs(Number(first.realtimeNs / 1_000_000n) - Date.now())).toBeLessThan(10_000);
  });

  test("a grace period ends, and leaves no map behind", async () => {
    for (let i = 0; i < 3; i++) rcuBarrier();
    await eventually("no barrier map is left", () => !listMaps().some((m) => m.name.startsWith("barrier_")));
  });

  test("a bpffs is mounted once", () => {
    const folder = join(mkdtempSync(join(tmpdir(), "nt-bpffs-")), "deep");
    mountBpffs(folder);
    mountBpffs(folder);
    execFileSync("umount", [folder]);
    expect(() => execFileSync("umount", [folder], { stdio: "ignore" })).toThrow();
    rmdirSync(folder);
    rmdirSync(join(folder, ".."));
  });
});
