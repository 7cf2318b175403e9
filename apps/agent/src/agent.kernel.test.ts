import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import type { DesiredTrace } from "@millrace/contract/agent-protocol";
import { DesiredTrace as DesiredTraceSchema } from "@millrace/contract/agent-protocol";
import { listLinks, listMaps, listPrograms, openPinnedLink } from "@millrace/native/native";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { agentCommand } from "../../../tools/agent-command.mjs";
import { onlyAgentCapabilities } from "../../../tools/up/services.mjs";
import { PodPair } from "./testing/pod-pair.ts";
import { RecordingServer } from "./testing/recording-server.ts";
import { temporaryDirectory, until } from "./testing/temporary.ts";

let server: RecordingServer;
let pair: PodPair;
let directory: string;
let pinDir: string;
let url: string;
let agent: ChildProcess | undefined;
let made = 0;
/** What the agent is started by. */
let privileges: string[] = [];

beforeEach(async () => {
  directory = temporaryDirectory("kernel");
  privileges = [];
  pinDir = `/sys/fs/bpf/agent-test-${process.pid}-${made++}`;
  server = new RecordingServer();
  url = await server.listen();
  pair = new PodPair(directory);
  fs.writeFileSync(path.join(directory, "token"), "a-token-of-twenty-letters");
  await pair.serve();
});
afterEach(async () => {
  agent?.kill("SIGKILL");
  await ended();
  fs.rmSync(pinDir, { recursive: true, force: true });
  pair.remove();
  await server.close();
});

function start(...more: string[]): void {
  const flags = [
    ...["--server", url, "--host-name", "test", "--state-dir", path.join(directory, "state")],
    ...["--pin-dir", pinDir, "--host-netns", pair.peerNetns, "--runtime", `runc=${pair.runcRoot}`],
    ...[
      "--enrol-token-file",
      path.join(directory, "token"),
      "--interval",
      "200",
      "--log-level",
      "warn",
      ...more,
    ],
  ];
  const [command = "", ...rest] = [...privileges, process.execPath, ...agentCommand, ...flags];
  agent = spawn(command, rest, { stdio: ["ignore", "inherit", "inherit"] });
}
async function ended(): Promise<number | null> {
  const child = agent;
  if (child && child.exitCode === null && child.signalCode === null)
    await new Promise((resolve) => child.once("exit", resolve));
  return child?.exitCode ?? null;
}
const covered = () => until("the pod is covered", () => server.heartbeat?.pods[0]?.state === "covered");

/** Flows, endpoint totals and the interface's own counters say the same, to the packet. */
async function untilConserved(flows: number): Promise<void> {
  const problem = () => {
    const totals = server.ledger.totals();
    const attributed = server.ledger.flowPackets() + totals.apart;
    const same =
      totals.packets === totals.devicePackets &&
      totals.bytes === totals.deviceBytes &&
      totals.packets === attributed &&
      server.ledger.flows().size >= flows;
    return same ? undefined : JSON.stringify({ ...totals, attributed, flows: server.ledger.flows().size });
  };
  let last: string | undefined;
  const holds = () => {
    last = problem();
    return last === undefined;
  };
  await until("conservation", holds, 25_000).catch((error) => {
    throw new Error(`${error.message}; ${last}`);
  });
}

/** Of the traces' objects those that the agent holds: others may trace on this machine at the same time. */
function heldTraceObjects(): string[] {
  const folder = `/proc/${agent?.pid}/fdinfo`;
  const infos = fs.readdirSync(folder).map((fd) => {
    try {
      return fs.readFileSync(path.join(folder, fd), "utf8");
    } catch {
      return ""; // closed meanwhile
    }
  });
  const lines = infos.flatMap((info) => [...info.matchAll(/^(?:prog|map)_id:\s*\d+/gm)]);
  const held = new Set(lines.map(([line]) => line.replace(/\s+/, "")));
  return traceObjects().filter((object) => held.has(object));
}
const traceObjects = (): string[] => [
  ...listPrograms().flatMap(({ id, name }) => (name.startsWith("trace_") ? [`prog_id:${id}`] : [])),
  ...listMaps().flatMap(({ id, name }) => (name.startsWith("trace_") ? [`map_id:${id}`] : [])),
];
const noneIsLeft = (objects: readonly string[]) => () => {
  const left = new Set(traceObjects());
  return !objects.some((object) => left.has(object));
};

describe("the agent on a real kernel", () => {
  test("what the pod's interface counts arrives as flows, to the packet and the byte", async () => {
    start();
    await covered();
    const before = pair.packets();
    await pair.send({ connections: 40, datagrams: 20, bytes: 3000 });
    pair.inPod("ping", "-c", "5", "-i", "0.002", "-q", pair.peerAddress);
    pair.inPod("ping", "-6", "-c", "5", "-i", "0.002", "-q", "fd77::2");
    const sent = pair.packets() - before;
    await until("all that was sent is told", () => server.ledger.totals().packets >= sent);
    await untilConserved(44);
    expect(server.ledger.lost("flow-updates")).toBe(0);
    const workloads = [...server.ledger.batches.values()].flatMap(({ head }) => head.workloads);
    expect(workloads.find(({ kind }) => kind === "pod")).toMatchObject({ pod: "web", service: "web" });
    expect(server.hellos[0]?.capabilities.find(({ name }) => name === "tc")?.supported).toBe(true);
  });

  test("killed with -9 again and again under traffic, with answers lost on the way, nothing is lost or doubled", async () => {
    server.breakEvery = 5;
    start();
    await covered();
    for (let life = 0; life < 4; life++) {
      const before = server.ledger.batches.size;
      const traffic = pair.send({ connections: 100, datagrams: 10, bytes: 2000 });
      await until("a batch with traffic", () => server.ledger.batches.size > before);
      agent?.kill("SIGKILL");
      await ended();
      start();
      await traffic;
    }
    await untilConserved(402);
    expect(new Set(server.hellos.map(({ incarnation }) => incarnation)).size).toBeGreaterThanOrEqual(4);
  });

  test("with a table too small for the flows, what no flow got is counted as such, and the sum still holds", async () => {
    start("--flow-table", "64", "--flow-share", "100");
    await covered();
    await pair.send({ connections: 300, datagrams: 5, bytes: 500 });
    await untilConserved(64);
    expect(server.ledger.totals().apart).toBeGreaterThan(0);
  });

  test("a counter that is broken on purpose breaks the sum", async () => {
    start("--break-counter");
    await covered();
    await pair.send({ connections: 100, datagrams: 50, bytes: 500 });
    const totals = () => server.ledger.totals();
    await until("all totals", () => totals().packets >= 900 && totals().packets === totals().devicePackets);
    expect(server.ledger.flowPackets() + totals().apart).toBeLessThan(totals().packets);
  });

  test("SIGTERM hands over what was counted and leaves the counting on; cleanup leaves nothing", async () => {
    start();
    await covered();
    await pair.send({ connections: 10, datagrams: 5, bytes: 100 });
    agent?.kill("SIGTERM");
    expect(await ended()).toBe(0);
    const handedOver = server.ledger.totals().packets;
    expect(handedOver).toBeGreaterThanOrEqual(100);
    await pair.send({ connections: 10, datagrams: 5, bytes: 100 });
    start();
    await covered();
    await untilConserved(24);
    expect(server.ledger.totals().packets).toBeGreaterThan(handedOver);
    agent?.kill("SIGTERM");
    await ended();
    const pinned = pinnedLinks();
    expect(pinned.length).toBeGreaterThanOrEqual(2);
    agent = spawn(process.execPath, [...agentCommand, "cleanup", "--pin-dir", pinDir]);
    expect(await ended()).toBe(0);
    expect(fs.existsSync(pinDir)).toBe(false);
    const isLeft = (id: number, progId: number) =>
      listLinks().some((link) => link.id === id) || listPrograms().some((program) => program.id === progId);
    await until("nothing is left", () => !pinned.some(({ id, progId }) => isLeft(id, progId)));
  });

  test("maps that a later agent can't take up are read once more: what they counted meanwhile is a numbered loss", async () => {
    start("--flow-table", "128");
    await covered();
    await pair.send({ connections: 10, datagrams: 5, bytes: 100 });
    agent?.kill("SIGTERM");
    expect(await ended()).toBe(0);
    const handedOver = server.ledger.totals().packets;
    const before = pair.packets();
    await pair.send({ connections: 10, datagrams: 5, bytes: 100 });
    const after = pair.packets();
    start("--flow-table", "256");
    const lost = () => server.ledger.lost("left-behind-packets");
    await until("the loss is told", () => lost() > 0);
    expect(lost()).toBeGreaterThanOrEqual(after - before);
    expect(lost()).toBeLessThanOrEqual(pair.packets() - handedOver);
    expect(server.ledger.lost("left-behind-bytes")).toBeGreaterThan(lost() * 40);
    await covered();
    expect(server.heartbeat?.gaps.map(({ what }) => what)).not.toContain(
      "what was counted since the last report of an earlier agent",
    );
    await pair.send({ connections: 5, datagrams: 5, bytes: 100 });
    await untilConserved(20);
    expect(fs.readdirSync(pinDir)).toEqual([expect.stringMatching(/-256-/)]);
  });

  test("with no capabilities but those the handbook names it sees pods, flows, drops and traces", async () => {
    privileges = ["setpriv", ...onlyAgentCapabilities()];
    start();
    await covered();
    await pair.send({ connections: 10, datagrams: 5, bytes: 500 });
    pair.inPod("bash", "-c", "echo x > /dev/udp/10.77.0.2/9999");
    await untilConserved(16);
    server.traces = [traceOf("connections", 1), traceOf("drops", 2)];
    await until("both", () => server.reports.filter(({ event }) => event === "attached").length === 2);
    await until("the drop's place", () => {
      return [...server.ledger.batches.values()].some(({ head }) =>
        head.places.some((place) => place.includes("udp")),
      );
    });
    const absent = server.hellos[0]?.capabilities.filter(({ reason }) => /EPERM|EACCES/.test(reason ?? ""));
    const needed = ["btf", "ringbuf", "tc", "tracing", "sockops", "cgroup_link", "iter", "kernel_symbols"];
    expect(absent?.filter(({ name }) => needed.includes(name))).toEqual([]);
  });

  test("SIGTERM ends it within its grace also when the server takes requests and never answers", async () => {
    start();
    await covered();
    server.silent = true;
    await pair.send({ connections: 5, datagrams: 5, bytes: 100 });
    agent?.kill("SIGTERM");
    await until("its end", () => agent?.exitCode === 0, 9000);
  });

  test("a second agent on the same state, or on the same pins, ends with one line and counts nothing", async () => {
    start();
    await covered();
    const shared = ["--server", url, "--host-name", "test"];
    for (const [state, pins] of [
      ["state", `${pinDir}-other`],
      ["other-state", pinDir],
    ] as const) {
      const own = ["--state-dir", path.join(directory, state), "--pin-dir", pins];
      const second = spawnSync(process.execPath, [...agentCommand, ...shared, ...own], {
        encoding: "utf8",
      });
      expect(second.status).toBe(69);
      const lines = second.stdout.trim().split("\n");
      expect(lines).toHaveLength(1);
      expect(JSON.parse(lines[0] as string).msg).toMatch(
        /^another agent runs on .*(state|agent-test-\d+-\d+):/,
      );
    }
    await pair.send({ connections: 5, datagrams: 5, bytes: 100 });
    await untilConserved(10);
  });

  test("cleanup while an agent runs removes nothing, says why in one line, and the agent counts on", async () => {
    start();
    await covered();
    const pinned = pinnedLinks();
    const args = [...agentCommand, "cleanup", "--pin-dir", pinDir];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    expect({ status, stdout, stderr }).toEqual({
      status: 69,
      stdout: "",
      stderr: `an agent runs on ${pinDir}: end it first\n`,
    });
    expect(pinnedLinks()).toEqual(pinned);
    await pair.send({ connections: 5, datagrams: 5, bytes: 100 });
    await untilConserved(10);
  });

  test("a pod that goes is reported to its end and its hooks are gone", async () => {
    start();
    await covered();
    await pair.send({ connections: 5, datagrams: 5, bytes: 100 });
    fs.rmSync(path.join(pair.runcRoot, "web"), { recursive: true });
    await until("the pod is gone", () => server.heartbeat?.pods.length === 0);
    await until("its flows are told of", () => server.ledger.flows().size >= 7);
    const hooks = () =>
      fs.readdirSync(pinDir).flatMap((name) => fs.readdirSync(path.join(pinDir, name, "hooks")));
    expect(hooks()).toEqual([]);
    const used = () => server.heartbeat?.maps.find(({ name }) => name === "flows")?.used;
    await until("its flows have left the kernel", () => used() === 0);
    expect(server.ledger.flowPackets() + server.ledger.totals().apart).toBe(server.ledger.totals().packets);
  });

  test("an interface that comes, is renamed or goes in a known pod is followed as the kernel tells", async () => {
    start();
    await covered();
    // Unless told, the agent would read them again after half a minute: this test waits for half of that.
    const reported = () => server.heartbeat?.pods[0];
    const are = (names: string) =>
      until(`the interfaces ${names}`, () => reported()?.interfaces.join(" ") === names);
    pair.inPod("ip", "link", "add", "extra0", "type", "bridge");
    await are("eth0 extra0");
    pair.inPod("ip", "link", "set", "extra0", "name", "more0");
    await are("eth0 more0");
    pair.inPod("ip", "address", "add", "10.78.0.1/24", "dev", "more0");
    await until("its address", () => reported()?.addresses.includes("10.78.0.1") === true);
    pair.inPod("ip", "link", "del", "more0");
    await are("eth0");
  });

  test("a trace's real events arrive with pod and process, and its end leaves nothing in the kernel", async () => {
    start();
    await covered();
    server.traces = [traceOf("connections", 1), traceOf("drops", 2)];
    await until(
      "both are attached",
      () => server.reports.filter(({ event }) => event === "attached").length === 2,
    );
    const held = heldTraceObjects();
    expect(held).not.toEqual([]);
    await pair.send({ connections: 2, datagrams: 0, bytes: 100 });
    pair.inPod("bash", "-c", "echo x > /dev/udp/10.77.0.2/9999");
    const steps = () => server.events.flatMap((event) => (event.kind === "connections" ? [event.step] : []));
    await until("the connections", () => steps().filter((step) => step === "close").length >= 2);
    expect(steps().filter((step) => step === "connect")).toHaveLength(2);
    const connect = server.events.find((event) => event.kind === "connections" && event.step === "connect");
    expect(connect).toMatchObject({ pod: "web", process: { comm: expect.any(String) } });
    await until("the drop", () =>
      server.events.some((event) => event.kind === "drops" && event.reason === "NO_SOCKET"),
    );
    server.traces = [];
    await until("the end", () => server.reports.filter(({ event }) => event === "detached").length === 2);
    // A closed link is detached at once; the kernel frees its program a moment later.
    await until("nothing is left", noneIsLeft(held), 5000);
  });

  test("the agent's death takes its traces along", async () => {
    start();
    await covered();
    server.traces = [traceOf("connections", 1)];
    await until("it is attached", () => server.reports.some(({ event }) => event === "attached"));
    const held = heldTraceObjects();
    expect(held).not.toEqual([]);
    agent?.kill("SIGKILL");
    await ended();
    await until("nothing is left", noneIsLeft(held), 5000);
  });
});

function pinnedLinks(): { id: number; progId: number }[] {
  const files = fs.readdirSync(pinDir, { recursive: true, encoding: "utf8" });
  return files
    .filter((name) => /\/(hooks|programs)\/[^/]+$/.test(name))
    .map((name) => {
      const link = openPinnedLink(path.join(pinDir, name));
      const { id, progId } = link.info();
      link.close();
      return { id, progId };
    });
}

function traceOf(kind: "connections" | "drops", n: number): DesiredTrace {
  const spec = { kind, hosts: ["test"], filter: {}, leaseSeconds: 60, rateEps: 1000, reason: "" };
  const id = `0190c0de-0000-7000-8000-00000000000${n}`;
  return DesiredTraceSchema.parse({ id, generation: 1, leaseEndsAtMs: Date.now() + 60_000, spec });
}
