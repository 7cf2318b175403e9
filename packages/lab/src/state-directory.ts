/**
 * Where a lab keeps what on disk: one function from the state directory to every path below it, and its
 * making and removal. Only what the lab itself made is ever removed.
 */
import { mkdir, readdir, rm, rmdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { LabError } from "./subprocess.ts";

/** sockaddr_un holds 108 bytes with the closing zero. */
const SOCKET_PATH_LIMIT = 107;
const MARKER = "lab.json";

export type StatePaths = {
  directory: string;
  /** Names the lab that the directory belongs to; see registry.ts. */
  marker: string;
  controlSocket: string;
  rootfs: string;
  /** Mounted read-only into every shop container: the live settings. */
  settingsDirectory: string;
  settingsFile: string;
  reports: string;
};
export type HostPaths = {
  directory: string;
  runcRoot: string;
  bundles: string;
  pods: string;
  logs: string;
  /** Where the host's dataplane takes CNI requests; its directory is the dataplane's to make. */
  cniSocket: string;
};

export function statePaths(stateDirectory: string): StatePaths {
  const directory = path.resolve(stateDirectory);
  const controlSocket = path.join(directory, "control.sock");
  if (Buffer.byteLength(controlSocket) > SOCKET_PATH_LIMIT) {
    throw new LabError(
      `${controlSocket}: longer than the ${SOCKET_PATH_LIMIT} bytes a unix socket's path may have; give a shorter --state`,
    );
  }
  const settingsDirectory = path.join(directory, "settings");
  return {
    directory,
    marker: path.join(directory, MARKER),
    controlSocket,
    rootfs: path.join(directory, "rootfs"),
    settingsDirectory,
    settingsFile: path.join(settingsDirectory, "settings.json"),
    reports: path.join(directory, "reports"),
  };
}

export function hostPaths(state: StatePaths, hostName: string): HostPaths {
  const directory = path.join(state.directory, hostName);
  return {
    directory,
    runcRoot: path.join(directory, "runc"),
    bundles: path.join(directory, "bundles"),
    pods: path.join(directory, "pods"),
    logs: path.join(directory, "logs"),
    cniSocket: path.join(directory, "cni", "cni.sock"),
  };
}

const entriesOf = (state: StatePaths): Promise<string[]> => readdir(state.directory).catch(() => []);

/** Makes every directory, after removing what a lab that was cut off may have left in it. */
export async function makeState(
  state: StatePaths,
  hostNames: readonly string[],
  owner: string,
): Promise<void> {
  await mkdir(state.directory, { recursive: true, mode: 0o755 });
  const entries = await entriesOf(state);
  if (entries.length > 0 && !entries.includes(MARKER)) {
    throw new LabError(
      `${state.directory}: holds other files and no ${MARKER}; give an empty directory as --state`,
    );
  }
  // The marker before all else: without it, nothing in there would ever be touched again.
  await writeFile(state.marker, owner);
  await clearState(state);
  for (const directory of [state.rootfs, state.settingsDirectory, state.reports]) await mkdir(directory);
  for (const hostName of hostNames) {
    const host = hostPaths(state, hostName);
    await mkdir(host.directory, { mode: 0o711 });
    for (const directory of [host.runcRoot, host.bundles, host.pods, host.logs]) await mkdir(directory);
  }
}

async function clearState(state: StatePaths): Promise<void> {
  const known = new Set(["control.sock", "rootfs", "settings", "reports"]);
  for (const entry of await entriesOf(state)) {
    if (!known.has(entry) && !/^h\d{1,2}$/.test(entry)) continue;
    await rm(path.join(state.directory, entry), { recursive: true, force: true });
  }
}

/** A directory without the marker is left as it is, unless it is empty. */
export async function removeState(state: StatePaths): Promise<void> {
  if ((await entriesOf(state)).includes(MARKER)) {
    await clearState(state);
    await rm(state.marker, { force: true });
  }
  await rmdir(state.directory).catch(() => {});
}
