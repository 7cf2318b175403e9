/** A real Docker daemon with its own data, its own containerd and its usual bridge. Tests only. */
import fs from "node:fs";
import { until } from "../temporary.ts";
import { IMAGE, makeImage } from "./image.ts";
import type { ContainerWish, RealRuntime } from "./real-runtime.ts";
import { RuntimeSite } from "./site.ts";

export class DockerRuntime implements RealRuntime {
  readonly name = "docker";
  readonly site = new RuntimeSite();
  readonly gateway = "10.213.9.1";
  readonly socket = { kind: "docker" as const, socket: this.site.path("docker.sock") };
  readonly places = [{ kind: "docker" as const, directory: this.site.path("data") }];
  /** Where its containers' OCI states are. */
  readonly states = this.site.path("exec/runtime-runc/moby");

  async start(): Promise<void> {
    const { site } = this;
    site.start(
      ...["dockerd", "--data-root", site.path("data"), "--exec-root", site.path("exec")],
      ...["--pidfile", site.path("docker.pid"), "--host", `unix://${this.socket.socket}`],
      ...["--storage-driver", "vfs", "--bip", `${this.gateway}/24`, "--cgroup-parent", `/${site.name}`],
    );
    await until("Docker's socket", () => fs.existsSync(this.socket.socket), 30_000);
    await this.#docker("load", "--quiet", "--input", makeImage(site.directory));
  }
  run(wish: ContainerWish): Promise<string> {
    const labels = Object.entries(wish.labels).flatMap(([key, value]) => ["--label", `${key}=${value}`]);
    const network = ["--network", wish.network === "host" ? "host" : "bridge"];
    const options = ["--detach", "--name", wish.name, ...labels, ...network];
    return this.#docker("run", ...options, IMAGE, "sh", "-c", wish.script);
  }
  async clear(): Promise<void> {
    const ids = (await this.#docker("ps", "--all", "--quiet")).split("\n").filter(Boolean);
    if (ids.length > 0) await this.#docker("rm", "--force", ...ids);
  }
  async close(): Promise<void> {
    await this.clear();
    await this.site.close([this.site.name]);
  }

  #docker(...words: string[]): Promise<string> {
    return this.site.run("docker", "--host", `unix://${this.socket.socket}`, ...words);
  }
}
