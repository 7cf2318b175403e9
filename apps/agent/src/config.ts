/**
 * The agent's settings from flags and environment, checked together: every problem is named at once, and a
 * misspelt flag is corrected. The only reader of process.env.
 */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { HostName } from "@millrace/contract/ids";
import { parseBytes } from "@millrace/contract/units";
import { Command, CommanderError, Option } from "commander";
import { z } from "zod";
import { HOOK_KINDS } from "./dataplane/hook-kind.ts";
import { POD_LINK_CHOICES } from "./dataplane/pod-link-kind.ts";
import { type PortRange, parsePortRange } from "./network/port-range.ts";
import { SOCKET_KINDS, type SocketPlace } from "./runtime-socket/sockets.ts";
import { RUNTIME_KINDS, type RuntimePlace } from "./workload/runtimes.ts";

const PREFIX = "MILLRACE_AGENT_";
const directory = z
  .string()
  .min(1, "a directory is needed")
  .transform((text) => path.resolve(text));
const wholeNumber = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d+$/, "a whole number is needed")
    .transform(Number)
    .refine((n) => n >= least && n <= most, `between ${least} and ${most}`);

const Runtime = z.string().transform((text, ctx): RuntimePlace => {
  const at = text.indexOf("=");
  const kind = RUNTIME_KINDS.find((name) => name === text.slice(0, at));
  const place = text.slice(at + 1);
  if (kind && place) return { kind, directory: path.resolve(place) };
  ctx.addIssue({ code: "custom", message: `${text}: NAME=DIR with NAME one of ${RUNTIME_KINDS.join(", ")}` });
  return z.NEVER;
});
const RuntimeSocket = z.string().transform((text, ctx): SocketPlace => {
  const at = text.indexOf("=");
  const kind = SOCKET_KINDS.find((name) => name === text.slice(0, at));
  const place = text.slice(at + 1);
  if (kind && place) return { kind, socket: place === "none" ? null : path.resolve(place) };
  ctx.addIssue({
    code: "custom",
    message: `${text}: NAME=PATH or NAME=none with NAME one of ${SOCKET_KINDS.join(", ")}`,
  });
  return z.NEVER;
});
const Listen = z.string().transform((text, ctx): { host: string; port: number } => {
  const match = /^(.+):(\d{1,5})$/.exec(text);
  if (match && Number(match[2]) <= 65_535) return { host: match[1] as string, port: Number(match[2]) };
  ctx.addIssue({ code: "custom", message: `${text}: ADDRESS:PORT is needed` });
  return z.NEVER;
});
const MasqueradePorts = z.string().transform((text, ctx): PortRange | undefined => {
  const range = text === "none" ? undefined : parsePortRange(text);
  if (typeof range !== "string") return range;
  ctx.addIssue({ code: "custom", message: range });
  return z.NEVER;
});
const Server = z
  .url({ protocol: /^https?$/, error: "an http or https address is needed" })
  .refine((url) => !/^https?:\/\/[^/]*@/.test(url), "no credentials in the address");
const Bytes = z.string().transform((text, ctx): number => {
  const bytes = parseBytes(text);
  if (bytes !== undefined && bytes >= 16e6) return bytes;
  ctx.addIssue({ code: "custom", message: `${text}: a size of at least 16MB is needed` });
  return z.NEVER;
});

export const AgentConfig = z.object({
  server: Server,
  hostName: HostName,
  stateDir: directory,
  pinDir: directory,
  hostNetns: z.string().min(1),
  runtime: z.array(Runtime),
  runtimeSocket: z.array(RuntimeSocket),
  enrolTokenFile: directory.optional(),
  metrics: Listen.optional(),
  flowTable: wholeNumber(64, 4_194_304),
  /** In percent of it, how much one endpoint's flows may take. */
  flowShare: wholeNumber(1, 100),
  spoolLimit: Bytes,
  /** As the server says, when absent. */
  interval: wholeNumber(100, 60_000).optional(),
  bpfDir: directory,
  deviceHooks: z.enum(["auto", ...HOOK_KINDS]),
  podLink: z.enum(POD_LINK_CHOICES),
  detachOnExit: z.boolean(),
  conntrack: z.boolean(),
  /** Carry the packets of pods that a runtime asks us to attach. */
  dataplane: z.boolean(),
  /** The device to other hosts; by default that of the default route. */
  uplink: z.string().min(1).max(15).optional(),
  tunnelPort: wholeNumber(1, 65_535),
  /** Undefined: masquerading is left to the host's own stack. */
  masqueradePorts: MasqueradePorts,
  cniSocket: z
    .string()
    .min(1)
    .transform((text) => path.resolve(text)),
  /** Tests only: the kernel loses updates, which whoever adds up must notice. */
  breakCounter: z.boolean(),
  logLevel: z.enum(["debug", "info", "warn", "error"]),
});
export type AgentConfig = z.infer<typeof AgentConfig>;
export type CleanupConfig = { pinDir: string };

export type Invocation =
  | { do: "run"; config: AgentConfig }
  | { do: "cleanup"; config: CleanupConfig }
  | { do: "explain"; text: string; exitCode: number };

/** EX_CONFIG of sysexits.h. */
export const EXIT_CONFIG = 78;

const OPTIONS: readonly [flags: string, description: string, fallback?: string][] = [
  ["--server <url>", "the control plane's address for agents", "http://127.0.0.1:3001"],
  ["--host-name <name>", "what this host is called", os.hostname()],
  ["--state-dir <dir>", "credential and spool", "/var/lib/millrace-agent"],
  ["--pin-dir <dir>", "in a bpffs, which is mounted if need be", "/sys/fs/bpf/millrace/agent"],
  ["--host-netns <path>", "the host's own network namespace", hostNamespace()],
  ["--enrol-token-file <file>", "one-time token, read when there is no credential yet"],
  ["--metrics <address:port>", "serve /metrics, /healthz and /readyz here"],
  ["--flow-table <entries>", "how many flows the kernel keeps", "65536"],
  ["--flow-share <percent>", "how much of that table the flows of one interface of a pod may take", "50"],
  ["--spool-limit <size>", "how much the spool may hold", "256MB"],
  ["--interval <ms>", "how often counters are read; by default what the server says"],
  ["--uplink <device>", "with --dataplane: the device to other hosts; by default the default route's"],
  ["--tunnel-port <port>", "with --dataplane: the overlay's UDP port", "8472"],
  [
    "--masquerade-ports <first-last>",
    "with --dataplane: the host's ports for what pods send outside, or none: the host's own stack does that",
    "20000-31999",
  ],
  [
    "--pod-link <kind>",
    "with --dataplane: what new pods' links are: netkit, veth, or auto: netkit where the kernel has it",
    "auto",
  ],
  ["--cni-socket <path>", "with --dataplane: where the CNI plugin asks", "/run/millrace/cni.sock"],
  ["--bpf-dir <dir>", "where the BPF objects are"],
  [
    "--device-hooks <kind>",
    "how programs come to devices: tcx, tc (its filters), or auto: tcx where the kernel has it",
    "auto",
  ],
  ["--log-level <level>", "debug, info, warn or error", "info"],
];

export function readInvocation(argv: readonly string[], env: NodeJS.ProcessEnv): Invocation {
  let output = "";
  let chosen: Invocation | undefined;
  const program = new Command("millrace-agent");
  program.description("Counts what this host's containers send and receive. Changes no packet.");
  program.exitOverride().showSuggestionAfterError().enablePositionalOptions();
  program.configureOutput({ writeOut: (text) => (output += text), writeErr: (text) => (output += text) });
  for (const [flags, description, fallback] of OPTIONS) {
    const option = new Option(flags, description);
    program.addOption(fallback === undefined ? option : option.default(fallback));
  }
  program
    .option("--runtime <name=dir>", "look only here for containers; may be repeated", collect, [])
    .option(
      "--runtime-socket <name=path>",
      "ask this runtime here for names and labels, or not at all (name=none); may be repeated",
      collect,
      [],
    )
    .option("--detach-on-exit", "stop counting when the agent ends", false)
    .option("--dataplane", "wire pods and carry their packets (CNI), instead of only watching", false)
    .option("--no-conntrack", "don't read what the host's NAT translates")
    .addOption(
      new Option("--break-counter", "miscounts, for the test that must notice").default(false).hideHelp(),
    )
    .action((given) => {
      chosen = check(withEnvironment(program, given, env));
    });
  program
    .command("cleanup")
    .description("end counting and remove what is pinned")
    .requiredOption("--pin-dir <dir>")
    .action((given: CleanupConfig) => {
      chosen = { do: "cleanup", config: { pinDir: path.resolve(given.pinDir) } };
    });
  try {
    program.parse([...argv], { from: "user" });
  } catch (error) {
    const exitCode = error instanceof CommanderError && error.exitCode === 0 ? 0 : EXIT_CONFIG;
    return { do: "explain", text: output.trim(), exitCode };
  }
  return chosen ?? { do: "explain", text: program.helpInformation(), exitCode: EXIT_CONFIG };
}

const SWITCHES: ReadonlySet<string> = new Set(["detachOnExit", "breakCounter", "conntrack", "dataplane"]);
const LISTS: ReadonlySet<string> = new Set(["runtime", "runtimeSocket"]);
const collect = (value: string, before: string[]): string[] => [...before, value];

/** `--host-name` is MILLRACE_AGENT_HOST_NAME; a flag wins. Lists are separated by commas. */
function withEnvironment(
  program: Command,
  given: Record<string, unknown>,
  env: NodeJS.ProcessEnv,
): Record<string, unknown> {
  const out = { ...given };
  for (const name of Object.keys(AgentConfig.shape)) {
    const value = env[PREFIX + name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()];
    if (value === undefined || program.getOptionValueSource(name) === "cli") continue;
    if (LISTS.has(name)) out[name] = value.split(",").filter(Boolean);
    else out[name] = SWITCHES.has(name) ? value === "1" || value === "true" : value;
  }
  return out;
}

function check(given: Record<string, unknown>): Invocation {
  const parsed = AgentConfig.safeParse({ bpfDir: defaultBpfDirectory(), ...given });
  if (parsed.success) return { do: "run", config: parsed.data };
  const lines = parsed.error.issues.map((issue) => `  --${flagOf(issue.path)}: ${issue.message}`);
  return {
    do: "explain",
    text: ["These settings can't be used:", ...lines].join("\n"),
    exitCode: EXIT_CONFIG,
  };
}

const flagOf = (at: readonly PropertyKey[]): string =>
  String(at[0] ?? "").replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** The first process's, where that may be seen; an agent in a container of its own namespace must be told. */
function hostNamespace(): string {
  try {
    fs.statSync("/proc/1/ns/net");
    return "/proc/1/ns/net";
  } catch {
    return "/proc/self/ns/net";
  }
}

/** From here upwards: the agent runs from its sources and from its bundle. */
function defaultBpfDirectory(): string {
  return path.resolve(import.meta.dirname, "../../../packages/bpf/build");
}
