/**
 * Docker: each container's config.v2.json says process, name, labels and image. Where the data root can't
 * be read, its runtime's state says the process, and the names are left to Docker's socket.
 */
import path from "node:path";
import { z } from "zod";
import { boundedLabels, type Container, type Runtime } from "./container.ts";
import { type OciContainer, OciStates } from "./oci-state.ts";
import type { ProcessTable } from "./process.ts";
import { StateFiles, subdirectories } from "./state-file.ts";

export const DOCKER_ROOT = "/var/lib/docker";
const STATES = "/run/docker/runtime-runc/moby";

const Config = z.object({
  ID: z.string(),
  Name: z.string(),
  State: z.object({ Running: z.boolean(), Pid: z.int(), StartedAt: z.string().optional() }),
  Config: z.object({ Image: z.string().nullish(), Labels: z.record(z.string(), z.string()).nullish() }),
});
type Config = z.infer<typeof Config>;
const UNREADABLE = "Docker's own files tell nothing of it, so its socket has to";
type Names = { name: string; image: string; labels: Record<string, string> };

/** After a power cut the files say 'running' of what ran before it, with a pid that may be somebody else's now.
 *  Early clocks are set later, by so much at most. */
const CLOCK_STEP_MS = 120_000;

export class Docker implements Runtime {
  readonly name = "docker";
  readonly #containers: string;
  readonly #states: string;
  readonly #processes: ProcessTable;
  readonly #files = new StateFiles<Config>((json) => Config.safeParse(json).data);
  readonly #oci: OciStates;
  #bootedAtMs = 0;

  constructor(root: string, processes: ProcessTable, states = STATES) {
    this.#containers = path.join(root, "containers");
    this.#states = states;
    this.#processes = processes;
    this.#oci = new OciStates(processes);
  }
  watched(): string[] {
    return [this.#containers, this.#states];
  }

  list(): Container[] {
    this.#bootedAtMs = this.#processes.bootedAtMs() ?? 0;
    const known = subdirectories(this.#containers)
      .map((directory) => this.#files.read(path.join(directory, "config.v2.json")))
      .filter((config) => config !== undefined);
    this.#files.endSweep();
    const byId = new Map(known.map((config) => [config.ID, config]));
    const running = known.filter(({ State }) => State.Running);
    const out = running.map((config) => this.#fromConfig(config)).filter((c) => c !== undefined);
    const ids = new Set(out.map(({ id }) => id));
    const others = this.#oci.list(this.#states).filter(({ id }) => !ids.has(id));
    this.#oci.endSweep();
    return [...out, ...others.map((state) => fromState(state, byId.get(state.id)))];
  }

  #fromConfig(config: Config): Container | undefined {
    const { ID: id, State } = config;
    const startTicks = this.#processes.startTicks(State.Pid);
    const started = Date.parse(State.StartedAt ?? "");
    if (startTicks === undefined || started + CLOCK_STEP_MS < this.#bootedAtMs) return undefined;
    return {
      ...describe(id, { pid: State.Pid, startTicks }, namesOf(config)),
      startedAtMs: Number.isNaN(started) ? null : started,
    };
  }
}

const namesOf = ({ Name, Config: settings }: Config): Names => ({
  ...{ name: Name, image: settings.Image ?? "", labels: settings.Labels ?? {} },
});

/** The state is written before Docker notes that the container runs: its name is there already. */
function fromState(state: OciContainer, config: Config | undefined): Container {
  const { id, pid, startTicks, createdAtMs } = state;
  if (config) return { ...describe(id, { pid, startTicks }, namesOf(config)), startedAtMs: createdAtMs };
  const blank = describe(id, { pid, startTicks }, { name: id.slice(0, 12), image: "", labels: {} });
  return { ...blank, startedAtMs: createdAtMs, unknown: UNREADABLE };
}

function describe(id: string, process: { pid: number; startTicks: number }, names: Names): Container {
  const labels = boundedLabels(names.labels);
  const name = names.name.replace(/^\//, "");
  return {
    ...{ runtime: "docker", id, ...process, name, startedAtMs: null, labels, unknown: null },
    podName: labels["io.kubernetes.pod.name"] ?? null,
    podNamespace: labels["io.kubernetes.pod.namespace"] ?? null,
    isSandbox: labels["io.kubernetes.docker.type"] === "podsandbox",
    image: names.image || null,
  };
}
