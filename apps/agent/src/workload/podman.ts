/**
 * podman: its OCI runtime's state, and the configurations in its storage. Names and labels are in a database
 * that podman locks, so they are only what annotations tell.
 */
import path from "node:path";
import { OciRuntime } from "./oci-runtime.ts";
import { bundleAnnotations } from "./oci-state.ts";
import type { ProcessTable } from "./process.ts";

export const PODMAN_ROOT = "/run/crun";
const STORAGE = "/var/lib/containers/storage/overlay-containers";

export const podman = (root: string, processes: ProcessTable, storage = STORAGE): OciRuntime =>
  new OciRuntime({
    name: "podman",
    processes,
    roots: () => [root],
    annotations: ({ id, annotations }) =>
      Object.keys(annotations).length > 0 ? {} : bundleAnnotations(path.join(storage, id, "userdata")),
  });
