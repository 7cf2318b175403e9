/**
 * The life of one container: bundle, `runc run`, its end, and programs run inside it. It starts each once;
 * bringing back what ended is keeper.ts's. One runc root a host, so that a host's agent sees only its own.
 */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import {
  type BundleInput,
  cgroupPath,
  ociConfig,
  REPORT_IN_CONTAINER,
  SETTINGS_IN_CONTAINER,
} from "./bundle.ts";
import { isAlive, kill, type ProcessId, startTicks } from "./process-table.ts";
import { bind, type Mount } from "./rootfs.ts";
import { type HostPaths, hostPaths, type StatePaths } from "./state-directory.ts";
import { LabError, run, until } from "./subprocess.ts";
import type { ContainerSpec, PodPlan } from "./topology.ts";

export type ContainerHome = {
  labName: string;
  state: StatePaths;
  sharedMounts: readonly Mount[];
};
export type RunningContainer = ProcessId & {
  spec: ContainerSpec;
  id: string;
  cgroup: string;
  /** By performance.now(). */
  startedAtMs: number;
};

const KILL_DEADLINE_MS = 5_000;
const LOG_TAIL_BYTES = 800;

const reportDirectory = (home: ContainerHome, pod: PodPlan, container: ContainerSpec): string =>
  path.join(home.state.reports, `${pod.name}.${container.name}`);
export const reportFile = (home: ContainerHome, pod: PodPlan, container: ContainerSpec): string =>
  path.join(reportDirectory(home, pod, container), "report.json");
export const podHostsFile = (paths: HostPaths, pod: PodPlan): string =>
  path.join(paths.pods, `${pod.name}.hosts`);

async function writeBundle(
  home: ContainerHome,
  pod: PodPlan,
  podUid: string,
  spec: ContainerSpec,
  id: string,
) {
  const paths = hostPaths(home.state, pod.host.name);
  const bundle = path.join(paths.bundles, id);
  const report = reportDirectory(home, pod, spec);
  await mkdir(report, { recursive: true });
  await mkdir(bundle);
  const input: BundleInput = {
    labName: home.labName,
    pod,
    podUid,
    container: spec,
    rootfs: home.state.rootfs,
    mounts: [
      ...home.sharedMounts,
      bind(podHostsFile(paths, pod), "/etc/hosts"),
      bind(home.state.settingsDirectory, SETTINGS_IN_CONTAINER),
      bind(report, REPORT_IN_CONTAINER, "rw"),
    ],
  };
  try {
    await writeFile(path.join(bundle, "config.json"), JSON.stringify(ociConfig(input)));
  } catch (error) {
    await rm(bundle, { recursive: true, force: true }); // the next attempt has an id of its own
    throw error;
  }
  return bundle;
}

/** The container inherits the log as its output, which is why this isn't run() with its pipes. */
function runDetached(argv: readonly string[], logFile: string): Promise<number> {
  const log = openSync(logFile, "w");
  const [program = "", ...args] = argv;
  return new Promise<number>((resolve, reject) => {
    const child = spawn(program, args, { stdio: ["ignore", log, log] });
    child.on("error", reject);
    child.on("exit", (code) => resolve(code ?? 1));
  }).finally(() => closeSync(log));
}

export async function startContainer(
  home: ContainerHome,
  pod: PodPlan,
  podUid: string,
  spec: ContainerSpec,
): Promise<RunningContainer> {
  const paths = hostPaths(home.state, pod.host.name);
  const id = randomBytes(32).toString("hex");
  const bundle = await writeBundle(home, pod, podUid, spec, id);
  const pidFile = path.join(bundle, "init.pid");
  const logFile = path.join(paths.logs, `${pod.name}.${spec.name}.log`);
  const code = await runDetached(
    ["runc", "--root", paths.runcRoot, "run", "--detach", "--bundle", bundle, "--pid-file", pidFile, id],
    logFile,
  );
  const pid = code === 0 ? Number(await readFile(pidFile, "utf8")) : 0;
  const ticks = pid > 0 ? startTicks(pid) : undefined;
  // One that isn't to be kept may be done already; one that is, and ended at once, is broken.
  if (code !== 0 || (ticks === undefined && spec.restart)) {
    const said = (await readFile(logFile, "utf8").catch(() => "")).trim().slice(-LOG_TAIL_BYTES);
    await discard(paths, id);
    const how = code === 0 ? "ended at once" : `runc's exit code ${code}`;
    throw new LabError(
      `container ${spec.name} of pod ${pod.name} doesn't start: ${how}; ${said || "it said nothing"}`,
    );
  }
  const cgroup = cgroupPath(home.labName, pod.name, spec.name);
  return { spec, id, cgroup, pid, startTicks: ticks ?? "ended", startedAtMs: performance.now() };
}

/** What is left of a container that doesn't run: runc's state, its cgroups, the bundle. */
async function discard(paths: HostPaths, id: string): Promise<void> {
  await run({ argv: ["runc", "--root", paths.runcRoot, "delete", "--force", id] });
  await rm(path.join(paths.bundles, id), { recursive: true, force: true });
}

export async function endContainer(
  home: ContainerHome,
  pod: PodPlan,
  container: RunningContainer,
): Promise<void> {
  // Our own KILL and short polls: `runc delete --force` of a live container sleeps 100 ms at least.
  if (isAlive(container)) kill(container.pid, "SIGKILL");
  if (!(await until(() => !isAlive(container), KILL_DEADLINE_MS))) {
    throw new LabError(
      `container ${container.spec.name} of pod ${pod.name}: process ${container.pid} won't die`,
    );
  }
  await discard(hostPaths(home.state, pod.host.name), container.id);
}

export async function execInContainer(
  home: ContainerHome,
  pod: PodPlan,
  container: RunningContainer,
  argv: readonly string[],
  options: { stdin?: string; timeoutMs?: number },
) {
  const { runcRoot } = hostPaths(home.state, pod.host.name);
  const command = ["runc", "--root", runcRoot, "exec", container.id, ...argv];
  return await run(
    { argv: command, ...(options.stdin === undefined ? {} : { stdin: options.stdin }) },
    options.timeoutMs,
  );
}
