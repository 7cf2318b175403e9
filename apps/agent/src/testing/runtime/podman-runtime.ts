/** A real podman with a storage, a runc root and an API service of its own. Tests only. */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { until } from "../temporary.ts";
import { IMAGE, makeImage } from "./image.ts";
import type { ContainerWish, RealRuntime } from "./real-runtime.ts";
import { RuntimeSite } from "./site.ts";

/** podman raises limits to its own defaults, which needs CAP_SYS_RESOURCE unless they are what we have. */
function limits(): string {
  const files = String(execFileSync("bash", ["-c", "ulimit -Hn"])).trim();
  return `"nofile=${files}:${files}", "nproc=1024:1024"`;
}

export class PodmanRuntime implements RealRuntime {
  readonly name = "podman";
  readonly site = new RuntimeSite();
  readonly gateway = "10.88.0.1";
  readonly socket = { kind: "podman" as const, socket: this.site.path("podman.sock") };
  readonly places: { kind: "runc"; directory: string }[];
  readonly #runcRoot: string;

  /** The root may be the one that everybody's containers are in. */
  constructor(runcRoot?: string) {
    this.#runcRoot = runcRoot ?? this.site.path("runc");
    this.places = [{ kind: "runc", directory: this.#runcRoot }];
  }

  async start(): Promise<void> {
    const { site } = this;
    const file = site.path("containers.conf");
    const lines = [
      ...["[containers]", `default_ulimits = [${limits()}]`],
      ...["[engine]", 'runtime = "runc"', 'cgroup_manager = "cgroupfs"', 'events_logger = "none"'],
      ...["[network]", 'network_backend = "netavark"', `network_config_dir = "${site.path("networks")}"`],
    ];
    fs.writeFileSync(file, lines.join("\n"));
    site.env.CONTAINERS_CONF = file;
    await this.#podman("load", "-q", "-i", makeImage(site.directory));
    site.start(...this.#words("system", "service", "--time", "0", `unix://${this.socket.socket}`));
    await until("podman's socket", () => fs.existsSync(this.socket.socket));
  }
  run(wish: ContainerWish): Promise<string> {
    return this.#run(wish, "--network", wish.network === "host" ? "host" : "bridge");
  }
  async runPod(
    pod: { name: string; labels: Record<string, string> },
    members: ContainerWish[],
  ): Promise<void> {
    const infra = ["--infra-image", IMAGE, "--infra-command", "/bin/sleep 100000"];
    const parent = ["--cgroup-parent", `/${this.site.name}`];
    await this.#podman("pod", "create", "--name", pod.name, ...labelled(pod.labels), ...infra, ...parent);
    for (const member of members) await this.#run(member, "--pod", pod.name);
  }
  async clear(): Promise<void> {
    await this.#podman("pod", "rm", "--all", "--force", "--time", "0");
    await this.#podman("rm", "--all", "--force", "--time", "0");
  }
  async close(): Promise<void> {
    await this.clear();
    await this.site.close([this.site.name]);
  }

  #run(wish: ContainerWish, ...more: string[]): Promise<string> {
    const options = ["--detach", "--name", wish.name, ...labelled(wish.labels), ...more];
    const parent = more[0] === "--pod" ? [] : ["--cgroup-parent", `/${this.site.name}`];
    return this.#podman("run", ...options, ...parent, IMAGE, "sh", "-c", wish.script);
  }
  #podman(...words: string[]): Promise<string> {
    return this.site.run(...this.#words(...words));
  }
  #words(...words: string[]): string[] {
    const { site } = this;
    const places = ["root", "runroot", "tmpdir"].map((name) => `--${name}=${site.path("podman", name)}`);
    const own = ["--storage-driver", "vfs", "--runtime-flag", `root=${this.#runcRoot}`];
    return ["podman", ...places, ...own, ...words];
  }
}

const labelled = (labels: Record<string, string>): string[] =>
  Object.entries(labels).flatMap(([key, value]) => ["--label", `${key}=${value}`]);
