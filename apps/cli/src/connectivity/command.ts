/**
 * `millrace connectivity test`: does this installation carry packets, and stop those that it must stop? It makes pods of its
 * own on this machine, tries what must and what must not get through, and takes away all that it made. Exit code 1 when
 * something is not as it must be.
 */
import { randomBytes } from "node:crypto";
import { accessSync, constants } from "node:fs";
import os from "node:os";
import { HostName } from "@millrace/contract/ids";
import { Command, Option } from "commander";
import { type Client, connect } from "../client.ts";
import { EXIT, UsageError } from "../failure.ts";
import { beforeLeaving, leave } from "../leaving.ts";
import { plain } from "../terminal.ts";
import { hostFacts, namedPod } from "./fleet.ts";
import { type Report, reportOf, reportText } from "./report.ts";
import { type Outcome, Run, type TestedHost } from "./run.ts";
import { sweepPods } from "./test-pod.ts";
import { Undo } from "./undo.ts";

const SOCKET = "/run/millrace/cni.sock";
const PLUGIN = "/opt/cni/bin/millrace";
const INTERRUPTED = 130;
/** Every pair of hosts is tried. */
const MOST_HOSTS = 8;

type Options = { host?: string[]; cniPlugin: string; to?: string[]; output: "text" | "json" };
export type HostOption = { name: string; socket: string; netns: string | undefined };

export function connectivityCommand(): Command {
  const connectivity = new Command("connectivity").description("whether this installation carries packets");
  connectivity
    .command("test")
    .description("make pods on this machine, connect them every way that must and must not work, remove them")
    .option(
      "--host <name=socket...>",
      `hosts whose agents are on this machine; “,PATH” behind it: its own network namespace (default: this machine's name, ${SOCKET})`,
    )
    .option("--to <pod...>", "also connect to these pods, [namespace/]name, wherever they are")
    .option("--cni-plugin <path>", "the CNI plugin that wires the pods", PLUGIN)
    .addOption(new Option("-o, --output <format>", "output").choices(["text", "json"]).default("text"))
    .action(testConnectivity);
  return connectivity;
}

async function testConnectivity(options: Options, self: Command): Promise<void> {
  const hosts = hostsIn(options.host, os.hostname());
  checkMachine(options.cniPlugin);
  const client = connect(self);
  const undo = new Undo();
  const stay = beforeLeaving(() => undo.run());
  const onInterrupt = () => void leave(INTERRUPTED);
  process.once("SIGINT", onInterrupt);
  let left: string[] = [];
  try {
    const report = await reported(client, hosts, options, undo);
    await undo.run(); // the report is the last that is said
    process.stdout.write(options.output === "json" ? `${JSON.stringify(report)}\n` : reportText(report));
    if (report.failed > 0) process.exitCode = EXIT.unwell;
  } finally {
    left = await undo.run();
    for (const one of left) note(`was not removed: ${one}`);
    process.off("SIGINT", onInterrupt);
    stay();
  }
  if (left.length > 0) throw new Error("something of the test's own was not removed");
}

async function reported(
  client: Client,
  options: readonly HostOption[],
  { cniPlugin: plugin, to }: Options,
  undo: Undo,
): Promise<Report> {
  const hosts = await Promise.all(
    options.map(async ({ name, socket, netns }): Promise<TestedHost> => {
      return { ...(await hostFacts(client, name)), wiring: { plugin, socket }, netns };
    }),
  );
  const named = await Promise.all((to ?? []).map((one) => namedPod(client, one)));
  for (const netns of await sweepPods(hosts.map(({ wiring }) => wiring)))
    note(`removed ${netns}, which an earlier run had left`);
  const id = randomBytes(4).toString("hex");
  const outcome = await new Run({ client, hosts, named, undo, id, note }).go();
  const names = await policyNames(client, outcome);
  return reportOf(outcome, {
    hosts: hosts.map(({ name }) => name),
    notTested: notTested(outcome, hosts.length, named.length),
    nameOf: (policy) => names.get(policy),
  });
}

async function policyNames(client: Client, { flows }: Outcome): Promise<Map<number, string>> {
  const numbers = [...new Set(flows.flatMap((flow) => (flow?.rules ?? []).map(({ policy }) => policy)))];
  const named = await client.policies.named.query({ numbers: numbers.slice(0, 500) });
  return new Map(named.map(({ number, kind, namespace, name }) => [number, `${kind} ${namespace}/${name}`]));
}

function notTested({ tried }: Outcome, hosts: number, named: number): string[] {
  const families = new Set(tried.map(({ case: { family } }) => family));
  return [
    ...([4, 6] as const).flatMap((family) =>
      families.has(family) ? [] : [`IPv${family}: pods have no address of it`],
    ),
    ...(hosts > 1 || named > 0 ? [] : ["from host to host: name a pod of another host with --to"]),
  ];
}

/** `name=socket[,netns]` each. */
export function hostsIn(texts: readonly string[] | undefined, thisMachine: string): HostOption[] {
  if (!texts) return [{ name: thisMachine, socket: SOCKET, netns: undefined }];
  const hosts = texts.map((text) => {
    const [, name = "", socket = "", netns] = /^([^=]+)=([^,]+)(?:,(.+))?$/.exec(text) ?? [];
    if (!HostName.safeParse(name).success || !socket.startsWith("/"))
      throw new UsageError(`--host: “${text}” is not like host-1=${SOCKET}`);
    return { name, socket, netns };
  });
  if (new Set(hosts.map(({ name }) => name)).size < hosts.length)
    throw new UsageError("--host: one of the hosts is named twice");
  if (hosts.length > MOST_HOSTS)
    throw new UsageError(`--host: at most ${MOST_HOSTS} hosts are tried at once`);
  return hosts;
}

function checkMachine(plugin: string): void {
  if (process.getuid?.() !== 0)
    throw new UsageError("it makes network namespaces on this machine: run it as root");
  try {
    accessSync(plugin, constants.X_OK);
  } catch (error) {
    throw new UsageError(`--cni-plugin: ${(error as Error).message}`);
  }
}

const note = (line: string): void => void process.stderr.write(`${plain(line)}\n`);
