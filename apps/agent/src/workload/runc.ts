/** Plain runc: one directory per container below its root. */
import { OciRuntime } from "./oci-runtime.ts";
import type { ProcessTable } from "./process.ts";

export const RUNC_ROOT = "/run/runc";
export const runc = (root: string, processes: ProcessTable): OciRuntime =>
  new OciRuntime({ name: "runc", processes, roots: () => [root] });
