/**
 * Removes what a lab left behind, found by what exists (name prefix, cgroups, state directory) and not by
 * memory: it works after a kill -9 and after a power cut, and on nothing at all.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { cgroupProcesses, removeCgroups } from "./cgroup.ts";
import { endProcessesInNetns } from "./pods.ts";
import { kill, runcProcessesOf } from "./process-table.ts";
import { markedOwner, refuseWhenUp, registeredOwner, release } from "./registry.ts";
import { removeState, type StatePaths, statePaths } from "./state-directory.ts";
import { LabError, runChecked, until } from "./subprocess.ts";
import { LAB_NAME, netnsPath, netnsPrefix } from "./topology.ts";

const NETNS_DIRECTORY = "/run/netns";
const PROCESS_END_DEADLINE_MS = 5_000;

export type Swept = { processes: number; namespaces: number; mounts: number };

export function labNamespaces(labName: string): string[] {
  if (!existsSync(NETNS_DIRECTORY)) return [];
  return readdirSync(NETNS_DIRECTORY).filter((netns) => netns.startsWith(netnsPrefix(labName)));
}

/** runc itself first: one that is still at work would add to what is being counted here. */
async function endContainers(labName: string, state: StatePaths): Promise<number> {
  const living = () => [...runcProcessesOf(state.directory), ...cgroupProcesses(labName)];
  const found = living();
  const gone = await until(
    () => {
      const pids = living();
      for (const pid of pids) kill(pid, "SIGKILL");
      return pids.length === 0;
    },
    PROCESS_END_DEADLINE_MS,
    10,
  );
  if (!gone) throw new LabError(`lab ${labName}: processes ${living().join(", ")} won't die`);
  return found.length;
}

/** A lab mounts nothing on the machine; a runc killed in the wrong moment might have. */
async function unmountBelow(directory: string): Promise<number> {
  const points = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter((point) => point.startsWith(`${directory}/`));
  for (const point of points.reverse()) await runChecked({ argv: ["umount", "--lazy", point] });
  return points.length;
}

async function removeNamespaces(labName: string): Promise<number> {
  const namespaces = labNamespaces(labName);
  await endProcessesInNetns(namespaces.map(netnsPath));
  for (const netns of namespaces) {
    await runChecked({ argv: ["ip", "netns", "del", netns], absentTexts: ["No such file or directory"] });
  }
  return namespaces.length;
}

/** The caller makes sure that no living process owns the lab. */
export async function removeLeftovers(labName: string, state: StatePaths): Promise<Swept> {
  const processes = await endContainers(labName, state);
  const namespaces = await removeNamespaces(labName);
  const mounts = await unmountBelow(state.directory);
  const left = removeCgroups(labName);
  if (left.length > 0) throw new LabError(`lab ${labName}: cgroups ${left.join(", ")} can't be removed`);
  // runc keeps a container in its root and its cgroups only: both are gone, no need to ask it.
  const marked = markedOwner(state);
  if (!marked || marked.name === labName) await removeState(state);
  release(labName);
  return { processes, namespaces, mounts };
}

/** What `lab sweep` does: of the lab that the state directory names, else of `defaultName`. */
export async function sweep(stateDirectory: string, defaultName: string): Promise<Swept & { name: string }> {
  const state = statePaths(stateDirectory);
  const name = markedOwner(state)?.name ?? defaultName;
  if (!LAB_NAME.test(name)) throw new LabError(`'${name}' can't be a lab's name`);
  refuseWhenUp(name, state);
  // Killed labs of that name may have had their state elsewhere.
  const registered = registeredOwner(name);
  const swept = await removeLeftovers(name, registered ? statePaths(registered.stateDirectory) : state);
  if (registered && registered.stateDirectory !== state.directory) await removeLeftovers(name, state);
  return { ...swept, name };
}
