/**
 * Docker: each container's config.v2.json says process, name, labels and image. Where the data root can't
 * be read, its runtime's state says the process and Docker's socket the names, asked now and then.
 */
import http from "node:http";
import path from "node:path";
import { z } from "zod";
import { boundedLabels, type Container, type Runtime } from "./container.ts";
import { OciStates } from "./oci-state.ts";
import type { ProcessTable } from "./process.ts";
import { StateFiles, subdirectories } from "./state-file.ts";

export const DOCKER_ROOT = "/var/lib/docker";
const STATES = "/run/docker/runtime-runc/moby";
const SOCKET = "/var/run/docker.sock";
const MAX_ANSWER = 4 << 20;

const Config = z.object({
  ID: z.string(),
  Name: z.string(),
  State: z.object({ Running: z.boolean(), Pid: z.int(), StartedAt: z.string().optional() }),
  Config: z.object({ Image: z.string().nullish(), Labels: z.record(z.string(), z.string()).nullish() }),
});
type Config = z.infer<typeof Config>;
const Listed = z.array(
  z.object({
    Id: z.string(),
    Names: z.array(z.string()),
    Image: z.string(),
    Labels: z.record(z.string(), z.string()).nullish(),
  }),
);
type Names = { name: string; image: string; labels: Record<string, string> };

export class Docker implements Runtime {
  readonly name = "docker";
  readonly #containers: string;
  readonly #states: string;
  readonly #socket: string;
  readonly #processes: ProcessTable;
  readonly #files = new StateFiles<Config>((json) => Config.safeParse(json).data);
  readonly #oci: OciStates;
  #asked = new Map<string, Names>();
  #refusal: string | null = null;

  constructor(root: string, processes: ProcessTable, places: { states?: string; socket?: string } = {}) {
    this.#containers = path.join(root, "containers");
    this.#states = places.states ?? STATES;
    this.#socket = places.socket ?? SOCKET;
    this.#processes = processes;
    this.#oci = new OciStates(processes);
  }
  watched(): string[] {
    return [this.#containers, this.#states];
  }

  list(): Container[] {
    const known = subdirectories(this.#containers)
      .map((directory) => this.#files.read(path.join(directory, "config.v2.json")))
      .filter((config) => config?.State.Running === true);
    this.#files.endSweep();
    const out = known.map((config) => this.#fromConfig(config as Config)).filter((c) => c !== undefined);
    const ids = new Set(out.map(({ id }) => id));
    const others = this.#oci.list(this.#states).filter(({ id }) => !ids.has(id));
    this.#oci.endSweep();
    if (others.some(({ id }) => !this.#asked.has(id))) this.#ask();
    return [...out, ...others.map((state) => this.#fromState(state))];
  }

  #fromConfig(config: Config): Container | undefined {
    const { ID: id, State, Config: settings } = config;
    const startTicks = this.#processes.startTicks(State.Pid);
    if (startTicks === undefined) return undefined;
    const started = Date.parse(State.StartedAt ?? "");
    const names = { name: config.Name, image: settings.Image ?? "", labels: settings.Labels ?? {} };
    return {
      ...describe(id, { pid: State.Pid, startTicks }, names),
      startedAtMs: Number.isNaN(started) ? null : started,
    };
  }
  #fromState(state: { id: string; pid: number; startTicks: number; createdAtMs: number | null }): Container {
    const names = this.#asked.get(state.id);
    const process = { pid: state.pid, startTicks: state.startTicks };
    if (names) return { ...describe(state.id, process, names), startedAtMs: state.createdAtMs };
    const blank = describe(state.id, process, { name: state.id.slice(0, 12), image: "", labels: {} });
    const unknown = this.#refusal ?? "Docker has not been asked yet";
    return { ...blank, startedAtMs: state.createdAtMs, unknown };
  }

  /** The answer serves the next sweep. */
  #ask(): void {
    const options = { socketPath: this.#socket, path: "/containers/json", timeout: 1000 };
    const request = http.get(options, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size > MAX_ANSWER) request.destroy(new Error("its answer is too long"));
        else chunks.push(chunk);
      });
      response.on("end", () => this.#take(Buffer.concat(chunks)));
    });
    request.on("timeout", () => request.destroy(new Error("no answer within a second")));
    request.on("error", (error) => {
      this.#refusal = `Docker's socket: ${error.message}`.slice(0, 200);
    });
  }
  #take(answer: Buffer): void {
    const listed = parse(answer);
    if (!listed) {
      this.#refusal = "Docker's socket gave an answer that can't be read";
      return;
    }
    this.#asked = new Map(
      listed.map((c) => [c.Id, { name: c.Names[0] ?? c.Id, image: c.Image, labels: c.Labels ?? {} }]),
    );
  }
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

function parse(answer: Buffer): z.infer<typeof Listed> | undefined {
  try {
    return Listed.safeParse(JSON.parse(answer.toString())).data;
  } catch {
    return undefined;
  }
}
