/**
 * Pods of the test's own on this machine: a network namespace each, wired by the host's CNI plugin as a container runtime
 * would have it done. Nothing runs in them but a prober.
 */
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { CniResult } from "@millrace/contract/cni";
import { z } from "zod";
import type { PodPlace } from "./case.ts";
import type { Undo } from "./undo.ts";

const FOLDER = "/run/netns";
const PREFIX = "millrace-conn-";
const CNI_VERSION = "1.1.0";
const IFNAME = "eth0";
/** DEL and the namespace's end have to fit into the patience of a process that is told to leave. */
const WAIT_MS = { ADD: 20_000, DEL: 1_000 } as const;

/** Where a host's agent is asked, and by which plugin. */
export type Wiring = { plugin: string; socket: string };
export type TestPodSpec = { name: string; namespace: string; netns: string; wiring: Wiring };

/** The process's id is part of it: whose process is gone has nobody to remove it (sweepPods). */
export const netnsName = (role: string, hostNumber: number): string =>
  `${PREFIX}${process.pid}-${role}-${hostNumber}`;
export const netnsPath = (netns: string): string => `${FOLDER}/${netns}`;

/** Comes back with the pod as the plugin says it is, or throws; what there is by then is `undo`'s. */
export async function addPod(spec: TestPodSpec, undo: Undo): Promise<PodPlace> {
  await undo.make(
    "namespace",
    spec.netns,
    () => run(["ip", "netns", "add", spec.netns]),
    () => removeNetns(spec.netns),
  );
  const answer = await undo.make(
    "attachment",
    `of ${spec.name}`,
    () => callPlugin("ADD", spec),
    () => callPlugin("DEL", spec),
  );
  const result = CniResult.parse(JSON.parse(answer));
  const mtu = result.interfaces.find(({ sandbox }) => sandbox)?.mtu;
  if (mtu === undefined) throw new Error(`the CNI plugin doesn't say the MTU of ${spec.name}`);
  const address = (v6: boolean) =>
    result.ips
      .map((ip) => ip.address)
      .find((one) => one.includes(":") === v6)
      ?.split("/", 1)[0];
  return { name: spec.name, mtu, addresses: { 4: address(false), 6: address(true) } };
}

/** What runs of processes that are gone have left here. */
export async function sweepPods(wirings: readonly Wiring[]): Promise<string[]> {
  const left = namespacesHere().filter((netns) => !isAlive(Number(netns.slice(PREFIX.length).split("-")[0])));
  for (const netns of left) {
    // Whose it was isn't known any more; to remove what isn't there is no failure.
    for (const wiring of wirings) await callPlugin("DEL", { name: netns, namespace: "", netns, wiring });
    await removeNetns(netns);
  }
  return left;
}
async function removeNetns(netns: string): Promise<void> {
  if (existsSync(netnsPath(netns))) await run(["ip", "netns", "delete", netns]);
}
function namespacesHere(): string[] {
  try {
    return readdirSync(FOLDER).filter((name) => name.startsWith(PREFIX));
  } catch {
    return []; // no namespace was ever made
  }
}
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

const Refusal = z.object({ msg: z.string(), details: z.string() });

async function callPlugin(command: "ADD" | "DEL", { name, namespace, netns, wiring }: TestPodSpec) {
  const { plugin, socket: agentSocket } = wiring;
  const environment = {
    ...{ CNI_COMMAND: command, CNI_CONTAINERID: netns, CNI_NETNS: netnsPath(netns), CNI_IFNAME: IFNAME },
    CNI_PATH: "/opt/cni/bin",
    CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=${namespace};K8S_POD_NAME=${netns}`,
  };
  const network = { cniVersion: CNI_VERSION, name: "millrace-connectivity", type: "millrace" };
  const config = { ...network, agentSocket, waitMs: WAIT_MS[command] };
  const { code, stdout, stderr } = await outcomeOf([plugin], JSON.stringify(config), environment);
  if (code === 0) return stdout;
  throw new Error(`CNI ${command} of ${name} at ${agentSocket}: ${refusalIn(stdout) ?? (stderr || code)}`);
}
function refusalIn(stdout: string): string | undefined {
  try {
    const { msg, details } = Refusal.parse(JSON.parse(stdout));
    return details ? `${msg}: ${details}` : msg;
  } catch {
    return undefined;
  }
}

async function run(argv: readonly string[]): Promise<void> {
  const { code, stderr } = await outcomeOf(argv);
  if (code !== 0) throw new Error(`${argv.join(" ")}: ${stderr.trim() || code}`);
}

type Outcome = { code: number | string; stdout: string; stderr: string };
function outcomeOf(argv: readonly string[], stdin = "", environment: Record<string, string> = {}) {
  const [program = "", ...args] = argv;
  return new Promise<Outcome>((resolve, reject) => {
    const child = spawn(program, args, { env: { ...process.env, ...environment } });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (data: Buffer) => (stdout += data.toString()));
    child.stderr.on("data", (data: Buffer) => (stderr += data.toString()));
    child.stdin.on("error", () => {}); // its exit code says why it read no further
    child.stdin.end(stdin);
    child.on("error", (error) => reject(new Error(`${program} can't be run: ${error.message}`)));
    child.on("close", (code, signal) => resolve({ code: code ?? signal ?? "ended", stdout, stderr }));
  });
}
