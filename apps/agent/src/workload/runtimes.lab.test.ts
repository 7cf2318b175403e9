/**
 * Real containers of real podman, Docker and containerd: found, named, attributed. Each runtime has a network
 * namespace of the test's for its host and its usual network within.
 */
import { type ChildProcess, spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Heartbeat } from "@millrace/contract/agent-protocol";
import { netnsCookie } from "@millrace/native/native";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { cgroup2Mount } from "../dataplane/probe.ts";
import { RecordingServer } from "../testing/recording-server.ts";
import { CriRuntime, CtrRuntime } from "../testing/runtime/containerd-runtime.ts";
import { DockerRuntime } from "../testing/runtime/docker-runtime.ts";
import { IMAGE } from "../testing/runtime/image.ts";
import { PodmanRuntime } from "../testing/runtime/podman-runtime.ts";
import type { RealRuntime } from "../testing/runtime/real-runtime.ts";
import { temporaryDirectory, until } from "../testing/temporary.ts";
import { Cgroups } from "./cgroup.ts";
import type { Runtime } from "./container.ts";
import { Docker } from "./docker.ts";
import type { Pod } from "./pod.ts";
import { PodFinder } from "./pod-finder.ts";
import { ProcessTable } from "./process.ts";
import { runtimesAt } from "./runtimes.ts";

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));
/** What discovery promises, from the runtime's word that the container runs. */
const SECOND_MS = 1000;
const idle = "while true; do sleep 1; done";
const talking = (to: string, port: number) =>
  `while true; do echo hello | nc -w 1 ${to} ${port} >/dev/null; sleep 0.1; done`;
const processes = new ProcessTable();

/** As the agent finds pods, and what it found last. */
class Found {
  pods: readonly Pod[] = [];
  readonly #finder: PodFinder;

  constructor(runtime: RealRuntime, instead: { runtimes?: Runtime[]; socket?: string } = {}) {
    const runtimes = instead.runtimes ?? runtimesAt(runtime.places, processes);
    const socket = { ...runtime.socket, socket: instead.socket ?? runtime.socket.socket };
    this.#finder = new PodFinder({
      ...{ processes, runtimes, cgroups: new Cgroups(cgroup2Mount(), processes), unclaimed: false },
      ...{ netnsCookie, hostCookie: netnsCookie(runtime.site.netns), sockets: [socket] },
      onPods: (pods) => {
        this.pods = pods;
      },
      onError: (what, error) => console.error(what, error),
    });
    this.#finder.start();
    onTestFinished(() => this.#finder.stop());
  }
  /** By a container's or by the pod's name. */
  of(name: string): Pod | undefined {
    return this.pods.find((pod) => pod.name === name || pod.containers.some((one) => one.name === name));
  }
}

/** The agent's own process, with the runtime's namespace for its host. */
class Observer {
  readonly server = new RecordingServer();
  readonly #pinDir = `/sys/fs/bpf/agent-runtimes-${process.pid}`;
  #agent: ChildProcess | undefined;

  async start(runtime: RealRuntime): Promise<void> {
    onTestFinished(() => this.#stop());
    const directory = temporaryDirectory("runtimes");
    fs.writeFileSync(path.join(directory, "token"), "a-token-of-twenty-letters");
    const flags = [
      ...["--server", await this.server.listen(), "--host-name", "test", "--log-level", "warn"],
      ...["--state-dir", path.join(directory, "state"), "--pin-dir", this.#pinDir, "--interval", "200"],
      ...["--enrol-token-file", path.join(directory, "token"), "--host-netns", runtime.site.netns],
      ...runtime.places.flatMap((place) => ["--runtime", `${place.kind}=${place.directory}`]),
      ...["--runtime-socket", `${runtime.socket.kind}=${runtime.socket.socket}`],
    ];
    this.#agent = spawn(process.execPath, ["--import", "tsx", MAIN, ...flags], { stdio: "inherit" });
    await until("the agent's first heartbeat", () => this.server.heartbeat !== undefined);
  }
  pod(name: string): Heartbeat["pods"][number] | undefined {
    return this.server.heartbeat?.pods.find(({ pod }) => pod === name);
  }
  /** Who is said to have opened connections to a port. */
  openers(
    port: number,
  ): { pod: string | null; container: string | null; labels: object; unknown: string | null }[] {
    const found = [];
    for (const { head, flows } of this.server.ledger.batches.values())
      for (let row = 0; row < head.flowRows; row++)
        if (flows.dstPort[row] === port) found.push(head.workloads[(flows.srcWorkload[row] ?? 0) - 1]);
    return found.filter((workload) => workload !== undefined);
  }

  async #stop(): Promise<void> {
    const agent = this.#agent;
    agent?.kill("SIGKILL");
    if (agent && agent.exitCode === null && agent.signalCode === null)
      await new Promise((resolve) => agent.once("exit", resolve));
    fs.rmSync(this.#pinDir, { recursive: true, force: true });
    await this.server.close();
  }
}

const RUNTIMES: [string, () => RealRuntime][] = [
  ["podman", () => new PodmanRuntime()],
  ["Docker", () => new DockerRuntime()],
  ["containerd by its CRI", () => new CriRuntime()],
  ["containerd by ctr", () => new CtrRuntime()],
];

describe.each(RUNTIMES)("%s", (_, make) => {
  let runtime: RealRuntime;
  beforeAll(async () => {
    runtime = make();
    await runtime.start();
  });
  afterAll(() => runtime?.close());

  test("a container is known with all its names within a second of its start, and gone within one of its end", async () => {
    const found = new Found(runtime);
    for (const round of [1, 2, 3]) {
      const wish = { name: `web${round}`, labels: { app: "web", round: String(round) }, script: idle };
      const id = await runtime.run({ ...wish, network: "own" });
      const name = runtime instanceof CtrRuntime ? id : wish.name;
      const worker = () => found.of(name)?.containers.find((one) => one.name === name);
      const known = () => worker() !== undefined && found.of(name)?.unknown === null;
      await until(`names of ${name}`, known, SECOND_MS).catch((error) => {
        throw new Error(`${error.message}: ${JSON.stringify(found.of(name), (_k, v) => String(v))}`);
      });
      const pod = found.of(name) as Pod;
      expect(pod).toMatchObject({ runtime: runtime.name, labels: wish.labels, service: "web" });
      expect(worker()).toMatchObject({ image: IMAGE });
      await runtime.clear();
      await until(`the end of ${name}`, () => found.pods.length === 0, SECOND_MS);
    }
  });

  test("a container on the host's network is listed as not covered, with its name", async () => {
    onTestFinished(() => runtime.clear());
    const id = await runtime.run({ name: "hosted", labels: {}, script: idle, network: "host" });
    const observer = new Observer();
    await observer.start(runtime);
    const name = runtime instanceof CtrRuntime ? id : "hosted";
    await until("it is listed", () => observer.pod(name) !== undefined);
    await until("its image is known", () => observer.pod(name)?.containers.at(0)?.image === IMAGE);
    expect(observer.pod(name)).toMatchObject({
      ...{ state: "not-covered", reason: expect.stringMatching(/uses the host's network/) },
    });
    expect(observer.server.heartbeat?.gaps).toContainEqual(
      expect.objectContaining({ what: "containers on the host's network" }),
    );
  });

  test("without its socket a container is found all the same, and says why something is unknown", async () => {
    onTestFinished(() => runtime.clear());
    const found = new Found(runtime, { socket: "/no/such.sock" });
    const id = await runtime.run({ name: "quiet", labels: { app: "q" }, script: idle, network: "own" });
    const name = runtime instanceof CtrRuntime ? id : "quiet";
    await until("it is found", () => found.of(name)?.containers.some((one) => one.name === name) === true);
    if (runtime instanceof DockerRuntime)
      expect(found.of(name)).toMatchObject({ labels: { app: "q" }, unknown: null });
    else await until("the reason", () => /such\.sock isn't there$/.test(found.of(name)?.unknown ?? ""));
  });
});

const WITH_NETWORK: [string, () => RealRuntime][] = [
  ["podman", () => new PodmanRuntime()],
  ["Docker", () => new DockerRuntime()],
  ["containerd by its CRI", () => new CriRuntime()],
];

describe.each(WITH_NETWORK)("flows of %s", (_, make) => {
  let runtime: RealRuntime;
  beforeAll(async () => {
    runtime = make();
    await runtime.start();
    await runtime.site.serve(8081, 8082);
  });
  afterAll(() => runtime?.close());

  test("bear the container's names", async () => {
    onTestFinished(() => runtime.clear());
    const observer = new Observer();
    await observer.start(runtime);
    const script = talking(runtime.gateway, 8081);
    await runtime.run({ name: "client", labels: { app: "shopper" }, script, network: "own" });
    await until("named flows", () => observer.openers(8081).some(({ unknown }) => unknown === null));
    expect(observer.openers(8081).find(({ unknown }) => unknown === null)).toMatchObject({
      ...{ kind: "pod", pod: "client", container: "client", service: "shopper", runtime: runtime.name },
      labels: { app: "shopper" },
    });
    await until("it is covered", () => observer.pod("client")?.state === "covered");
    expect(observer.pod("client")?.addresses.length).toBeGreaterThan(0);
  });

  test("of two containers in one pod are told apart by their sockets' cgroups", async () => {
    if (!runtime.runPod) return; // Docker has no pods
    onTestFinished(() => runtime.clear());
    const observer = new Observer();
    await observer.start(runtime);
    const member = (name: string, port: number) => ({
      ...{ name, labels: {}, script: talking(runtime.gateway, port), network: "own" as const },
    });
    await runtime.runPod({ name: "cart-0", labels: { app: "cart" } }, [
      member("app", 8081),
      member("proxy", 8082),
    ]);
    const container = (port: number) => {
      const named = observer.openers(port).filter((one) => one.unknown === null && one.pod === "cart-0");
      return new Set(named.map((one) => one.container));
    };
    await until("both containers' flows", () => container(8081).has("app") && container(8082).has("proxy"));
    expect(container(8081).has("proxy") || container(8082).has("app")).toBe(false);
    expect(observer.openers(8082).at(-1)).toMatchObject({
      pod: "cart-0",
      service: "cart",
      labels: { app: "cart" },
    });
    const reported = () => observer.pod("cart-0")?.containers.map(({ name }) => name) ?? [];
    await until("both are reported", () => reported().sort().join(" ") === "app proxy");
  });
});

describe("Docker whose data the agent may not read", () => {
  test("tells names, labels and image over its socket", async () => {
    const runtime = new DockerRuntime();
    onTestFinished(() => runtime.close());
    await runtime.start();
    const found = new Found(runtime, { runtimes: [new Docker("/no/such", processes, runtime.states)] });
    await runtime.run({ name: "web", labels: { app: "web" }, script: idle, network: "own" });
    await until("its name", () => found.of("web")?.unknown === null, SECOND_MS);
    expect(found.of("web")).toMatchObject({ runtime: "docker", labels: { app: "web" } });
    expect(found.of("web")?.containers[0]).toMatchObject({ image: IMAGE });
  });
});
