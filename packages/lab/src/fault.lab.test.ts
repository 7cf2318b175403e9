/** Each fault breaks what its table row says, where the kernel counts it, and is gone when switched off. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { protocolCounters, rises } from "../test/counters.ts";
import { FAULT_NAMES } from "./fault.ts";
import { Lab } from "./lab.ts";
import { until } from "./subprocess.ts";

const directory = mkdtempSync(path.join(tmpdir(), "lab-"));
let lab: Lab;
beforeAll(async () => {
  lab = await Lab.up({
    stateDirectory: path.join(directory, "state"),
    name: `fault${process.pid}`,
    ratePerSecond: 40,
  });
});
afterAll(async () => {
  await lab?.down();
  rmSync(directory, { recursive: true, force: true });
});
afterEach(async () => {
  for (const name of FAULT_NAMES) await lab.fault(name, false);
});

const report = (pod: string, name: string) => lab.pod(pod).containers[0]?.report[name] ?? 0;
const isOn = (name: string) => lab.status().faults.find((fault) => fault.name === name)?.on;
const ordersWorkAgain = async () => {
  const answered = async () => report("checkout", "ok");
  await rises("checkout's answers", await answered(), answered);
};

test("refused-port: the kernel answers connections to payments with resets", async () => {
  const resets = async () => (await protocolCounters(lab, lab.pod("payments")))["Tcp.OutRsts"] ?? 0;
  await lab.fault("refused-port", true);
  await rises("resets sent by payments", await resets(), resets);
  await rises("checkout's failures", report("checkout", "failed"), async () => report("checkout", "failed"));
  await lab.fault("refused-port", false);
  await ordersWorkAgain();
});

const nftRules = async (pod: string): Promise<string> =>
  (await lab.execInNetns(lab.pod(pod), ["nft", "list", "ruleset"])).stdout;
const nftDropped = async (pod: string): Promise<number> =>
  [...(await nftRules(pod)).matchAll(/counter packets (\d+)/g)].reduce(
    (sum, [, packets]) => sum + Number(packets),
    0,
  );

test("firewall-drop: the rule in payments counts packets", async () => {
  await lab.fault("firewall-drop", true);
  await rises("packets dropped by the rule", 0, () => nftDropped("payments"));
  await lab.fault("firewall-drop", false);
  expect(await nftRules("payments")).not.toContain("lab_fault");
  await ordersWorkAgain();
});

test("full-queue: web's queue counts drops, and its sockets retransmit", async () => {
  const queue = async () => {
    const { stdout } = await lab.execInNetns(lab.pod("web"), [
      "tc",
      "-s",
      "-j",
      "qdisc",
      "show",
      "dev",
      "eth0",
    ]);
    return JSON.parse(stdout)[0] as { kind: string; drops: number };
  };
  const retransmits = async () => (await protocolCounters(lab, lab.pod("web")))["Tcp.RetransSegs"] ?? 0;
  const before = await retransmits();
  await lab.fault("full-queue", true);
  await rises("drops of web's queue", 0, async () => (await queue()).drops);
  await rises("web's retransmits", before, retransmits);
  await lab.fault("full-queue", false);
  expect((await queue()).kind).not.toBe("tbf");
});

test("slow-service: orders take the delay, and still succeed", async () => {
  await lab.fault("slow-service", true);
  await rises("milliseconds of an order", 399, async () => report("shopper", "last_order_ms"));
  await ordersWorkAgain();
});

test("crash-loop: cart comes back under a new container id in the same pod", async () => {
  const before = lab.pod("cart");
  await lab.fault("crash-loop", true);
  const replaced = () => {
    const now = lab.pod("cart").containers[0];
    return now !== undefined && now.pid > 0 && now.id !== before.containers[0]?.id;
  };
  expect(await until(replaced, 15_000, 50)).toBe(true);
  await rises("cart's restarts", 1, async () => lab.pod("cart").containers[0]?.restarts ?? 0);
  expect(lab.pod("cart")).toMatchObject({ netns: before.netns, ip4: before.ip4, ip6: before.ip6 });
});

test("a fault switched twice is switched once, and status tells", async () => {
  for (const name of FAULT_NAMES) {
    await lab.fault(name, true);
    await lab.fault(name, true);
    expect(isOn(name)).toBe(true);
    await lab.fault(name, false);
    await lab.fault(name, false);
    expect(isOn(name)).toBe(false);
  }
});

test("an unknown fault is named, with those there are", async () => {
  await expect(lab.fault("gremlins", true)).rejects.toThrow(/no fault 'gremlins'; there are refused-port, /);
});
