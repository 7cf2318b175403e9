/** The services of the real dataplane over agents' lives: real sockets, tables as the layout plans them. */
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { ServiceCount } from "@millrace/abi/generated/service";
import { Incarnation } from "@millrace/contract/ids";
import type { ResolvedService } from "@millrace/contract/service";
import { netnsCookie } from "@millrace/native/native";
import { afterEach, beforeEach, expect, test } from "vitest";
import { addressText } from "../endpoint/address.ts";
import { EndpointReconciler } from "../endpoint/reconcile.ts";
import { ServiceLayout, type WantedService } from "../service/layout.ts";
import { ServiceFile } from "../service/service-file.ts";
import { Services } from "../service/services.ts";
import { Telemetry } from "../telemetry/telemetry.ts";
import { BOOT_ID, fakeContainer } from "../testing/fake-host.ts";
import { decodeBatch } from "../testing/ledger.ts";
import { TestLink } from "../testing/link.ts";
import { temporaryDirectory, until } from "../testing/temporary.ts";
import { podOf } from "../workload/pod.ts";
import { LibbpfDataplane } from "./libbpf-dataplane.ts";
import { noChanges } from "./services.ts";

const BPF = fileURLToPath(new URL("../../../../packages/bpf/build", import.meta.url));
const CART = { address: "10.96.0.1", port: 80, protocol: 6 };
/** Answers each connection with its port, and lets go. */
const SERVERS = `
  const net = require("node:net");
  for (const port of [9001, 9002])
    net.createServer((socket) => socket.on("error", () => {}).end(String(port))).listen(port, "0.0.0.0", () => console.log("up"));`;
const CLIENT = `
  const socket = require("node:net").connect(80, "10.96.0.1");
  socket.on("error", (error) => console.log(error.code));
  socket.on("data", (data) => console.log(data + " from " + socket.remoteAddress + " " + socket.remotePort));`;

let pair: TestLink;
let pinDirectory: string;
let servers: ReturnType<typeof spawn>;
let open: LibbpfDataplane[] = [];
let made = 0;

beforeEach(async () => {
  pair = new TestLink("svc");
  pinDirectory = `/sys/fs/bpf/services-test-${process.pid}-${made++}`;
  servers = spawn("nsenter", [`--net=${pair.peerNetns}`, process.execPath, "-e", SERVERS], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let up = 0;
  createInterface({ input: servers.stdout as NodeJS.ReadableStream }).on("line", () => up++);
  await until("both servers", () => up === 2);
});
afterEach(async () => {
  for (const plane of open) await plane.close({ remove: true });
  open = [];
  servers.kill("SIGKILL");
  fs.rmSync(pinDirectory, { recursive: true, force: true });
  pair.remove();
});

function openPlane(): LibbpfDataplane {
  const options = {
    ...{ bpfDirectory: BPF, pinDirectory, hostNetns: "/proc/self/ns/net" },
    ...{ flowCapacity: 64, flowBudget: 64 },
  };
  const plane = new LibbpfDataplane(options);
  open.push(plane);
  return plane;
}
function serve(plane: LibbpfDataplane): void {
  plane.services.setRanges(["10.96.0.0/16"]);
  plane.services.setClients([netnsCookie(pair.podNetns)]);
  plane.services.attach();
}
function start(generation?: string): { plane: LibbpfDataplane; generation: string } {
  const plane = openPlane();
  const started = plane.start(generation);
  serve(plane);
  return { plane, generation: started.generation };
}
async function end(plane: LibbpfDataplane): Promise<void> {
  await plane.close({ remove: false });
  open = open.filter((one) => one !== plane);
}
const connect = (): string =>
  String(execFileSync("nsenter", [`--net=${pair.podNetns}`, process.execPath, "-e", CLIENT])).trim();

const cart = (ports: readonly number[], draining: readonly number[] = []): WantedService => ({
  ...{ ...CART, affinitySeconds: 0 },
  backends: ports.map((port) => ({
    address: "10.77.0.2",
    port,
    weight: 100,
    draining: draining.includes(port),
    isOut: false,
  })),
});
const itself: WantedService = {
  address: CART.address,
  port: 0,
  protocol: 0,
  affinitySeconds: 0,
  backends: null,
};

function write(plane: LibbpfDataplane, ...wanted: WantedService[]): ServiceLayout {
  const layout = new ServiceLayout(plane.services.capacity, plane.services.read());
  const changes = noChanges();
  for (const one of wanted) layout.set(one, changes);
  plane.services.write(changes);
  return layout;
}

/** The agent's part, with a control plane that knows one service. */
function servicesOver(plane: LibbpfDataplane, control: { ports: number[]; asked: string[][] }): Services {
  return new Services({
    ...{ kernel: plane.services, file: new ServiceFile(temporaryDirectory("services")) },
    ...{ clients: () => [netnsCookie(pair.podNetns)], isConnected: () => true, nowMs: Date.now },
    log: (line, error) => expect.fail(`${line}: ${error}`),
    onWritten: () => {},
    resolve: async ({ addresses }) => {
      control.asked.push(addresses);
      const resolved = addresses.map((address) => ({
        ...{ address, found: shop(control.ports), reason: null, leaseSeconds: 120 },
      }));
      return { ok: true, value: { resolved, ranges: ["10.96.0.0/16"] } };
    },
  });
}
const shop = (ports: readonly number[]): ResolvedService => ({
  ...{ namespace: "shop", name: "cart", addresses: [CART.address], affinitySeconds: null, leftOut: 0 },
  ports: [
    {
      ...{ name: "http", protocol: 6, port: 80 },
      backends: ports.map((port) => ({ address: "10.77.0.2", port, weight: 100, state: "ready" })),
    },
  ],
});

test("sockets go on being given backends while no agent runs, and the next one finds all as it was", async () => {
  const { plane, generation } = start();
  write(plane, cart([9001]), itself);
  expect(connect()).toBe("9001 from 10.96.0.1 80");
  const before = plane.services.read();
  await end(plane);
  expect(connect()).toBe("9001 from 10.96.0.1 80");

  const next = start(generation).plane;
  expect(next.services.read()).toEqual(before);
  expect(next.services.serviceCounts()).toEqual([{ number: 1, opened: 2n, refused: 0n }]);
  expect(next.services.backendCounts()).toMatchObject([{ number: 1, opened: 2n, failures: 0n }]);
  const changes = noChanges();
  new ServiceLayout(next.services.capacity, next.services.read()).set(cart([9001]), changes);
  expect(changes).toEqual(noChanges());
  write(next, cart([9001, 9002], [9001]));
  expect(connect()).toBe("9002 from 10.96.0.1 80");
  expect(next.services.attachments("service_connect4")).toBe(1);
});

test("what nobody has told of is asked for, and its connects are left as they are until it is told", async () => {
  const { plane } = start();
  const asked: string[] = [];
  plane.services.onAsked((address) => asked.push(address));
  expect(connect()).toBe("ENETUNREACH");
  await until("the question", () => asked.length > 0);
  expect(asked).toEqual([CART.address]);
  write(plane, cart([9002]), itself);
  expect(connect()).toBe("9002 from 10.96.0.1 80");
  const totals = plane.services.totals();
  expect([totals[ServiceCount.UNKNOWN], totals[ServiceCount.TRANSLATED]]).toEqual([1, 1]);
});

test("a pod's first try makes the host ask, its second finds the service, and a hint brings what changed", async () => {
  const { plane } = start();
  const control = { ports: [9001], asked: [] as string[][] };
  const services = servicesOver(plane, control);
  services.open();
  await services.step();
  expect(connect()).toBe("ENETUNREACH");
  await until("the answer", () => plane.services.read().services.length === 2);
  expect(control.asked).toEqual([[], [CART.address]]);
  expect(connect()).toBe("9001 from 10.96.0.1 80");
  control.ports = [9002];
  services.hint();
  await services.step();
  expect(connect()).toBe("9002 from 10.96.0.1 80");
  expect(services.counts).toMatchObject({ translated: 2, unknown: 1, known: 1 });
});

/** Counting over the real programs, of the one pod there is. */
function countingOf(plane: LibbpfDataplane) {
  const cookie = netnsCookie(pair.podNetns);
  const options = { hostNetns: pair.peerNetns, conntrack: false, spoolLimit: 1e8, bootId: BOOT_ID };
  const telemetry = new Telemetry({
    ...{ ...options, dataplane: plane, stateDir: temporaryDirectory("counting"), nowMs: Date.now },
    ...{ losses: () => [], podEndOf: () => undefined, log: () => {} },
    incarnation: Incarnation.parse("00000000-0000-4000-8000-000000000001"),
  });
  const { registry, executor } = telemetry;
  const hostCookie = netnsCookie(pair.peerNetns);
  new EndpointReconciler({
    ...{ dataplane: plane, registry, executor, hostNetns: pair.peerNetns, hostCookie, nowMs: Date.now },
    attached: () => [],
  }).run([podOf(cookie, pair.podNetns, [fakeContainer("web")])]);
  return telemetry;
}

test("a pod's connection to a service ends in a row that has the backend's address and what was asked for", () => {
  const plane = openPlane();
  const telemetry = countingOf(plane);
  serve(plane);
  write(plane, cart([9001]), itself);
  expect(connect()).toBe("9001 from 10.96.0.1 80");
  expect(telemetry.cycle().ok).toBe(true);
  const batch = telemetry.spool.oldest;
  if (!batch) throw new Error("no batch was made");
  const { head, flows, services } = decodeBatch(telemetry.spool.payload(batch), batch.compressed);
  const row = flows.dstPort.indexOf(9001);
  expect(addressText(flows.dst.subarray(row * 16, row * 16 + 16))).toBe("10.77.0.2");
  expect([head.serviceRows, services.row[0], services.port[0]]).toEqual([1, row, CART.port]);
  expect(addressText(services.address)).toBe(CART.address);
});

test("what is removed is gone from every table, and its connects are refused", () => {
  const { plane } = start();
  const layout = write(plane, cart([9001, 9002]), itself);
  layout.written();
  const changes = noChanges();
  layout.remove(CART, changes);
  plane.services.write(changes);
  expect(connect()).toBe("ECONNREFUSED");
  expect(plane.services.read()).toMatchObject({
    services: [{ address: CART.address, port: 0 }],
    backends: [],
  });
  expect([plane.services.serviceCounts(), plane.services.backendCounts()]).toEqual([[], []]);
});

test("detached, nothing of it is in the kernel's way", () => {
  const { plane } = start();
  write(plane, cart([9001]), itself);
  plane.services.detach();
  expect(connect()).toBe("ENETUNREACH");
  expect(plane.services.attachments("service_connect4")).toBe(0);
});
