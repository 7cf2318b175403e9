/**
 * Containers as OCI runtimes keep them on disk: runc's state.json and crun's status, with the annotations
 * of the container's configuration. Which product drives the runtime is read off the annotations elsewhere.
 */
import path from "node:path";
import { z } from "zod";
import type { ProcessTable } from "./process.ts";
import { readRegularFile, StateFiles, subdirectories } from "./state-file.ts";

export type OciContainer = {
  id: string;
  pid: number;
  startTicks: number;
  bundle: string | null;
  annotations: Record<string, string>;
  createdAtMs: number | null;
};

const RuncState = z.object({
  id: z.string().min(1).max(1024),
  init_process_pid: z.int().positive(),
  init_process_start: z.number(),
  created: z.string().optional(),
  /** Annotations and the bundle's path, as `key=value`. */
  config: z.object({ labels: z.array(z.string()).nullish() }),
});
const CrunStatus = z.object({
  pid: z.int().positive(),
  "process-start-time": z.number(),
  created: z.string().optional(),
  bundle: z.string(),
});
const Config = z.object({ annotations: z.record(z.string(), z.string()).nullish() });

export class OciStates {
  readonly #processes: ProcessTable;
  readonly #runc = new StateFiles<OciContainer>((json) => fromRunc(json));
  readonly #crun = new StateFiles<OciContainer>((json, file) => fromCrun(json, file));

  constructor(processes: ProcessTable) {
    this.#processes = processes;
  }

  /** Containers below `root` whose first process lives. */
  list(root: string): OciContainer[] {
    const found = subdirectories(root)
      .map((d) => this.#runc.read(path.join(d, "state.json")) ?? this.#crun.read(path.join(d, "status")))
      .filter((container) => container !== undefined);
    return found.filter(({ pid, startTicks }) => this.#processes.startTicks(pid) === startTicks);
  }
  endSweep(): void {
    this.#runc.endSweep();
    this.#crun.endSweep();
  }
}

function fromRunc(json: unknown): OciContainer | undefined {
  const state = RuncState.safeParse(json).data;
  if (!state) return undefined;
  const labels = Object.fromEntries((state.config.labels ?? []).map(keyAndValue));
  const { bundle = null, ...annotations } = labels as Record<string, string>;
  return {
    ...{ id: state.id, pid: state.init_process_pid, startTicks: state.init_process_start },
    ...{ bundle, annotations, createdAtMs: milliseconds(state.created) },
  };
}

function fromCrun(json: unknown, file: string): OciContainer | undefined {
  const status = CrunStatus.safeParse(json).data;
  if (!status) return undefined;
  return {
    ...{ id: path.basename(path.dirname(file)), pid: status.pid, startTicks: status["process-start-time"] },
    ...{ bundle: status.bundle, annotations: bundleAnnotations(status.bundle) },
    createdAtMs: milliseconds(status.created),
  };
}

export function bundleAnnotations(bundle: string): Record<string, string> {
  try {
    const text = readRegularFile(path.join(bundle, "config.json"));
    return Config.safeParse(JSON.parse(text)).data?.annotations ?? {};
  } catch {
    return {};
  }
}

function keyAndValue(label: string): [string, string] {
  const at = label.indexOf("=");
  return at < 0 ? [label, ""] : [label.slice(0, at), label.slice(at + 1)];
}

function milliseconds(time: string | undefined): number | null {
  const parsed = time ? Date.parse(time) : Number.NaN;
  return Number.isNaN(parsed) ? null : parsed;
}
