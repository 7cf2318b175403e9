/** CRI-O: runc or crun state; its annotations say pod, container, image and labels. */
import { OciRuntime } from "./oci-runtime.ts";
import type { ProcessTable } from "./process.ts";

export const CRIO_ROOT = "/run/crio/runc";
export const crio = (root: string, processes: ProcessTable): OciRuntime =>
  new OciRuntime({ name: "cri-o", processes, roots: () => [root] });
