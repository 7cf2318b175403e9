/**
 * containerd: runc's state below one root per containerd namespace; the task directories hold each
 * container's configuration. Docker's namespace is left to docker.ts, which knows names.
 */
import path from "node:path";
import { OciRuntime } from "./oci-runtime.ts";
import { bundleAnnotations } from "./oci-state.ts";
import type { ProcessTable } from "./process.ts";
import { subdirectories } from "./state-file.ts";

export const CONTAINERD_ROOT = "/run/containerd";
const TASKS = "io.containerd.runtime.v2.task";
const DOCKERS = "moby";

export function containerd(root: string, processes: ProcessTable): OciRuntime {
  const states = path.join(root, "runc");
  const known = new Map<string, Record<string, string>>();
  const roots = () => subdirectories(states).filter((directory) => path.basename(directory) !== DOCKERS);
  return new OciRuntime({
    name: "containerd",
    processes,
    roots,
    parents: [states],
    annotations: ({ id, bundle, annotations }) => {
      if (Object.keys(annotations).length > 0) return {};
      const task = bundle ?? taskOf(root, id);
      const read = known.get(id) ?? (task ? bundleAnnotations(task) : {});
      if (known.size < 4096) known.set(id, read);
      return read;
    },
  });
}

function taskOf(root: string, id: string): string | undefined {
  return subdirectories(path.join(root, TASKS))
    .map((namespace) => path.join(namespace, id))
    .find((directory) => subdirectories(path.dirname(directory)).includes(directory));
}
