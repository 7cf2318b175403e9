/**
 * A real containerd with its own root and state: containers by ctr, and pods by the CRI with the reference
 * CNI plugins, as a kubelet would make them. Tests only.
 */
import fs from "node:fs";
import path from "node:path";
import { unary } from "../../runtime-socket/grpc.ts";
import { type Message, messagesOf } from "../../runtime-socket/schema.ts";
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

const message = messagesOf(`
message Id { string id = 1; }
message Metadata { string name = 1; string uid = 2; string namespace = 3; }
message NamespaceOption { int32 network = 1; }
message SecurityContext { NamespaceOption namespace_options = 1; }
message LinuxPod { string cgroup_parent = 1; SecurityContext security_context = 2; }
message PodConfig { Metadata metadata = 1; string hostname = 2; map<string, string> labels = 6; LinuxPod linux = 8; }
message RunPodSandbox { PodConfig config = 1; }
message ImageSpec { string image = 1; }
message ContainerConfig {
  Metadata metadata = 1;
  ImageSpec image = 2;
  repeated string command = 3;
  map<string, string> labels = 9;
}
message CreateContainer { string pod_sandbox_id = 1; ContainerConfig config = 2; PodConfig sandbox_config = 3; }
`);
const Id = message<{ id: string }>("Id");
const RunPodSandbox = message<{ config: object }>("RunPodSandbox");
const CreateContainer = message<{ podSandboxId: string; config: object; sandboxConfig: object }>(
  "CreateContainer",
);
/** NODE of api.proto's NamespaceMode. */
const HOST_NETWORK = 2;

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
      await this.#call("StopPodSandbox", Id, { id });
      await this.#call("RemovePodSandbox", Id, { id });
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
    const sandbox = await this.#call("RunPodSandbox", RunPodSandbox, { config });
    this.#pods.push(sandbox);
    for (const wish of members) {
      const container = {
        ...{ metadata: { name: wish.name }, image: { image: IMAGE }, command: ["sh", "-c", wish.script] },
        labels: { "io.kubernetes.container.name": wish.name },
      };
      const id = await this.#call("CreateContainer", CreateContainer, {
        ...{ podSandboxId: sandbox, config: container, sandboxConfig: config },
      });
      await this.#call("StartContainer", Id, { id });
    }
    return sandbox;
  }
  #podConfig(pod: { name: string; labels: Record<string, string> }, members: readonly ContainerWish[]) {
    const onHost = members.some(({ network }) => network === "host");
    return {
      metadata: { name: pod.name, uid: `uid-${pod.name}`, namespace: "shop" },
      ...(onHost ? {} : { hostname: pod.name }),
      labels: { ...pod.labels, "io.kubernetes.pod.name": pod.name },
      linux: {
        cgroupParent: `/${this.site.name}`,
        securityContext: onHost ? { namespaceOptions: { network: HOST_NETWORK } } : {},
      },
    };
  }
  /** What is made is answered with its identifier. */
  async #call<Q>(name: string, { encode }: Message<Q>, question: Q): Promise<string> {
    const method = `/runtime.v1.RuntimeService/${name}`;
    const { id } = await unary({ ...this.socket, method, question: encode(question), answer: Id });
    return id;
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
