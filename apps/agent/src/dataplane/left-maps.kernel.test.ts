/** Maps that can't be taken up: their counting ends, their totals are told, whatever version made them. */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { links, mountBpffs, netnsCookie, openObject } from "@millrace/native/native";
import { expect, onTestFinished, test } from "vitest";
import { FlowTable } from "../telemetry/flow-table.ts";
import { inside, TestLink } from "../testing/link.ts";
import type { LeftBehind } from "./dataplane.ts";
import { LibbpfDataplane } from "./libbpf-dataplane.ts";

const BPF = fileURLToPath(new URL("../../../../packages/bpf/build", import.meta.url));
const PING_BYTES = 98;
let made = 0;

function pinDirectory(): string {
  const directory = `/sys/fs/bpf/left-test-${process.pid}-${made++}`;
  onTestFinished(() => fs.rmSync(directory, { recursive: true, force: true }));
  return directory;
}
const open = (directory: string, flowCapacity: number, hostNetns = "/proc/self/ns/net"): LibbpfDataplane =>
  new LibbpfDataplane({
    ...{ bpfDirectory: BPF, pinDirectory: directory, hostNetns },
    ...{ flowCapacity, flowBudget: flowCapacity },
  });

/** What is told of maps that were put there by another version. */
async function lookAt(fill: (maps: string) => void): Promise<readonly LeftBehind[]> {
  const directory = pinDirectory();
  mountBpffs("/sys/fs/bpf");
  const generation = path.join(directory, "ba9876543210-64-00000001");
  fs.mkdirSync(path.join(generation, "maps"), { recursive: true });
  fill(path.join(generation, "maps"));
  const plane = open(directory, 64);
  plane.start("ba9876543210-64-00000001");
  const left = plane.leftBehind();
  await plane.close({ remove: true });
  return left;
}

test("all that was counted until the hooks were taken off is told, and then the maps go", async () => {
  const link = new TestLink("left");
  onTestFinished(() => link.remove());
  const directory = pinDirectory();
  const first = open(directory, 64);
  const { generation } = first.start(undefined);
  first.markReported();
  const ifindex = links(link.podNetns).find(({ name }) => name === "eth0")?.ifindex as number;
  const point = { cookie: netnsCookie(link.podNetns), ifindex, netns: link.podNetns, endpointId: 7 };
  first.attach(point);
  link.ping(5);
  await first.close({ remove: false });
  link.ping(3);
  const second = open(directory, 128);
  expect(second.start(generation).adopted).toBe(false);
  link.ping(2); // of no one: nothing is attached
  const told = [{ endpointId: 7, packets: 16, bytes: 16 * PING_BYTES }];
  const why = `maps ${generation} have a flow table of 64 entries, 128 are configured`;
  expect(second.leftBehind()).toEqual([{ generation, why, reported: true, totals: told }]);
  await second.close({ remove: false });
  // A life that died before it wrote that down says the same.
  const third = open(directory, 128);
  third.start(generation);
  expect(third.leftBehind().find((left) => left.generation === generation)?.totals).toEqual(told);
  third.attach(point);
  link.ping(4);
  third.markReported();
  third.removeLeft();
  expect(fs.existsSync(path.join(directory, generation))).toBe(false);
  await third.close({ remove: true });
});

test("what carries a pod's packets stays until its successor is there, so that none passes by the host's stack", async () => {
  const link = new TestLink("carried");
  onTestFinished(() => link.remove());
  const directory = pinDirectory();
  const ifindexIn = (netns: string) => links(netns).find(({ name }) => name === "eth0")?.ifindex as number;
  const [pod, host] = [link.podNetns, link.peerNetns];
  const port = { cookie: netnsCookie(host), ifindex: ifindexIn(host) };
  const point = { cookie: netnsCookie(pod), ifindex: ifindexIn(pod), netns: host, endpointId: 7, port };
  const first = open(directory, 64, host);
  const { generation } = first.start(undefined);
  first.attach(point);
  first.markReported();
  await first.close({ remove: false });
  const ping = () => inside(pod, ["ping", "-c", "1", "-W", "0.5", "-q", "10.77.0.2"]);
  const isDropped = () => expect(ping).toThrow(); // from nobody that it was told of
  isDropped();
  const second = open(directory, 128, host);
  second.start(generation);
  expect(second.leftBehind()).toMatchObject([{ totals: [{ endpointId: 7 }] }]);
  isDropped();
  second.markReported();
  isDropped();
  second.attach(point);
  second.removeLeft();
  isDropped();
  expect(fs.existsSync(path.join(directory, generation))).toBe(false);
  await second.close({ remove: true });
  ping();
});

test("maps of other layouts that fit by their types are taken up, with all that they counted", async () => {
  const link = new TestLink("other");
  onTestFinished(() => link.remove());
  const directory = pinDirectory();
  const first = open(directory, 64);
  const { generation } = first.start(undefined);
  const ifindex = links(link.podNetns).find(({ name }) => name === "eth0")?.ifindex as number;
  first.attach({ cookie: netnsCookie(link.podNetns), ifindex, netns: link.podNetns, endpointId: 7 });
  link.ping(5);
  await first.close({ remove: false });
  const other = generation.replace(/^.{12}/, "ba9876543210");
  fs.renameSync(path.join(directory, generation), path.join(directory, other));
  // A map that the earlier version hadn't.
  fs.rmSync(path.join(directory, other, "maps", "host_ports"));
  link.ping(3);
  const second = open(directory, 64);
  expect(second.start(other)).toEqual({ generation: other, adopted: true });
  expect(second.leftBehind()).toEqual([]);
  const flows = second.readFlows();
  expect(flows.count).toBe(1);
  expect(new FlowTable(flows).counter(0, 0)).toBe(8);
  await second.close({ remove: true });
});

test("maps of another version are read by the types they bring along", async () => {
  const [left] = await lookAt((maps) => {
    const object = openObject(path.join(BPF, "test", "other_endpoints.bpf.o"));
    object.pinMap("endpoints", path.join(maps, "endpoints"));
    object.load();
    const map = object.map("endpoints");
    for (const id of [4, 9]) {
      const value = Buffer.alloc(map.stride);
      const cpuBytes = map.stride / map.cpus;
      for (let cpu = 0; cpu < map.cpus; cpu++) {
        const at = cpu * cpuBytes;
        for (const direction of [0, 1]) {
          const counters = at + 8 + direction * 11 * 32;
          value.writeBigUInt64LE(BigInt(id * 1000), counters + 8); // bytes
          value.writeBigUInt64LE(77n, counters + 16); // segments
          value.writeBigUInt64LE(BigInt(id), counters + 24); // packets
          value.writeBigUInt64LE(55n, counters + 32 + 24); // of the next class
        }
        value.writeUInt32LE(id, at + 8 + 2 * 11 * 32 + 4);
      }
      map.update(Buffer.alloc(16, id), value);
    }
    map.close();
    object.close();
  });
  const cpus = fs.readFileSync("/sys/devices/system/cpu/possible", "utf8").trim();
  const count = Number(cpus.split("-").at(-1)) + 1;
  expect([...(left?.totals ?? [])].sort((a, b) => a.endpointId - b.endpointId)).toEqual(
    [4, 9].map((id) => ({ endpointId: id, packets: 2 * count * id, bytes: 2 * count * id * 1000 })),
  );
});

test.each([
  ["without types", ["name", "endpoints"], /they bring no types along/],
  ["that are not there", undefined, /ENOENT/],
])("of maps %s it is said that nobody can read them", async (_, given, problem) => {
  const [left] = await lookAt((maps) => {
    const shape = ["type", "hash", "key", "16", "value", "64", "entries", "4"];
    if (given) execFileSync("bpftool", ["map", "create", path.join(maps, "endpoints"), ...shape, ...given]);
  });
  expect(left).toMatchObject({ generation: "ba9876543210-64-00000001", totals: undefined });
  expect(left?.why).toMatch(/^maps ba9876543210-64-00000001: map .*; what they counted can't be read: /);
  expect(left?.why).toMatch(problem);
});
