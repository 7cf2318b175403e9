/** A flood from one pod and a neighbour beside it, over the real dataplane: real namespaces, real packets, two lives. */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { fileURLToPath } from "node:url";
import { EndpointClass } from "@millrace/abi/generated/endpoint";
import { links, netnsCookie } from "@millrace/native/native";
import { afterEach, beforeEach, expect, test } from "vitest";
import { INGRESS, readTotals } from "../telemetry/endpoint-baseline.ts";
import { FlowTable, KEY } from "../telemetry/flow-table.ts";
import { TestLink } from "../testing/link.ts";
import { LibbpfDataplane } from "./libbpf-dataplane.ts";

const BPF = fileURLToPath(new URL("../../../../packages/bpf/build", import.meta.url));
const BUDGET = 128;
const [FLOODING, NEIGHBOUR] = [1, 2];
/** From two sockets at once, so that the programs run on more than one CPU; each datagram a flow of its own. */
const FLOOD = `
  const dgram = require("node:dgram");
  const sockets = [dgram.createSocket("udp4"), dgram.createSocket("udp4")];
  let left = 2 * 1000;
  for (const socket of sockets)
    for (let port = 1; port <= 1000; port++)
      socket.send("x", port, "10.77.0.2", () => { if (--left === 0) for (const one of sockets) one.close(); });`;

let pods: TestLink[];
let pinDirectory: string;
let made = 0;
let open: LibbpfDataplane[] = [];

beforeEach(() => {
  pods = [new TestLink("flood"), new TestLink("beside")];
  pinDirectory = `/sys/fs/bpf/budget-test-${process.pid}-${made++}`;
});
afterEach(async () => {
  for (const plane of open) await plane.close({ remove: true });
  open = [];
  fs.rmSync(pinDirectory, { recursive: true, force: true });
  for (const pod of pods) pod.remove();
});

function start(generation?: string): { plane: LibbpfDataplane; generation: string } {
  const plane = new LibbpfDataplane({
    ...{ bpfDirectory: BPF, pinDirectory, hostNetns: "/proc/self/ns/net" },
    ...{ flowCapacity: 2 * BUDGET, flowBudget: BUDGET },
  });
  open.push(plane);
  const started = plane.start(generation);
  for (const [at, pod] of pods.entries()) {
    const ifindex = links(pod.podNetns).find(({ name }) => name === "eth0")?.ifindex as number;
    const cookie = netnsCookie(pod.podNetns);
    plane.attach({ cookie, ifindex, netns: pod.podNetns, endpointId: FLOODING + at });
  }
  return { plane, generation: started.generation };
}

/** By endpoint: how many entries there are, and what is counted of its packets. */
function look(plane: LibbpfDataplane) {
  const table = new FlowTable(plane.readFlows());
  const seen = { [FLOODING]: { flows: 0, packets: 0 }, [NEIGHBOUR]: { flows: 0, packets: 0 } };
  for (let i = 0; i < table.count; i++) {
    const own = seen[table.key(i, KEY.endpoint)] as { flows: number; packets: number };
    own.flows++;
    own.packets += table.counter(i, 0) + table.counter(i, 3);
  }
  const { values, count, cpus, stride } = plane.readEndpoints();
  const view = new DataView(values.buffer, values.byteOffset, values.byteLength);
  return Array.from({ length: count }, (_, i) => {
    const at = i * cpus * stride;
    const totals = readTotals(view, at, cpus, stride);
    const both = (which: number) => (totals[which * 3] as number) + (totals[INGRESS + which * 3] as number);
    const id = view.getUint32(at, true);
    const apart = Object.values(EndpointClass)
      .filter((one) => one !== EndpointClass.TOTAL)
      .reduce<number>((sum, one) => sum + both(one), 0);
    const own = seen[id] as { flows: number; packets: number };
    return { id, ...own, total: both(0), apart, over: both(EndpointClass.OVER_BUDGET) };
  }).sort((a, b) => a.id - b.id);
}
const holders = (plane: LibbpfDataplane) =>
  Object.fromEntries(plane.flowHolders().map(({ endpointId, flows }) => [endpointId, flows]));

test("a pod that floods gets its share, its neighbour's flows find room, and every packet is counted once", async () => {
  const { plane, generation } = start();
  execFileSync("nsenter", [`--net=${pods[0]?.podNetns}`, process.execPath, "-e", FLOOD]);
  pods[1]?.ping(3);
  const [flooding, neighbour] = look(plane);
  expect(flooding).toMatchObject({ id: FLOODING, flows: BUDGET });
  expect(flooding?.over).toBeGreaterThanOrEqual(2000 - BUDGET);
  expect(neighbour).toMatchObject({ id: NEIGHBOUR, flows: 1, packets: 6, over: 0 });
  for (const one of [flooding, neighbour]) expect((one?.packets ?? 0) + (one?.apart ?? 0)).toBe(one?.total);
  expect(holders(plane)).toEqual({ [FLOODING]: BUDGET, [NEIGHBOUR]: 1 });

  await plane.close({ remove: false });
  open = open.filter((one) => one !== plane);
  const next = start(generation).plane;
  expect(holders(next)).toEqual({ [FLOODING]: BUDGET, [NEIGHBOUR]: 1 });
  const { count, keys } = next.readFlows();
  expect(next.retireFlows(keys, count, 1n << 62n)).toBe(BUDGET + 1);
  next.barrier();
  next.deleteFlows(keys, count);
  expect([holders(next), next.readFlows().count]).toEqual([{ [FLOODING]: 0, [NEIGHBOUR]: 0 }, 0]);
  pods[0]?.ping(1);
  expect(holders(next)[FLOODING]).toBe(1);
});
