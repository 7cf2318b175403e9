/**
 * podman with crun: its OCI runtime's state, of the system's containers and of the users' own. With runc its
 * containers are in plain runc's root, and known by their annotations.
 */
import path from "node:path";
import { OciRuntime } from "./oci-runtime.ts";
import { bundleAnnotations } from "./oci-state.ts";
import type { ProcessTable } from "./process.ts";
import { subdirectories } from "./state-file.ts";

export const PODMAN_ROOT = "/run/crun";
const STORAGE = "/var/lib/containers/storage/overlay-containers";
/** Below each user's directory, podman without root keeps either runtime's states. */
const USERS = "/run/user";

export const podman = (
  root: string,
  processes: ProcessTable,
  places: { storage?: string; users?: string } = {},
): OciRuntime => {
  const users = places.users ?? (root === PODMAN_ROOT ? USERS : undefined);
  return new OciRuntime({
    name: "podman",
    processes,
    roots: () => [root, ...(users ? rootsOfUsers(users) : [])],
    ...(users ? { parents: [users] } : {}),
    annotations: ({ id, annotations }) =>
      Object.keys(annotations).length > 0
        ? {}
        : bundleAnnotations(path.join(places.storage ?? STORAGE, id, "userdata")),
  });
};

const rootsOfUsers = (users: string): string[] =>
  subdirectories(users).flatMap((user) => [path.join(user, "crun"), path.join(user, "runc")]);
