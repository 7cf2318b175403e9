/**
 * A real containerd with its own root and state: containers by ctr, and pods by the CRI with the reference
 * CNI plugins, as a kubelet would make them. Tests only.
 */
import fs from "node:fs";
import path from "node:path";
import { unary } from "../../runtime-socket/grpc.ts";
import { encode, Message } from "../../runtime-socket/protobuf.ts";
import { until } from "../temporary.ts";
import { IMAGE, makeImage } from "./image.ts";
import type { ContainerWish, RealRuntime } from "./real-runtime.ts";
import { RuntimeSite } from "./site.ts";

const PLUGINS = "/usr/lib/cni";
const GATEWAY = "10.213.7.1";

class Containerd {
  readonly name = "containerd";
  readonly gateway = GATEWAY;
  readonly site = new RuntimeSite();
  readonly socket = { kind: "containerd" as const, socket: this.site.path("containerd.sock") };
  readonly places = [{ kind: "containerd" as const, directory: this.site.path("state") }];

  async start(): Promise<void> {
    const { site } = this;
    fs.mkdirSync(site.path("cni"));
    fs.writeFileSync(site.path("cni/10-box.conflist"), JSON.stringify(network(site.path("addresses"))));
    fs.writeFileSync(site.path("config.toml"), configuration(site, this.socket.socket));
    site.start("containerd", "--config", site.path("config.toml"));
    await until("containerd's socket", () => fs.existsSync(this.socket.socket));
    const archive = makeImage(site.directory);
    for (const namespace of ["k8s.io", site.name]) await this.ctr(namespace, "images", "import", archive);
  }
  ctr(namespace: string, ...words: string[]): Promise<string> {
    return this.site.run("ctr", "--address", this.socket.socket, "--namespace", namespace, ...words);
  }
}

/** Containers of ctr, in a containerd namespace of the test's own and without a network. */
export class CtrRuntime extends Containerd implements RealRuntime {
  #made: string[] = [];

  async run(wish: ContainerWish): Promise<string> {
    const id = `${wish.name}-${this.site.name}`;
    const labels = Object.entries(wish.labels).flatMap(([key, value]) => ["--label", `${key}=${value}`]);
    const place = ["--snapshotter", "native", "--runc-root", this.site.path("state/runc")];
    const network = wish.network === "host" ? ["--net-host"] : [];
    this.#made.push(id);
    const command = [IMAGE, id, "sh", "-c", wish.script];
    await this.ctr(this.site.name, "run", "--detach", ...place, ...network, ...labels, ...command);
    return id;
  }
  async clear(): Promise<void> {
    for (const id of this.#made.splice(0)) {
      await this.ctr(this.site.name, "tasks", "rm", "--force", id);
      await this.ctr(this.site.name, "containers", "rm", id);
    }
  }
  async close(): Promise<void> {
    await this.clear();
    await this.site.close([this.site.name]);
  }
}

type Fields = Parameters<typeof encode>[0];
const message = (...fields: Fields): Uint8Array => encode(fields);
const entry = (key: string, value: string): Uint8Array => message([1, key], [2, value]);
/** NODE of api.proto's NamespaceMode, as field 1 of NamespaceOption. */
const HOST_NETWORK = Uint8Array.from([0x08, 2]);

/** Pods of the CRI; a container by itself is a pod with one. */
export class CriRuntime extends Containerd implements RealRuntime {
  #pods: string[] = [];

  async run(wish: ContainerWish): Promise<string> {
    return await this.#pod({ name: wish.name, labels: wish.labels }, [wish]);
  }
  async runPod(
    pod: { name: string; labels: Record<string, string> },
    members: ContainerWish[],
  ): Promise<void> {
    await this.#pod(pod, members);
  }
  async clear(): Promise<void> {
    for (const id of this.#pods.splice(0)) {
      await this.#call("StopPodSandbox", message([1, id]));
      await this.#call("RemovePodSandbox", message([1, id]));
    }
  }
  async close(): Promise<void> {
    await this.clear();
    await this.site.close([this.site.name, "k8s.io"]);
  }

  async #pod(
    pod: { name: string; labels: Record<string, string> },
    members: readonly ContainerWish[],
  ): Promise<string> {
    const config = this.#podConfig(pod, members);
    const sandbox = (await this.#call("RunPodSandbox", message([1, config]))).text(1) as string;
    this.#pods.push(sandbox);
    for (const wish of members) {
      const container = message(
        [1, message([1, wish.name])],
        [2, message([1, IMAGE])],
        ...["sh", "-c", wish.script].map((word): Fields[number] => [3, word]),
        [9, entry("io.kubernetes.container.name", wish.name)],
      );
      const created = await this.#call("CreateContainer", message([1, sandbox], [2, container], [3, config]));
      await this.#call("StartContainer", message([1, created.text(1) as string]));
    }
    return sandbox;
  }
  #podConfig(
    pod: { name: string; labels: Record<string, string> },
    members: readonly ContainerWish[],
  ): Uint8Array {
    const onHost = members.some(({ network }) => network === "host");
    const security = onHost ? message([1, HOST_NETWORK]) : message();
    return message(
      [1, message([1, pod.name], [2, `uid-${pod.name}`], [3, "shop"])],
      ...(onHost ? [] : [[2, pod.name] satisfies Fields[number]]),
      ...Object.entries({ ...pod.labels, "io.kubernetes.pod.name": pod.name }).map(
        ([key, value]): Fields[number] => [6, entry(key, value)],
      ),
      [8, message([1, `/${this.site.name}`], [2, security])],
    );
  }
  async #call(method: string, body: Uint8Array): Promise<Message> {
    const { socket } = this.socket;
    return new Message(
      await unary({ socket, method: `/runtime.v1.RuntimeService/${method}`, message: body }),
    );
  }
}

const configuration = (site: RuntimeSite, socket: string): string => `
version = 2
root = "${site.path("root")}"
state = "${site.path("state")}"
[grpc]
address = "${socket}"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "${IMAGE}"
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "native"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
Root = "${path.join(site.path("state"), "runc")}"
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "${PLUGINS}"
conf_dir = "${site.path("cni")}"
`;

const network = (dataDir: string): object => ({
  ...{ cniVersion: "0.4.0", name: "box" },
  plugins: [
    {
      ...{ type: "bridge", bridge: "box0", isGateway: true },
      ipam: {
        ...{ type: "host-local", dataDir, ranges: [[{ subnet: "10.213.7.0/24" }]] },
        routes: [{ dst: "0.0.0.0/0" }],
      },
    },
  ],
});
