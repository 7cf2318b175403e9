/** What a lab makes it removes: after down, a signal, a failed up, and after kill -9 with a sweep. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, expect, test } from "vitest";
import { LabProcess, labCli } from "../test/lab-process.ts";
import { leftovers } from "../test/leftovers.ts";
import { Lab } from "./lab.ts";
import { until } from "./subprocess.ts";
import type { PodSpec } from "./topology.ts";

const made: Array<() => Promise<unknown> | unknown> = [];
afterEach(async () => {
  for (const remove of made.splice(0).reverse()) await remove();
});

let count = 0;
function place(): { name: string; stateDirectory: string } {
  const directory = mkdtempSync(path.join(tmpdir(), "lab-"));
  made.push(() => rmSync(directory, { recursive: true, force: true }));
  return { name: `life${process.pid}x${count++}`, stateDirectory: path.join(directory, "state") };
}
async function up(options: { hosts?: number; shop?: boolean; ratePerSecond?: number } = {}) {
  const at = place();
  const lab = await Lab.up({ ...at, ...options });
  made.push(() => lab.down());
  return { lab, ...at };
}
async function startProcess(...flags: string[]) {
  const at = place();
  const lab = new LabProcess(at.name, at.stateDirectory, ...flags);
  made.push(() => lab.remove());
  await lab.untilUp();
  return { lab, ...at };
}
const idle = (name: string, hostNumber = 1): PodSpec => ({
  name,
  namespace: "test",
  hostNumber,
  labels: { app: name },
  containers: [{ name: "main", argv: ["sleep", "infinity"], restart: true }],
});

test("down leaves nothing: namespaces, containers, cgroups, mounts, processes, files", async () => {
  const { lab, name, stateDirectory } = await up({ hosts: 3 });
  await lab.fault("firewall-drop", true);
  await lab.fault("full-queue", true);
  expect(leftovers(name, stateDirectory)).not.toEqual([]);
  await lab.down();
  await lab.down();
  expect(leftovers(name, stateDirectory)).toEqual([]);
});

test("pods come and go, talk to each other, and their programs end with them", async () => {
  const { lab, name, stateDirectory } = await up({ hosts: 2, shop: false });
  const [a, b] = [await lab.addPod(idle("a", 1)), await lab.addPod(idle("b", 2))];
  for (const address of [b.ip4, b.ip6]) {
    expect(await lab.exec("a", ["ping", "-n", "-c", "1", "-W", "2", address])).toMatchObject({ code: 0 });
  }
  expect((await lab.exec("a", ["sh", "-c", "cat; exit 7"], { stdin: "hello" })).stdout).toBe("hello");
  expect((await lab.exec("a", ["sh", "-c", "exit 7"])).code).toBe(7);
  await expect(lab.addPod(idle("a"))).rejects.toThrow("has a pod 'a' already");
  await lab.removePod("a");
  expect(leftovers(name, stateDirectory).filter((left) => left.includes(`pod-a`))).toEqual([]);
  expect(() => lab.pod("a")).toThrow("no pod 'a' in the lab; it has b");
  const again = await lab.addPod(idle("a", 1));
  expect(again.ip4).not.toBe(a.ip4);
  expect(await lab.exec("b", ["ping", "-n", "-c", "1", "-W", "2", again.ip4])).toMatchObject({ code: 0 });
});

test("a pod that can't start leaves nothing, and its name is free again", async () => {
  const { lab, name, stateDirectory } = await up({ hosts: 1, shop: false });
  await lab.addPod(idle("other"));
  const before = leftovers(name, stateDirectory);
  const broken: PodSpec = {
    ...idle("broken"),
    containers: [{ name: "main", argv: ["/no/such"], restart: true }],
  };
  await expect(lab.addPod(broken)).rejects.toThrow(/container main of pod broken doesn't start.*no such/s);
  expect(leftovers(name, stateDirectory)).toEqual(before);
  await lab.addPod(idle("broken"));
});

test("a container that ends by itself comes back", async () => {
  const { lab } = await up({ hosts: 1, shop: false });
  const spec: PodSpec = {
    ...idle("short"),
    containers: [{ name: "main", argv: ["sleep", "0.2"], restart: true }],
  };
  await lab.addPod(spec);
  expect(await until(() => (lab.pod("short").containers[0]?.restarts ?? 0) >= 2, 20_000, 50)).toBe(true);
});

test("a second lab of the same name, or in the same directory, is refused and changes nothing", async () => {
  const { lab, name, stateDirectory } = await up({ hosts: 1, shop: false });
  const elsewhere = place();
  await expect(Lab.up({ name, stateDirectory: elsewhere.stateDirectory })).rejects.toThrow(/is up already/);
  await expect(Lab.up({ name: elsewhere.name, stateDirectory })).rejects.toThrow(/is up already/);
  await lab.addPod(idle("still"));
});

test("a directory with someone else's files is refused and left alone", async () => {
  const { name, stateDirectory } = place();
  mkdirSync(path.join(stateDirectory, "h1"), { recursive: true });
  writeFileSync(path.join(stateDirectory, "h1/theirs"), "precious");
  await expect(Lab.up({ name, stateDirectory, shop: false })).rejects.toThrow(/holds other files/);
  expect(readFileSync(path.join(stateDirectory, "h1/theirs"), "utf8")).toBe("precious");
  expect(leftovers(name, stateDirectory)).toEqual([stateDirectory]);
});

test.each(["SIGTERM", "SIGINT"] as const)("%s takes the foreground lab down", async (signal) => {
  const { lab, name, stateDirectory } = await startProcess();
  await lab.signal(signal);
  expect(lab.child.exitCode).toBe(0);
  expect(leftovers(name, stateDirectory)).toEqual([]);
});

test("a signal while it comes up leaves nothing", async () => {
  const at = place();
  const lab = new LabProcess(at.name, at.stateDirectory, "--hosts", "8");
  made.push(() => lab.remove());
  expect(await until(() => leftovers(at.name, at.stateDirectory).length > 3, 20_000)).toBe(true);
  await lab.signal("SIGTERM");
  expect(leftovers(at.name, at.stateDirectory)).toEqual([]);
});

test("after kill -9, sweep leaves nothing", async () => {
  const { lab, name, stateDirectory } = await startProcess();
  await lab.signal("SIGKILL");
  expect(leftovers(name, stateDirectory)).not.toEqual([]);
  expect(await labCli("sweep", "--state", stateDirectory)).toMatchObject({ code: 0 });
  expect(leftovers(name, stateDirectory)).toEqual([]);
});

test.each([1, 4, 10, 20, 30, 40])(
  "after kill -9 during up, with %i things made, sweep leaves nothing",
  async (things) => {
    const at = place();
    const lab = new LabProcess(at.name, at.stateDirectory, "--hosts", "3");
    made.push(() => lab.remove());
    expect(await until(() => leftovers(at.name, at.stateDirectory).length >= things, 20_000, 1)).toBe(true);
    await lab.signal("SIGKILL");
    expect(await labCli("sweep", "--state", at.stateDirectory, "--name", at.name)).toMatchObject({ code: 0 });
    expect(leftovers(at.name, at.stateDirectory)).toEqual([]);
  },
);

test("after kill -9 and with the state directory lost, sweep by name leaves nothing", async () => {
  const { lab, name, stateDirectory } = await startProcess("--hosts", "1");
  await lab.signal("SIGKILL");
  rmSync(stateDirectory, { recursive: true });
  expect(await labCli("sweep", "--state", stateDirectory, "--name", name)).toMatchObject({ code: 0 });
  expect(leftovers(name, stateDirectory)).toEqual([]);
});

test("after kill -9, the next up starts as if nothing had been", async () => {
  const { lab, name, stateDirectory } = await startProcess("--hosts", "1");
  await lab.signal("SIGKILL");
  const next = await Lab.up({ name, stateDirectory });
  made.push(() => next.down());
  expect(next.status().hosts).toHaveLength(2);
});

test("sweep refuses a lab that is up, and is content with none", async () => {
  const { lab, stateDirectory } = await startProcess("--hosts", "1");
  const refused = await labCli("sweep", "--state", stateDirectory);
  expect(refused).toMatchObject({ code: 1 });
  expect(refused.stderr).toMatch(/is up already/);
  await lab.signal("SIGTERM");
  const nowhere = place();
  const none = await labCli("sweep", "--state", nowhere.stateDirectory, "--name", nowhere.name);
  expect(none).toMatchObject({ code: 0 });
});

test("another process sees the lab and steers it: status, faults, rate, down", async () => {
  const { lab, name, stateDirectory } = await startProcess();
  const state = ["--state", stateDirectory];
  const status = JSON.parse((await labCli("status", ...state, "-o", "json")).stdout);
  expect(status).toMatchObject({ name, pid: lab.child.pid, ratePerSecond: 20 });
  expect(status.hosts[0]).toMatchObject({
    name: "h1",
    netns: `/run/netns/mr-${name}-h1`,
    runcRoot: path.join(stateDirectory, "h1/runc"),
    uplink: { device: "eth0", ip4: "10.200.0.1", ip6: "fd00:200::1" },
  });
  expect((await labCli("fault", "on", "slow-service", ...state)).stdout).toMatch(/^on {3}slow-service/m);
  expect((await labCli("fault", "list", ...state)).stdout).toMatch(/^off {2}refused-port/m);
  expect(await labCli("fault", "on", "gremlins", ...state)).toMatchObject({ code: 1 });
  expect(await labCli("rate", "35", ...state)).toMatchObject({ code: 0, stdout: "35 requests/s\n" });
  expect((await labCli("status", ...state)).stdout).toMatch(/35 requests\/s.*faults on: slow-service/s);
  expect(await labCli("down", ...state)).toMatchObject({ code: 0 });
  expect(leftovers(name, stateDirectory)).toEqual([]);
  expect(await labCli("status", ...state)).toMatchObject({ code: 1 });
});
