/** The agent's process: settings, the kernel, signals. Everything else is agent.ts's parts. */
import pino from "pino";
import { Agent } from "./agent.ts";
import { type AgentConfig, type CleanupConfig, readInvocation } from "./config.ts";
import { holdDirectories, holdPins } from "./dataplane/hold.ts";
import { LibbpfDataplane } from "./dataplane/libbpf-dataplane.ts";
import { Pins } from "./dataplane/pins.ts";
import { KernelLinks } from "./dataplane/pod-link.ts";
import { podLinkKind } from "./dataplane/pod-link-kind.ts";
import { cgroup2Mount, REQUIRED } from "./dataplane/probe.ts";
import { reservePorts } from "./dataplane/reserved-ports.ts";
import { findUplink } from "./dataplane/uplink.ts";
import { hostFacts } from "./host-facts.ts";
import { Cgroups } from "./workload/cgroup.ts";
import { ProcessTable } from "./workload/process.ts";
import { runtimesAt } from "./workload/runtimes.ts";

const EXIT_UNAVAILABLE = 69; // EX_UNAVAILABLE of sysexits.h

async function run(config: AgentConfig): Promise<void> {
  const log = pino({ name: "agent", level: config.logLevel, base: { host: config.hostName } });
  const dataplane = new LibbpfDataplane({
    bpfDirectory: config.bpfDir,
    pinDirectory: config.pinDir,
    flowCapacity: config.flowTable,
    flowBudget: Math.ceil((config.flowTable * config.flowShare) / 100),
    hostNetns: config.hostNetns,
    hooks: config.deviceHooks === "auto" ? undefined : config.deviceHooks,
    breakCounter: config.breakCounter,
  });
  const required: readonly string[] = [...REQUIRED, dataplane.hookKind];
  const missing = dataplane
    .capabilities()
    .filter(({ name, supported }) => required.includes(name) && !supported);
  if (missing.length > 0) {
    for (const { name, reason } of missing) log.fatal(`this kernel can't do ${name}: ${reason}`);
    process.exitCode = EXIT_UNAVAILABLE;
    return;
  }
  const agent = await begin(config, dataplane, log);
  let ending = false;
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    process.on(signal, () => {
      if (ending) process.exit(1); // a second signal: at once, the pins keep what was counted
      ending = true;
      log.info({ signal }, "ending");
      void agent.stop().then(() => process.exit(0));
    });
}

/** What can't be begun is told in one line; the supervisor tries again. */
async function begin(config: AgentConfig, dataplane: LibbpfDataplane, log: pino.Logger): Promise<Agent> {
  try {
    holdDirectories(config);
    const processes = new ProcessTable();
    const agent = new Agent({
      ...{ config, dataplane, log, processes, host: hostFacts() },
      runtimes: runtimesAt(config.runtime, processes),
      cgroups: new Cgroups(cgroup2Mount(), processes),
      podNetwork: config.dataplane ? podNetwork(config, dataplane) : undefined,
    });
    await agent.start();
    return agent;
  } catch (error) {
    const { message, verifierLog } = error as Error & { verifierLog?: string };
    log.fatal({ verifierLog: verifierLog?.slice(-2000) }, message);
    process.exit(EXIT_UNAVAILABLE);
  }
}

/** Removes what a running agent counts with only when none runs. */
function cleanup({ pinDir }: CleanupConfig): void {
  try {
    holdPins(pinDir);
    new Pins(pinDir).removeAll();
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exitCode = EXIT_UNAVAILABLE;
  }
}

function podNetwork(config: AgentConfig, dataplane: LibbpfDataplane) {
  const { hostNetns, uplink, tunnelPort, masqueradePorts, podLink } = config;
  const links = new KernelLinks(hostNetns, podLinkKind(podLink, dataplane.capabilities()));
  links.forwardThroughHost();
  if (masqueradePorts) reservePorts(hostNetns, masqueradePorts, tunnelPort);
  return { links, uplink: findUplink(hostNetns, uplink, tunnelPort), masqueradePorts };
}

const invocation = readInvocation(process.argv.slice(2), process.env);
if (invocation.do === "explain") {
  const out = invocation.exitCode === 0 ? process.stdout : process.stderr;
  out.write(`${invocation.text}\n`);
  process.exitCode = invocation.exitCode;
} else if (invocation.do === "cleanup") cleanup(invocation.config);
else await run(invocation.config);
