import type {
  NodePortAnswer,
  ResolvedService,
  ServiceAnswer,
  ServiceResolveInput,
  ServiceResolveOutput,
} from "@millrace/contract/service";
import { expect, test } from "vitest";
import type { Answer } from "../connection/client.ts";
import { FakeServices } from "../dataplane/fake-services.ts";
import { temporaryDirectory } from "../testing/temporary.ts";
import { nodePortAddress } from "./node-port.ts";
import { ServiceFile } from "./service-file.ts";
import { Services } from "./services.ts";

const CART = { address: "10.96.0.1", port: 80, protocol: 6 };
const RANGES = ["10.96.0.0/16"];
const cart = (...backends: string[]): ResolvedService => ({
  ...{ namespace: "shop", name: "cart", addresses: [CART.address], affinitySeconds: null, leftOut: 0 },
  ports: [
    {
      ...{ name: "http", protocol: 6, port: 80 },
      backends: backends.map((address) => ({ address, port: 8080, weight: 100, state: "ready" })),
    },
    { name: "sctp", protocol: 132, port: 81, backends: [] },
  ],
});

/** A control plane with one table, and a host over a kernel that outlives it. */
function begin() {
  const clock = { ms: 1_000_000 };
  const kernel = new FakeServices();
  const stateDir = temporaryDirectory("services");
  const control = {
    services: new Map<string, ResolvedService>(),
    nodePorts: new Set<number>(),
    asked: [] as string[][],
    reachable: true,
    resolve: async ({
      addresses,
      nodePorts = [],
    }: ServiceResolveInput): Promise<Answer<ServiceResolveOutput>> => {
      control.asked.push(addresses);
      if (!control.reachable) return { ok: false, kind: "unreachable", reason: "gone", pauseMs: 0 };
      const resolved = addresses.map((address): ServiceAnswer => {
        const found = control.services.get(address) ?? null;
        const reason = found ? null : "no-service";
        return { address, found, reason, leaseSeconds: found ? 120 : 5 };
      });
      const answers = nodePorts.map((asked): NodePortAnswer => {
        const isThere = control.nodePorts.has(asked.port);
        const { namespace, name, affinitySeconds, leftOut, ports } = cart("10.1.0.1");
        const found = { namespace, name, affinitySeconds, leftOut, backends: ports[0]?.backends ?? [] };
        return { asked, found: isThere ? found : null, leaseSeconds: isThere ? 120 : 5 };
      });
      return { ok: true, value: { resolved, nodePorts: answers, ranges: RANGES } };
    },
  };
  const logged: string[] = [];
  /** What stood in the kernel each time that packets were told to go on. */
  const goneOn: string[][] = [];
  const start = () => {
    const services = new Services({
      ...{ kernel, resolve: (input) => control.resolve(input), file: new ServiceFile(stateDir) },
      ...{ clients: () => [7n], isConnected: () => control.reachable, nowMs: () => clock.ms },
      log: (line, error) => void logged.push(`${line}: ${error}`),
      onWritten: () => void goneOn.push([...kernel.entries.keys()]),
    });
    services.open();
    return services;
  };
  return { clock, kernel, control, logged, goneOn, start };
}
/** What was asked at an event is answered in a later turn. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

test("a host knows nothing of services but their ranges, until a pod asks for one", async () => {
  const { kernel, control, start } = begin();
  control.services.set(CART.address, cart("10.1.0.1"));
  const services = start();
  await services.step();
  expect([kernel.attached, kernel.clients, kernel.ranges]).toEqual([true, [7n], RANGES]);
  expect([kernel.entries.size, control.asked]).toEqual([0, [[]]]);
  kernel.ask(CART.address);
  kernel.ask(CART.address);
  await turn();
  expect(control.asked).toEqual([[], [CART.address]]);
  expect(kernel.shares(CART)).toEqual({ "10.1.0.1:8080": 251 });
  expect([...kernel.entries.keys()]).toEqual(["10.96.0.1 80 6", "10.96.0.1 0 0"]);
});

test("an address that is no service's is known as such for a moment, and asked for again after it", async () => {
  const { clock, kernel, control, start } = begin();
  const services = start();
  kernel.ask(CART.address);
  await turn();
  expect([...kernel.entries.keys()]).toEqual(["10.96.0.1 0 0"]);
  clock.ms += 5000;
  await services.step();
  expect(kernel.entries.size).toBe(0);
  control.services.set(CART.address, cart("10.1.0.1"));
  kernel.ask(CART.address);
  await turn();
  expect(kernel.shares(CART)).toEqual({ "10.1.0.1:8080": 251 });
});

test("a hint brings a change at the next step, and only what differs is written", async () => {
  const { kernel, control, start } = begin();
  control.services.set(CART.address, cart("10.1.0.1", "10.1.0.2"));
  const services = start();
  kernel.ask(CART.address);
  await turn();
  await services.step();
  const written = kernel.written;
  await services.step();
  expect(kernel.written).toBe(written);
  control.services.set(CART.address, cart("10.1.0.2"));
  services.hint();
  await services.step();
  expect(kernel.shares(CART)).toEqual({ "10.1.0.2:8080": 251 });
  expect(kernel.written - written).toBeLessThan(200);
  control.services.delete(CART.address);
  services.hint();
  await services.step();
  expect([...kernel.entries.keys()]).toEqual(["10.96.0.1 0 0"]);
});

test("a hint that overtakes an answer is not undone by it", async () => {
  const { kernel, control, start } = begin();
  control.services.set(CART.address, cart("10.1.0.1"));
  const services = start();
  const { resolve } = control;
  control.resolve = async (input) => {
    const answer = await resolve(input);
    control.services.set(CART.address, cart("10.1.0.2"));
    services.hint();
    control.resolve = resolve;
    return answer;
  };
  kernel.ask(CART.address);
  await turn();
  expect(kernel.shares(CART)).toEqual({ "10.1.0.1:8080": 251 });
  await services.step();
  expect(kernel.shares(CART)).toEqual({ "10.1.0.2:8080": 251 });
});

/** Of two backends the first has failed often enough to be out. */
async function oneIsOut() {
  const host = begin();
  const { clock, kernel, control, start } = host;
  control.services.set(CART.address, cart("10.1.0.1", "10.1.0.2"));
  const services = start();
  kernel.ask(CART.address);
  await turn();
  await services.step();
  const failing = [...kernel.backends.values()].find(({ address }) => address === "10.1.0.1")?.number ?? 0;
  kernel.outcomes.set(failing, { failures: 3n });
  clock.ms += 2000;
  await services.step();
  return { ...host, services, failing };
}

test("a backend that connections fail to gets nothing new for a while, and is said to be out", async () => {
  const { clock, kernel, logged, services, failing } = await oneIsOut();
  expect(kernel.shares(CART)).toEqual({ "10.1.0.2:8080": 251 });
  expect(services.counts).toMatchObject({ takenOut: 1, backendsOut: 1 });
  expect(logged).toEqual([
    "backend 10.1.0.1 8080 of service 10.96.0.1 80 6: 3 of its last 3 connections failed: nothing new for 10 s",
  ]);
  clock.ms += 10_000;
  await services.step();
  expect(Object.keys(kernel.shares(CART) ?? {}).sort()).toEqual(["10.1.0.1:8080", "10.1.0.2:8080"]);
  expect(kernel.backends.get(failing)?.address).toBe("10.1.0.1");
  expect(services.counts).toMatchObject({ takenOut: 1, backendsOut: 0 });
});

test("one that goes and comes back while it is out is given again", async () => {
  const { clock, kernel, control, services } = await oneIsOut();
  for (const found of [cart("10.1.0.2"), cart("10.1.0.1", "10.1.0.2")]) {
    control.services.set(CART.address, found);
    services.hint();
    await services.step();
  }
  clock.ms += 2000;
  await services.step();
  expect(Object.keys(kernel.shares(CART) ?? {}).sort()).toEqual(["10.1.0.1:8080", "10.1.0.2:8080"]);
  expect(services.counts).toMatchObject({ backendsOut: 0 });
});

test("while the kernel's tables can't be read leases are kept all the same", async () => {
  const { clock, kernel, control, logged, start } = begin();
  control.services.set(CART.address, cart("10.1.0.1"));
  const services = start();
  kernel.ask(CART.address);
  await turn();
  kernel.backendCounts = () => {
    throw new Error("ENOMEM");
  };
  const asked = control.asked.length;
  clock.ms += 100_000;
  await services.step();
  expect(control.asked.length).toBeGreaterThan(asked);
  expect(logged.at(-1)).toBe("services can't be written: Error: ENOMEM");
});

test("the only backend that doesn't drain stays, however many fail to it", async () => {
  const { clock, kernel, control, start } = begin();
  const found = cart("10.1.0.1", "10.1.0.2", "10.1.0.3");
  control.services.set(CART.address, found);
  const services = start();
  kernel.ask(CART.address);
  await turn();
  const backends = found.ports[0]?.backends.map((one, i) =>
    i > 0 ? { ...one, state: "draining" as const } : one,
  );
  const ports = found.ports.map((port, i) => (i === 0 ? { ...port, backends: backends ?? [] } : port));
  control.services.set(CART.address, { ...found, ports });
  services.hint();
  await services.step();
  expect(kernel.shares(CART)).toEqual({ "10.1.0.1:8080": 251 });
  kernel.outcomes.set([...kernel.backends.keys()][0] ?? 0, { failures: 9n });
  clock.ms += 2000;
  await services.step();
  expect(kernel.shares(CART)).toEqual({ "10.1.0.1:8080": 251 });
});

test("an agent that starts anew without the control plane goes on by what was known", async () => {
  const { clock, kernel, control, start } = begin();
  control.services.set(CART.address, cart("10.1.0.1"));
  const services = start();
  kernel.ask(CART.address);
  await turn();
  await services.step();
  const [entry, written] = [kernel.entries.get("10.96.0.1 80 6"), kernel.written];
  control.reachable = false;
  const next = start();
  expect(kernel.written).toBe(written);
  for (let i = 0; i < 20; i++) {
    clock.ms += 50_000;
    await next.step();
  }
  expect(kernel.entries.get("10.96.0.1 80 6")).toEqual(entry);
  expect(kernel.ranges).toEqual(RANGES);
});

test("what the kernel has and nobody knows of goes at the start", () => {
  const { kernel, start } = begin();
  kernel.entries.set("x", { ...CART, number: 3, slotBase: 0, slotCount: 251, affinitySeconds: 0 });
  kernel.backends.set(5, { number: 5, address: "10.1.0.1", port: 8080, service: 3 });
  kernel.entries.set("10.96.0.1 80 6", kernel.entries.get("x") as never);
  kernel.entries.delete("x");
  start();
  expect([kernel.entries.size, kernel.backends.size]).toEqual([0, 0]);
});

test("what is connected to is renewed, what isn't for a day and more is forgotten", async () => {
  const { clock, kernel, control, start } = begin();
  control.services.set(CART.address, cart("10.1.0.1"));
  const services = start();
  kernel.ask(CART.address);
  await turn();
  const number = kernel.entries.get("10.96.0.1 80 6")?.number as number;
  for (let hour = 0; hour < 60; hour++) {
    if (hour < 30) kernel.opened.set(number, BigInt(hour));
    for (let i = 0; i < 60; i++) {
      clock.ms += 60_000;
      await services.step();
    }
    if (hour === 50) expect(kernel.entries.size).toBe(2);
  }
  expect(kernel.entries.size).toBe(0);
});

test("a write that fails is made good from what the kernel has then", async () => {
  const { kernel, control, logged, start } = begin();
  control.services.set(CART.address, cart("10.1.0.1"));
  const services = start();
  kernel.refuse = "no memory";
  kernel.ask(CART.address);
  await turn();
  expect(logged).toEqual(["services can't be written: Error: no memory"]);
  expect([services.counts.writesFailed, kernel.entries.size]).toEqual([1, 0]);
  kernel.refuse = undefined;
  await services.step();
  expect(kernel.shares(CART)).toEqual({ "10.1.0.1:8080": 251 });
});

test("a kernel that can't is told of, and the rest of the agent goes on", async () => {
  const { kernel, logged, start } = begin();
  kernel.refuseAttach = "no cgroup2";
  const services = start();
  expect(logged).toEqual(["sockets can't be given backends on this kernel: Error: no cgroup2"]);
  expect(await services.step()).toBe(1000);
});

test("a control plane that can't answer is asked every five seconds, and no more often", async () => {
  const { clock, control, start } = begin();
  const services = start();
  let asked = 0;
  control.resolve = async () => {
    asked++;
    return { ok: false, kind: "refused", reason: "no such procedure", pauseMs: 0 };
  };
  for (let i = 0; i < 60; i++) {
    clock.ms += 1000;
    await services.step();
  }
  expect(asked).toBe(12);
});

test("more addresses than an answer is waited for are left out and counted", async () => {
  const { kernel, control, start } = begin();
  let answer = () => {};
  const resolve = control.resolve;
  const waits = new Promise<void>((done) => {
    answer = done;
  });
  control.resolve = async (input) => waits.then(() => resolve(input));
  const services = start();
  for (let i = 0; i < 1030; i++) kernel.ask(`10.96.${i >> 8}.${i & 255}`);
  expect(services.counts).toMatchObject({ asked: 1024, askedTooMany: 6, known: 0 });
  expect(services.counts).toMatchObject({ translated: 5, unknown: 3 });
  answer();
});

test("packets to an address that nobody knew go on when the kernel knows it, as a service or as none", async () => {
  const { control, goneOn, start } = begin();
  control.services.set(CART.address, cart("10.1.0.1"));
  const services = start();
  expect(services.isVirtual(CART.address)).toBe(false); // nobody has told it the ranges yet
  await services.step();
  expect([CART.address, "10.97.0.1", "fd00::1", "x"].map((address) => services.isVirtual(address))).toEqual([
    ...[true, false, false, false],
  ]);
  for (const address of [CART.address, "10.96.0.9"]) services.ask(address);
  expect([services.isKnown(CART.address), goneOn]).toEqual([false, []]);
  await turn();
  expect(goneOn).toEqual([["10.96.0.1 80 6", "10.96.0.1 0 0", "10.96.0.9 0 0"]]);
  expect([CART.address, "10.96.0.9"].map((address) => services.isKnown(address))).toEqual([true, true]);
});

test("who scans the node ports pushes out none that is used", async () => {
  const { kernel, control, start } = begin();
  const used = nodePortAddress({ family: 4, protocol: 6, port: 30_080 });
  control.nodePorts.add(30_080);
  const services = start();
  services.ask(used);
  await turn();
  for (let port = 30_100; port < 32_000; port++) {
    services.ask(nodePortAddress({ family: 4, protocol: 6, port }));
    if (port % 16 === 0) await turn();
  }
  await turn();
  expect(kernel.entries.has(`${used} 30080 6`)).toBe(true);
  expect(services.counts.known).toBeLessThanOrEqual(1 + 512);
});
