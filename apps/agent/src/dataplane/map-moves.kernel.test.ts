/**
 * An agent of another version, whose flows' records have another layout, is followed by this one: nothing that was counted is
 * lost, whichever version's programs counted it, and what was decided stays. `test/older` is our own source with more in two structs.
 */
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { EndpointClass } from "@millrace/abi/generated/endpoint";
import {
  FLOW_KEY_SIZE,
  FLOW_PATH_OFFSETS,
  FLOW_RECORD_OFFSETS,
  FLOW_RECORD_SIZE,
  readFlowKey,
  readFlowRecord,
} from "@millrace/abi/generated/flow";
import { links, netnsCookie, openPinnedMap } from "@millrace/native/native";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { INGRESS, readTotals } from "../telemetry/endpoint-baseline.ts";
import { inside, TestLink } from "../testing/link.ts";
import { LibbpfDataplane } from "./libbpf-dataplane.ts";

const BPF = fileURLToPath(new URL("../../../../packages/bpf/build", import.meta.url));
/** By how much the older record is longer in front of its counters. */
const OLDER_BYTES = 8;
const [ENDPOINT, FIRST, LATE] = [7, 7, 8];
let made = 0;

let link: TestLink;
let directory: string;
let other: string;
const point = () => {
  const ifindex = links(link.podNetns).find(({ name }) => name === "eth0")?.ifindex as number;
  return { cookie: netnsCookie(link.podNetns), ifindex, netns: link.podNetns, endpointId: ENDPOINT };
};

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function open(bpfDirectory = BPF): LibbpfDataplane {
  const table = { flowCapacity: 64, flowBudget: 128, hostNetns: "/proc/self/ns/net" };
  return new LibbpfDataplane({ bpfDirectory, pinDirectory: directory, ...table });
}

/** Echoes of that number: a flow. */
const ping = (id: number, packets: number): string =>
  inside(link.podNetns, ["ping", "-e", String(id), "-c", String(packets), "-i", "0.002", "-q", "10.77.0.2"]);

/** Packets of each flow, sent and received, by its number. */
function flowsOf(plane: LibbpfDataplane) {
  const { count, keys, values } = plane.readFlows();
  const [key, value] = [viewOf(keys), viewOf(values)];
  return new Map(
    Array.from({ length: count }, (_, n) => [
      readFlowKey(key, n * FLOW_KEY_SIZE).sport,
      readFlowRecord(value, n * FLOW_RECORD_SIZE),
    ]),
  );
}
const packetsOf = (plane: LibbpfDataplane) =>
  Object.fromEntries(
    [...flowsOf(plane)].map(([id, { counters }]) => [id, counters.map(({ packets }) => Number(packets))]),
  );
/** Of the endpoint, both ways, in that class. */
function inClass(plane: LibbpfDataplane, at: EndpointClass): number {
  const { values, cpus, stride } = plane.readEndpoints();
  const totals = readTotals(viewOf(values), 0, cpus, stride);
  return (totals[at * 3] as number) + (totals[INGRESS + at * 3] as number);
}
const totalOf = (plane: LibbpfDataplane): number => inClass(plane, EndpointClass.TOTAL);

/** Five echoes, counted by the other version, whose agent has gone since. */
beforeEach(async () => {
  link = new TestLink("moved");
  onTestFinished(() => link.remove());
  directory = `/sys/fs/bpf/moves-test-${process.pid}-${made++}`;
  onTestFinished(() => fs.rmSync(directory, { recursive: true, force: true }));
  const older = open(path.join(BPF, "test", "older"));
  const { generation } = older.start(undefined);
  older.markReported();
  older.attach(point());
  ping(FIRST, 5);
  await older.close({ remove: false });
  other = generation.replace(/^.{12}/, "ba9876543210");
  fs.renameSync(path.join(directory, generation), path.join(directory, other));
});

test("what either version counts is in one flow in the end, and what was decided stays", async () => {
  const old = openPinnedMap(path.join(directory, other, "maps", "flows"));
  const key = old.nextKey() as Buffer;
  const record = old.lookup(key) as Buffer;
  record.writeUInt16BE(31_234, FLOW_RECORD_OFFSETS.path + OLDER_BYTES + FLOW_PATH_OFFSETS.natPort);
  old.update(key, record);
  old.close();
  const plane = open();
  expect(plane.start(other)).toEqual({ generation: other, adopted: true });
  expect(packetsOf(plane)).toEqual({ [FIRST]: [5, 5] });
  // By the other version's programs still, into its own maps.
  ping(FIRST, 3);
  ping(LATE, 2);
  expect(packetsOf(plane)).toEqual({ [FIRST]: [5, 5] });
  plane.attach(point());
  ping(FIRST, 2);
  ping(LATE, 1);
  expect(packetsOf(plane)).toEqual({ [FIRST]: [7, 7], [LATE]: [1, 1] });
  plane.settle();
  expect(packetsOf(plane)).toEqual({ [FIRST]: [10, 10], [LATE]: [3, 3] });
  expect(totalOf(plane)).toBe(2 * 13);
  expect(plane.flowHolders()).toEqual([{ endpointId: ENDPOINT, flows: 2 }]);
  expect(flowsOf(plane).get(FIRST)?.path.natPort).toBe(31_234);
  expect(plane.leftBehind()).toEqual([]);
  expect(fs.readdirSync(path.join(directory, other, "moved"))).toEqual([]);
  await plane.close({ remove: true });
});

test("packets of flows that found no room, or have gone, are the endpoint's that have no flow", async () => {
  const plane = open();
  plane.start(other);
  ping(FIRST, 3);
  ping(LATE, 2);
  plane.attach(point());
  const flows = openPinnedMap(path.join(directory, other, "maps", "flows"));
  flows.delete(flows.nextKey() as Buffer);
  flows.close();
  for (let id = 100; id < 164; id++) ping(id, 1);
  expect(plane.readFlows().count).toBe(64);
  plane.settle();
  expect([EndpointClass.FLOW_RETIRED, EndpointClass.TABLE_FULL].map((at) => inClass(plane, at))).toEqual([
    6, 4,
  ]);
  expect(totalOf(plane)).toBe(2 * (5 + 3 + 2 + 64));
  expect(plane.flowHolders()).toEqual([{ endpointId: ENDPOINT, flows: 65 }]);
  expect(plane.moveLosses()).toEqual({ packets: 0, bytes: 0, unknown: [] });
  await plane.close({ remove: true });
});

test("what an endpoint counted there that has gone since is a loss, told as a number", async () => {
  const plane = open();
  plane.start(other);
  ping(FIRST, 3);
  plane.detach(point());
  plane.forget(point());
  plane.settle();
  expect(plane.moveLosses()).toEqual({ packets: 6, bytes: 6 * 98, unknown: [] });
  await plane.close({ remove: true });
});

test("while an endpoint has the other version's programs nothing is settled", async () => {
  const plane = open();
  plane.start(other);
  plane.settle();
  ping(FIRST, 3);
  plane.attach(point());
  plane.settle();
  expect(packetsOf(plane)).toEqual({ [FIRST]: [8, 8] });
  await plane.close({ remove: true });
});

test("a table of the agent's is moved whole, whatever the length of its name", async () => {
  const map = () => openPinnedMap(path.join(directory, other, "maps", "service_backends"));
  const old = map();
  const value = Buffer.alloc(28, 1);
  value.writeUInt32LE(99, 24);
  old.update(Buffer.from([5, 0, 0, 0]), value);
  old.close();
  const plane = open();
  plane.start(other);
  const ours = map();
  expect(ours.lookup(Buffer.from([5, 0, 0, 0]))).toEqual(
    Buffer.concat([Buffer.alloc(18, 1), Buffer.alloc(2), Buffer.from([99, 0, 0, 0])]),
  );
  ours.close();
  await plane.close({ remove: true });
});

test("an agent that is killed before the programs are replaced: the next one goes on, and says what nobody knows", async () => {
  const killed = open();
  killed.start(other);
  await killed.close({ remove: false });
  ping(FIRST, 3); // into the map that was moved
  const plane = open();
  expect(plane.start(other)).toEqual({ generation: other, adopted: true });
  expect(plane.leftBehind()).toEqual([
    {
      ...{ generation: `${other} before`, reported: true, totals: undefined },
      why: expect.stringMatching(
        /^an agent was cut off while it moved [a-z_, ]*flows[a-z_, ]* into other layouts: what was counted there meanwhile is unknown$/,
      ),
    },
  ]);
  plane.attach(point());
  ping(FIRST, 2);
  plane.settle();
  expect(packetsOf(plane)).toEqual({ [FIRST]: [7, 7] });
  expect(plane.flowHolders()).toEqual([{ endpointId: ENDPOINT, flows: 1 }]);
  await plane.close({ remove: true });
});

test("an agent that is killed between the two maps: the next one finds the other version's, and moves it", async () => {
  const maps = (name: string) => path.join(directory, other, name);
  fs.mkdirSync(maps("moved"));
  fs.renameSync(path.join(maps("maps"), "flows"), path.join(maps("moved"), "flows"));
  const plane = open();
  expect(plane.start(other)).toEqual({ generation: other, adopted: true });
  expect(plane.leftBehind()).toEqual([]);
  expect([packetsOf(plane), totalOf(plane)]).toEqual([{ [FIRST]: [5, 5] }, 10]);
  await plane.close({ remove: true });
});
