/**
 * podman with crun: its OCI runtime's state, of the system's containers and of the users' own. With runc its
 * containers are in plain runc's root, and known by their annotations.
 */
import path from "node:path";
import type { Runtime } from "./container.ts";
import { OciRuntime } from "./oci-runtime.ts";
import { bundleAnnotations } from "./oci-state.ts";
import type { ProcessTable } from "./process.ts";
import { subdirectories } from "./state-file.ts";

export const PODMAN_ROOT = "/run/crun";
const STORAGE = "/var/lib/containers/storage/overlay-containers";
/** Below each user's directory, podman without root keeps either runtime's states. */
const USERS = "/run/user";

export const podman = (root: string, processes: ProcessTable, storage = STORAGE): OciRuntime =>
  new OciRuntime({
    name: "podman",
    processes,
    roots: () => [root],
    annotations: ({ id, annotations }) =>
      Object.keys(annotations).length > 0 ? {} : bundleAnnotations(path.join(storage, id, "userdata")),
  });

/** These states are the users' to write: they may name what lives in a user namespace, and nothing else. */
export function podmanOfUsers(processes: ProcessTable, users = USERS): Runtime {
  const states = new OciRuntime({
    name: "podman",
    processes,
    roots: () => subdirectories(users).flatMap((user) => [path.join(user, "crun"), path.join(user, "runc")]),
    parents: [users],
  });
  return {
    name: "podman",
    watched: () => states.watched(),
    list: () => states.list().filter(({ pid }) => processes.hasOwnUsers(pid)),
  };
}
