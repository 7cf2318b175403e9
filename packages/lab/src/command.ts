/**
 * `lab …`: the command line of the lab, also mounted into `millrace`. Every command but `up` and `sweep`
 * asks a running lab through its control socket; none holds logic of its own.
 */
import { Command, InvalidArgumentError } from "commander";
import { stringify } from "yaml";
import { askLab } from "./control-client.ts";
import type { ControlRequest } from "./control-protocol.ts";
import { faultName } from "./fault.ts";
import { runForeground } from "./foreground.ts";
import { DEFAULT_HOSTS, DEFAULT_NAME, DEFAULT_RATE_PER_SECOND } from "./lab.ts";
import { markedOwner, ownerIsAlive } from "./registry.ts";
import { MAX_RATE_PER_SECOND } from "./settings.ts";
import { statePaths } from "./state-directory.ts";
import { type LabStatus, statusText } from "./status.ts";
import { LabError } from "./subprocess.ts";
import { sweep } from "./sweep.ts";
import { MAX_HOSTS } from "./topology.ts";

const DEFAULT_STATE = ".data/lab";
const OUTPUTS = ["table", "json", "yaml"] as const;
type Output = (typeof OUTPUTS)[number];
type StateOption = { state: string };

const print = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

const numberUpTo = (low: number, high: number) => (text: string) => {
  const value = Number(text);
  if (text.trim() === "" || !(value >= low && value <= high)) {
    throw new InvalidArgumentError(`expected a number from ${low} to ${high}.`);
  }
  return value;
};
const rate = numberUpTo(0, MAX_RATE_PER_SECOND);

function output(text: string): Output {
  const known = OUTPUTS.find((candidate) => candidate === text);
  if (!known) throw new InvalidArgumentError(`expected one of ${OUTPUTS.join(", ")}.`);
  return known;
}

function show(value: object, format: Output, text: () => string): void {
  if (format === "json") print(JSON.stringify(value, null, 2));
  else print(format === "yaml" ? stringify(value).trimEnd() : text());
}

async function ask(state: string, request: ControlRequest, untilClosed = false): Promise<LabStatus> {
  const status = await askLab(statePaths(state).controlSocket, request, { untilClosed });
  if (!status) throw new LabError(`no lab is up in ${statePaths(state).directory}; start it with 'lab up'`);
  return status;
}

const faultsText = ({ faults }: LabStatus): string =>
  faults.map((fault) => `${fault.on ? "on " : "off"}  ${fault.name.padEnd(14)} ${fault.title}`).join("\n");

async function down({ state }: StateOption): Promise<void> {
  const paths = statePaths(state);
  const status = await askLab(paths.controlSocket, { ask: "down" }, { untilClosed: true });
  const owner = markedOwner(paths);
  if (status) print(`lab ${status.name} is down`);
  else if (owner && ownerIsAlive(owner))
    throw new LabError(
      `lab ${owner.name} is coming up or going down: process ${owner.pid}, which a SIGTERM ends`,
    );
  else await sweepAndSay({ state, name: DEFAULT_NAME });
}

async function sweepAndSay({ state, name }: StateOption & { name: string }): Promise<void> {
  const swept = await sweep(state, name);
  print(`lab ${swept.name}: swept ${swept.processes} processes, ${swept.namespaces} namespaces`);
}

const withState = (command: Command): Command =>
  command.option("--state <dir>", "where the lab keeps its state", DEFAULT_STATE);
const withOutput = (command: Command): Command =>
  command.option("-o, --output <format>", OUTPUTS.join(", "), output, "table");

function faultCommand(): Command {
  const command = new Command("fault").description("list the faults, switch one on or off");
  withOutput(withState(command.command("list").description("every fault, and whether it is on"))).action(
    async ({ state, output: format }: StateOption & { output: Output }) => {
      const status = await ask(state, { ask: "status" });
      show(status.faults, format, () => faultsText(status));
    },
  );
  for (const [word, on] of [
    ["on", true],
    ["off", false],
  ] as const) {
    withState(command.command(word).description(`switch a fault ${word}`).argument("<name>")).action(
      async (name: string, { state }: StateOption) => {
        print(faultsText(await ask(state, { ask: "fault", name: faultName(name), on })));
      },
    );
  }
  return command;
}

export function labCommand(): Command {
  const lab = new Command("lab").description("hosts, containers, traffic and faults on this machine");
  withState(lab.command("up").description("bring the lab up and stay in the foreground until a signal"))
    .option("--hosts <n>", "how many hosts", numberUpTo(1, MAX_HOSTS), DEFAULT_HOSTS)
    .option("--rate <n>", "requests a second", rate, DEFAULT_RATE_PER_SECOND)
    .option("--name <name>", "names its namespaces and cgroups", DEFAULT_NAME)
    .option("--cni-plugin <path>", "wires the pods, instead of the kernel's bridge")
    .action(
      async (options: StateOption & { hosts: number; rate: number; name: string; cniPlugin?: string }) => {
        await runForeground({
          stateDirectory: options.state,
          hosts: options.hosts,
          ratePerSecond: options.rate,
          name: options.name,
          ...(options.cniPlugin ? { cniPlugin: options.cniPlugin } : {}),
        });
      },
    );
  withState(lab.command("down").description("take the lab down, or remove what a dead one left")).action(
    down,
  );
  withOutput(withState(lab.command("status").description("hosts, pods, containers and faults"))).action(
    async ({ state, output: format }: StateOption & { output: Output }) => {
      const status = await ask(state, { ask: "status" });
      show(status, format, () => statusText(status));
    },
  );
  withState(
    lab.command("rate").description("set the shopper's rate").argument("<n>", "requests a second", rate),
  ).action(async (ratePerSecond: number, { state }: StateOption) => {
    await ask(state, { ask: "rate", ratePerSecond });
    print(`${ratePerSecond} requests/s`);
  });
  withState(lab.command("sweep").description("remove what a killed lab left"))
    .option("--name <name>", "of the lab, when its state directory is gone", DEFAULT_NAME)
    .action(sweepAndSay);
  return lab.addCommand(faultCommand());
}
