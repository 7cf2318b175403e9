/** The shop's traffic is real: every kind of it is seen by the kernel's own counters, not by the shop's word. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { devicePackets, protocolCounters, rises } from "../test/counters.ts";
import { Lab } from "./lab.ts";
import { until } from "./subprocess.ts";

const directory = mkdtempSync(path.join(tmpdir(), "lab-"));
let lab: Lab;
beforeAll(async () => {
  lab = await Lab.up({
    stateDirectory: path.join(directory, "state"),
    name: `traffic${process.pid}`,
    ratePerSecond: 40,
  });
});
afterAll(async () => {
  await lab?.down();
  rmSync(directory, { recursive: true, force: true });
});

const at = (pod: string) => lab.pod(pod);
const counter = (pod: string, name: string) => async () =>
  (await protocolCounters(lab, at(pod)))[name] ?? Number.NaN;
const moreOf = async (pod: string, name: string) => {
  const read = counter(pod, name);
  await rises(`${pod}'s ${name}`, await read(), read);
};

describe("the shop", () => {
  test.each(["web", "checkout", "payments", "cart", "redis", "dns", "batch", "shopper"])(
    "pod %s has packets on its own interface",
    async (pod) => {
      const read = () => devicePackets(lab, at(pod));
      await rises(`packets of ${pod}`, await read(), read);
    },
  );

  test("its requests are answered", async () => {
    const answered = async () => at("shopper").containers[0]?.report.ok ?? 0;
    await rises("the shopper's answers", await answered(), answered);
    expect(at("shopper").containers[0]?.report.failed ?? 0).toBe(0);
  });

  test.each([
    ["web", "Tcp.PassiveOpens"],
    ["payments", "Tcp.PassiveOpens"],
    ["redis", "Tcp.PassiveOpens"],
    ["dns", "Udp.InDatagrams"],
    ["dns", "Udp6InDatagrams"],
    ["dns", "Icmp.InEchos"],
    ["redis", "Icmp.InEchos"],
    ["web", "Icmp6InEchos"],
  ])("pod %s counts %s", async (pod, name) => {
    await moreOf(pod, name);
  });

  test("checkout is reached over IPv6 by web", async () => {
    const read = counter("checkout", "Ip6InOctets");
    await rises("IPv6 bytes into checkout", await read(), read);
  });

  test("traffic crosses the underlay between hosts, and bridges within one", async () => {
    const [h1, h2] = [lab.host(1), lab.host(2)];
    expect(h1.pods.map((pod) => pod.name)).toEqual(expect.arrayContaining(["web", "cart", "shopper"]));
    expect(h2.pods.map((pod) => pod.name)).toEqual(expect.arrayContaining(["checkout", "redis"]));
    for (const host of [h1, h2]) {
      const read = () => devicePackets(lab, host, host.uplink.device);
      await rises(`uplink of ${host.name}`, await read(), read);
    }
  });

  test("nothing of the lab is on an interface of this machine's own namespace", async () => {
    const { stdout } = await lab.execInNetns({ netns: "/proc/self/ns/net" }, ["ip", "-o", "address"]);
    expect(stdout).not.toMatch(/10\.20[01]\.|fd00:20[01]:/);
  });

  test("the rate follows what it is set to", async () => {
    const rate = () => at("shopper").containers[0]?.report.rate_per_second;
    for (const ratePerSecond of [0, 200]) {
      await lab.setRate(ratePerSecond);
      expect(await until(() => rate() === ratePerSecond, 10_000, 50)).toBe(true);
    }
    const answered = async () => at("shopper").containers[0]?.report.ok ?? 0;
    await rises("answers at the new rate", await answered(), answered);
  });
});

describe("a pod's containers", () => {
  test("share the network namespace and differ in cgroup and process", async () => {
    const [checkout, ledger] = at("checkout").containers;
    expect([checkout?.name, ledger?.name]).toEqual(["checkout", "ledger"]);
    const netns = async (container: string) =>
      (await lab.exec("checkout", ["readlink", "/proc/self/ns/net"], { container })).stdout;
    expect(await netns("checkout")).toBe(await netns("ledger"));
    expect(checkout?.cgroupId).not.toBe(ledger?.cgroupId);
    expect(checkout?.cgroupId).toBeGreaterThan(0);
  });

  test("are in the cgroup v2 hierarchy, as are programs run inside them", async () => {
    const container = at("web").containers[0];
    const { stdout } = await lab.exec("web", ["cat", "/proc/self/cgroup", "/proc/1/cgroup"]);
    const unified = stdout.split("\n").filter((line) => line.startsWith("0::"));
    expect(unified).toEqual([`0::${container?.cgroup}`, `0::${container?.cgroup}`]);
  });

  test("carry a runtime interface's annotations, in the runc root of their host alone", async () => {
    const id = at("web").containers[0]?.id ?? "";
    const state = async (host: number) =>
      await lab.execInNetns(lab.host(host), ["runc", "--root", lab.host(host).runcRoot, "state", id]);
    expect(JSON.parse((await state(1)).stdout).annotations).toMatchObject({
      "io.kubernetes.cri.container-type": "container",
      "io.kubernetes.cri.sandbox-name": "web",
      "io.kubernetes.cri.sandbox-namespace": "shop",
      "io.kubernetes.cri.container-name": "web",
      "millrace.io/labels": '{"app":"web","tier":"frontend"}',
    });
    expect((await state(2)).code).not.toBe(0);
  });
});
