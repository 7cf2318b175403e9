import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { NetnsKind } from "@millrace/abi/generated/endpoint";
import { DROP_RECORD_OFFSETS, DROP_RECORD_SIZE } from "@millrace/abi/generated/event";
import {
  encodeFlowKey,
  encodeFlowRecord,
  FLOW_KEY_SIZE,
  FLOW_RECORD_SIZE,
  type FlowKey,
  FlowLifecycle,
} from "@millrace/abi/generated/flow";
import {
  encodeTranslation,
  encodeTranslationKey,
  TRANSLATION_KEY_SIZE,
  TRANSLATION_SIZE,
} from "@millrace/abi/generated/nat";
import { type BpfMap, isSupported, links, netnsCookie, openPinnedMap } from "@millrace/native/native";
import { describe, expect, test } from "vitest";
import { addressBytes } from "../endpoint/address.ts";
import { FlowTable, RECORD } from "../telemetry/flow-table.ts";
import { describeDataplane } from "../testing/dataplane-suite.ts";
import { inside, TestLink } from "../testing/link.ts";
import { temporaryDirectory, until } from "../testing/temporary.ts";
import { emptyRecord } from "./fake-kernel.ts";
import { HOOK_KINDS } from "./hook-kind.ts";
import { LibbpfDataplane } from "./libbpf-dataplane.ts";

const BPF = fileURLToPath(new URL("../../../../packages/bpf/build", import.meta.url));
const TABLE = { flowCapacity: 64, flowBudget: 64, hostNetns: "/proc/self/ns/net" };
let made = 0;

describe.each(HOOK_KINDS.filter((kind) => isSupported(kind).supported))("hooked by %s:", (hooks) => {
  describeDataplane("the dataplane of this kernel", async (run) => {
    const pair = new TestLink("dp");
    const pinDirectory = `/sys/fs/bpf/dataplane-test-${process.pid}-${made++}`;
    try {
      const ifindex = links(pair.podNetns).find(({ name }) => name === "eth0")?.ifindex as number;
      await run({
        open: () => new LibbpfDataplane({ bpfDirectory: BPF, pinDirectory, ...TABLE, hooks }),
        point: { cookie: netnsCookie(pair.podNetns), ifindex, netns: pair.podNetns, endpointId: 7 },
        exchange: (packets) => pair.ping(packets),
      });
    } finally {
      fs.rmSync(pinDirectory, { recursive: true, force: true });
      pair.remove();
    }
  });
});

test("a filter that somebody takes off is put on again, and named once", async () => {
  const pair = new TestLink("dp");
  const pinDirectory = `/sys/fs/bpf/dataplane-test-${process.pid}-${made++}`;
  const plane = new LibbpfDataplane({ bpfDirectory: BPF, pinDirectory, ...TABLE, hooks: "tc" });
  try {
    const ifindex = links(pair.podNetns).find(({ name }) => name === "eth0")?.ifindex as number;
    plane.start(undefined);
    plane.attach({ cookie: netnsCookie(pair.podNetns), ifindex, netns: pair.podNetns, endpointId: 7 });
    expect(plane.mendHooks()).toEqual({ mended: [], off: [] });
    inside(pair.podNetns, ["tc", "qdisc", "del", "dev", "eth0", "clsact"]);
    pair.ping(2);
    // A qdisc of somebody else stands where ours must.
    inside(pair.podNetns, ["tc", "qdisc", "add", "dev", "eth0", "ingress"]);
    expect(plane.mendHooks()).toEqual({
      mended: [],
      off: [expect.stringMatching(/^egress of endpoint 7: .+/), expect.stringMatching(/^ingress of/)],
    });
    inside(pair.podNetns, ["tc", "qdisc", "del", "dev", "eth0", "ingress"]);
    expect(plane.mendHooks()).toEqual({ mended: ["egress of endpoint 7", "ingress of endpoint 7"], off: [] });
    expect(plane.mendHooks()).toEqual({ mended: [], off: [] });
    pair.ping(3);
    const table = new FlowTable(plane.readFlows());
    expect(table.counter(0, 0) + table.counter(0, 3)).toBe(6);
  } finally {
    await plane.close({ remove: true });
    pair.remove();
  }
});

const UDP = 17;
const FLOOD = `
  const socket = require("node:dgram").createSocket("udp4");
  socket.bind(4321, () => {
    const some = () => { for (let i = 0; i < 50; i++) socket.send("x", 4999, "10.77.0.1"); setTimeout(some, 1); };
    some();
  });`;

/** Datagrams to a closed port of the pod, all of one flow: each that is received is dropped. */
function flood(netns: string): ChildProcess {
  return spawn("nsenter", [`--net=${netns}`, process.execPath, "-e", FLOOD], { stdio: "ignore" });
}

/** Another version of the programs, as far as anybody can tell. */
function newerObject(): string {
  const directory = temporaryDirectory("bpf");
  fs.cpSync(path.join(BPF, "observe.bpf.o"), path.join(directory, "observe.bpf.o"));
  fs.appendFileSync(path.join(directory, "observe.bpf.o"), "newer");
  return directory;
}

function droppedAndReceived(plane: LibbpfDataplane): { drops: number; ofFlow: number; received: number } {
  const { count, values } = plane.readDrops();
  const view = new DataView(values.buffer, values.byteOffset, values.byteLength);
  let drops = 0;
  for (let i = 0; i < count; i++)
    drops += Number(view.getBigUint64(i * DROP_RECORD_SIZE + DROP_RECORD_OFFSETS.packets, true));
  const table = new FlowTable(plane.readFlows());
  const flow = Array.from({ length: table.count }, (_, i) => i).find((i) => table.protocol(i) === UDP) ?? 0;
  return { drops, ofFlow: table.wide(flow, RECORD.drops), received: table.counter(flow, 3) };
}

test("while a newer object takes over under load, each drop is counted by one of the two", async () => {
  const pair = new TestLink("swap");
  const pinDirectory = `/sys/fs/bpf/dataplane-test-${process.pid}-${made++}`;
  const directories = [BPF, newerObject(), BPF, newerObject()];
  const planes: LibbpfDataplane[] = [];
  let sender: ChildProcess | undefined;
  try {
    const cookie = netnsCookie(pair.podNetns);
    const ifindex = links(pair.podNetns).find(({ name }) => name === "eth0")?.ifindex as number;
    let generation: string | undefined;
    for (const bpfDirectory of directories) {
      const plane = new LibbpfDataplane({ bpfDirectory, pinDirectory, ...TABLE });
      planes.push(plane);
      generation = plane.start(generation).generation;
      plane.markReported();
      plane.attach({ cookie, ifindex, netns: pair.podNetns, endpointId: 7 });
      const endpointIds = [7, 0, 0, 0, 0, 0, 0, 0];
      plane.setNamespace(cookie, { kind: NetnsKind.POD, endpointCount: 1, endpointIds });
      sender ??= flood(pair.peerNetns);
      const before = droppedAndReceived(plane).drops;
      await until("drops under this version", () => droppedAndReceived(plane).drops > before + 500);
      await planes.at(-2)?.close({ remove: false });
    }
    const ended = new Promise((resolve) => sender?.once("exit", resolve));
    sender?.kill("SIGKILL");
    await ended;
    const last = planes.at(-1) as LibbpfDataplane;
    const { drops, ofFlow, received } = droppedAndReceived(last);
    expect(received).toBeGreaterThan(2000);
    expect({ drops, ofFlow }).toEqual({ drops: received, ofFlow: received });
    await last.close({ remove: true });
  } finally {
    sender?.kill("SIGKILL");
    fs.rmSync(pinDirectory, { recursive: true, force: true });
    pair.remove();
  }
});

/** Maps that an earlier life has left. */
function leavePins(pinDirectory: string): string {
  const plane = new LibbpfDataplane({ bpfDirectory: BPF, pinDirectory, ...TABLE });
  const { generation } = plane.start(undefined);
  plane.markReported();
  void plane.close({ remove: false });
  return generation;
}
const flowsId = (pinDirectory: string, generation: string): number => {
  const map = openPinnedMap(path.join(pinDirectory, generation, "maps", "flows"));
  map.close();
  return map.id;
};

test("what stands for a flow outside outlives agents and goes with the flow; what stands for none is swept", async () => {
  const pinDirectory = `/sys/fs/bpf/dataplane-test-${process.pid}-${made++}`;
  try {
    const generation = leavePins(pinDirectory);
    const maps = ["flows", "translations"].map((name) =>
      openPinnedMap(path.join(pinDirectory, generation, "maps", name)),
    );
    const [flows, translations] = maps as [BpfMap, BpfMap];
    const flow = { ...OUTWARD, endpointId: 7 };
    flows.update(...entryOf(flow, 20_007));
    translations.update(...translationOf(flow, 20_007));
    translations.update(...translationOf({ ...flow, sport: 4001 }, 20_008));
    const next = new LibbpfDataplane({ bpfDirectory: BPF, pinDirectory, ...TABLE });
    expect(next.start(generation).adopted).toBe(true);
    expect(next.forwarding.sweepTranslations()).toEqual({ found: 2, removed: 1 });
    expect(translations.lookup(translationOf(flow, 20_007)[0])).toBeDefined();
    next.deleteFlows(entryOf(flow, 20_007)[0], 1);
    expect([flows, translations].map((map) => map.readAll().count)).toEqual([0, 0]);
    for (const map of maps) map.close();
    await next.close({ remove: true });
  } finally {
    fs.rmSync(pinDirectory, { recursive: true, force: true });
  }
});

const HOST = addressBytes("192.0.2.1") as Uint8Array;
const OUTWARD: Omit<FlowKey, "endpointId"> = {
  ...{ saddr: addressBytes("10.201.0.5") as Uint8Array, daddr: addressBytes("198.51.100.2") as Uint8Array },
  ...{ sport: 4000, dport: 53, proto: UDP, family: 4, vlan: 0 },
};
type Pair = [key: Uint8Array, value: Uint8Array];
const bytesOf = (size: number, encode: (view: DataView) => void): Uint8Array => {
  const bytes = new Uint8Array(size);
  encode(new DataView(bytes.buffer));
  return bytes;
};
/** Of a flow that was reported for the last time. */
function entryOf(flow: FlowKey, natPort: number): Pair {
  const { path: none, ...record } = emptyRecord();
  const retired = {
    ...record,
    lifecycle: FlowLifecycle.RETIRED,
    path: { ...none, natAddress: HOST, natPort },
  };
  return [
    bytesOf(FLOW_KEY_SIZE, (view) => encodeFlowKey(flow, view)),
    bytesOf(FLOW_RECORD_SIZE, (view) => encodeFlowRecord(retired, view)),
  ];
}
function translationOf(flow: FlowKey, port: number): Pair {
  const key = { remote: flow.daddr, address: HOST, remotePort: flow.dport, port, proto: flow.proto };
  return [
    bytesOf(TRANSLATION_KEY_SIZE, (view) => encodeTranslationKey(key, view)),
    bytesOf(TRANSLATION_SIZE, (view) =>
      encodeTranslation({ flow, check: 0, claimedS: 1, wirePort: 0 }, view),
    ),
  ];
}

test("an object that can't be loaded leaves the maps of an earlier life, and says so; the next one goes on", async () => {
  const pinDirectory = `/sys/fs/bpf/dataplane-test-${process.pid}-${made++}`;
  try {
    const generation = leavePins(pinDirectory);
    const before = flowsId(pinDirectory, generation);
    const broken = temporaryDirectory("bpf");
    const bytes = fs.readFileSync(path.join(BPF, "observe.bpf.o"));
    fs.writeFileSync(path.join(broken, "observe.bpf.o"), bytes.subarray(0, bytes.length / 2));
    const failing = new LibbpfDataplane({ bpfDirectory: broken, pinDirectory, ...TABLE });
    expect(() => failing.start(generation)).toThrow(
      `over the maps in ${pinDirectory}/${generation}, which stay`,
    );
    expect(failing.leftBehind()).toEqual([]);
    const next = new LibbpfDataplane({ bpfDirectory: BPF, pinDirectory, ...TABLE });
    expect(next.start(generation)).toEqual({ generation, adopted: true });
    expect(flowsId(pinDirectory, generation)).toBe(before);
    await next.close({ remove: true });
  } finally {
    fs.rmSync(pinDirectory, { recursive: true, force: true });
  }
});

test("a pinned map of another shape is given up with its generation, and the map is named", async () => {
  const pinDirectory = `/sys/fs/bpf/dataplane-test-${process.pid}-${made++}`;
  try {
    const generation = leavePins(pinDirectory);
    const drops = path.join(pinDirectory, generation, "maps", "drops");
    fs.rmSync(drops);
    const shape = ["type", "hash", "key", "4", "value", "8", "entries", "16", "name", "drops"];
    execFileSync("bpftool", ["map", "create", drops, ...shape]);
    const next = new LibbpfDataplane({ bpfDirectory: BPF, pinDirectory, ...TABLE });
    expect(next.start(generation).adopted).toBe(false);
    expect(next.leftBehind()).toEqual([
      {
        ...{ generation, reported: true, totals: [] },
        why: expect.stringMatching(new RegExp(`^maps ${generation}: map drops: .*keySize 4, wanted \\d+`)),
      },
    ]);
    await next.close({ remove: true });
  } finally {
    fs.rmSync(pinDirectory, { recursive: true, force: true });
  }
});
