import fs from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { Inquiry } from "../runtime-socket/inquiry.ts";
import { RuntimeNames } from "../runtime-socket/names.ts";
import { temporaryDirectory, until, writeFiles } from "../testing/temporary.ts";
import { Cgroups } from "./cgroup.ts";
import type { Runtime } from "./container.ts";
import { containerd } from "./containerd.ts";
import { crio } from "./crio.ts";
import { Discovery } from "./discovery.ts";
import { Docker } from "./docker.ts";
import { podman, podmanOfUsers } from "./podman.ts";
import { ProcessTable } from "./process.ts";
import { runc } from "./runc.ts";

/** A /proc and cgroup tree of our own. */
class Machine {
  readonly root = temporaryDirectory("discovery");
  readonly processes = new ProcessTable(path.join(this.root, "proc"));
  readonly cgroupMount = path.join(this.root, "cgroup");

  process(pid: number, facts: { startTicks: number; netns: string; cgroup?: string; state?: string }): void {
    const directory = path.join(this.root, "proc", String(pid));
    fs.rmSync(directory, { recursive: true, force: true });
    fs.mkdirSync(path.join(directory, "ns"), { recursive: true });
    fs.symlinkSync(`net:[${facts.netns}]`, path.join(directory, "ns/net"));
    const zeros = Array.from({ length: 18 }, () => "0").join(" ");
    const stat = `${pid} (a ) b) ${facts.state ?? "S"} ${zeros} ${facts.startTicks} 0`;
    const cgroup = facts.cgroup ?? "/";
    fs.mkdirSync(path.join(this.cgroupMount, cgroup), { recursive: true });
    writeFiles(directory, { stat, cgroup: `5:cpu:/v1\n0::${cgroup}\n` });
  }
  kill(pid: number): void {
    fs.rmSync(path.join(this.root, "proc", String(pid)), { recursive: true, force: true });
  }
  /** Namespaces are told apart by what their link says, as an inode; its cookie is ten times that. */
  discovery(runtimes: Runtime[], unclaimed = false, inquiries = new Map<string, Inquiry>()): Discovery {
    return new Discovery({
      names: new RuntimeNames(inquiries),
      ...{ runtimes, processes: this.processes, hostCookie: 10n, unclaimed },
      cgroups: new Cgroups(this.cgroupMount, this.processes),
      netnsCookie: (link) => BigInt(/\d+/.exec(fs.readlinkSync(link))?.[0] ?? 0) * 10n,
    });
  }
  path(name: string): string {
    return path.join(this.root, name);
  }
}
const runcState = (id: string, pid: number, start: number, annotations: Record<string, string> = {}) => ({
  ...{ id, init_process_pid: pid, init_process_start: start, created: "2026-01-02T03:04:05.678Z" },
  config: { labels: ["bundle=/b", ...Object.entries(annotations).map(([k, v]) => `${k}=${v}`)] },
});
const cri = (name: string, pod: string, type = "container") => ({
  ...{ "io.kubernetes.cri.container-type": type, "io.kubernetes.cri.sandbox-name": pod },
  ...{ "io.kubernetes.cri.sandbox-namespace": "shop", "io.kubernetes.cri.container-name": name },
});

describe("plain runc", () => {
  test("a container is a pod of its own, named by its id, labelled by its annotations", () => {
    const machine = new Machine();
    machine.process(7, { startTicks: 70, netns: "5", cgroup: "/box" });
    const annotations = { "millrace.io/labels": '{"app":"cart","tier":"back"}' };
    writeFiles(machine.path("runc"), { "box/state.json": runcState("box", 7, 70, annotations) });
    const [pod] = machine.discovery([runc(machine.path("runc"), machine.processes)]).sweep();
    expect(pod).toMatchObject({
      ...{ cookie: 50n, name: "box", namespace: null, runtime: "runc", service: "cart", unknown: null },
      labels: { app: "cart", tier: "back" },
      netns: machine.processes.netnsPath(7),
      containers: [
        {
          ...{ id: "box", pid: 7, startedAtMs: Date.parse("2026-01-02T03:04:05.678Z") },
          cgroups: [fs.statSync(machine.path("cgroup/box")).ino],
        },
      ],
    });
  });

  test("a state whose process is gone, a zombie, or another one of the same pid is no container", () => {
    const machine = new Machine();
    machine.process(8, { startTicks: 81, netns: "5" });
    machine.process(9, { startTicks: 90, netns: "5", state: "Z" });
    writeFiles(machine.path("runc"), {
      "gone/state.json": runcState("gone", 7, 70),
      "reused/state.json": runcState("reused", 8, 80),
      "zombie/state.json": runcState("zombie", 9, 90),
      "damaged/state.json": '{"id":',
      "strange/state.json": '{"id":5}',
      "empty/other": "",
    });
    expect(machine.discovery([runc(machine.path("runc"), machine.processes)]).sweep()).toEqual([]);
  });

  test("containers come and go between two sweeps, and a namespace whose number is used again is another", () => {
    const machine = new Machine();
    const discovery = machine.discovery([runc(machine.path("runc"), machine.processes)]);
    expect(discovery.sweep()).toEqual([]);
    machine.process(7, { startTicks: 70, netns: "5" });
    writeFiles(machine.path("runc"), { "a/state.json": runcState("a", 7, 70) });
    expect(discovery.sweep().map(({ cookie }) => cookie)).toEqual([50n]);
    machine.process(7, { startTicks: 70, netns: "6" });
    expect(discovery.sweep().map(({ cookie }) => cookie)).toEqual([60n]);
    machine.kill(7);
    expect(discovery.sweep()).toEqual([]);
  });
});

describe("names", () => {
  test("too long for a batch are cut or left out, and what no database takes is replaced", () => {
    const machine = new Machine();
    machine.process(7, { startTicks: 70, netns: "5" });
    const labels = { ok: "yes", ["k".repeat(64)]: "long", long: "v".repeat(254), nul: "a\u0000b", number: 5 };
    const annotations = {
      ...cri("app\u0000", "p".repeat(400)),
      "millrace.io/labels": JSON.stringify(labels),
    };
    writeFiles(machine.path("runc"), { "box/state.json": runcState("box", 7, 70, annotations) });
    const [pod] = machine.discovery([runc(machine.path("runc"), machine.processes)]).sweep();
    expect(pod?.name).toHaveLength(253);
    expect(pod?.labels).toEqual({ ok: "yes", nul: "a\ufffdb" });
    expect(pod?.containers[0]?.name).toBe("app\ufffd");
  });
});

describe("pods", () => {
  test("containers that share a namespace are one pod, spoken for by what its sandbox says", () => {
    const machine = new Machine();
    for (const pid of [7, 8, 9]) machine.process(pid, { startTicks: pid, netns: "5", cgroup: `/pod/${pid}` });
    writeFiles(machine.path("containerd/runc/k8s.io"), {
      "s/state.json": runcState("s", 7, 7, cri("", "checkout-6d5f7c9b8d-x2x4z", "sandbox")),
      "a/state.json": runcState("a", 8, 8, cri("app", "checkout-6d5f7c9b8d-x2x4z")),
      "b/state.json": runcState("b", 9, 9, cri("proxy", "checkout-6d5f7c9b8d-x2x4z")),
    });
    const pods = machine.discovery([containerd(machine.path("containerd"), machine.processes)]).sweep();
    expect(pods).toHaveLength(1);
    expect(pods[0]).toMatchObject({
      ...{ name: "checkout-6d5f7c9b8d-x2x4z", namespace: "shop", service: "checkout", runtime: "containerd" },
      unknown: expect.stringMatching(/containerd's socket alone/),
    });
    expect(pods[0]?.containers.map(({ name, isSandbox }) => [name, isSandbox])).toEqual([
      ["", true],
      ["app", false],
      ["proxy", false],
    ]);
  });

  test("a container on the host's network is listed and has no namespace to cover", () => {
    const machine = new Machine();
    machine.process(7, { startTicks: 70, netns: "1" });
    writeFiles(machine.path("runc"), { "box/state.json": runcState("box", 7, 70) });
    const [pod] = machine.discovery([runc(machine.path("runc"), machine.processes)]).sweep();
    expect(pod).toMatchObject({ cookie: undefined, netns: undefined, name: "box", uid: "runc:box" });
  });

  test("a pod on the host's network is listed once, with all its containers", () => {
    const machine = new Machine();
    for (const pid of [7, 8, 9]) machine.process(pid, { startTicks: pid, netns: "1" });
    writeFiles(machine.path("containerd/runc/k8s.io"), {
      "s/state.json": runcState("s", 7, 7, cri("", "proxy-k7v2m", "sandbox")),
      "a/state.json": runcState("a", 8, 8, cri("app", "proxy-k7v2m")),
      "o/state.json": runcState("o", 9, 9, cri("app", "other-k7v2m")),
    });
    const pods = machine.discovery([containerd(machine.path("containerd"), machine.processes)]).sweep();
    expect(pods.map(({ name, containers }) => [name, containers.map(({ id }) => id)])).toEqual([
      ["proxy-k7v2m", ["s", "a"]],
      ["other-k7v2m", ["o"]],
    ]);
  });

  test("a process that two runtimes name is one container, of the first", () => {
    const machine = new Machine();
    machine.process(7, { startTicks: 70, netns: "5" });
    const state = { "box/state.json": runcState("box", 7, 70) };
    writeFiles(machine.path("one"), state);
    writeFiles(machine.path("two"), state);
    const runtimes = ["one", "two"].map((name) => runc(machine.path(name), machine.processes));
    expect(machine.discovery(runtimes).sweep()[0]?.containers).toHaveLength(1);
  });

  test("namespaces nobody claims are found only when asked for, and say that they have no name", () => {
    const machine = new Machine();
    machine.process(process.pid, { startTicks: 1, netns: "1" });
    machine.process(20, { startTicks: 20, netns: "9", cgroup: "/system.slice/odd.service" });
    machine.process(21, { startTicks: 21, netns: "1" });
    expect(machine.discovery([], false).sweep()).toEqual([]);
    expect(machine.discovery([], true).sweep()).toMatchObject([
      {
        cookie: 90n,
        name: "odd.service",
        runtime: "unknown",
        unknown: expect.stringMatching(/no known runtime/),
      },
    ]);
  });
});

describe("Docker", () => {
  test("names, labels and image come from its own files; what has stopped is left out", () => {
    const machine = new Machine();
    machine.process(7, { startTicks: 70, netns: "5" });
    const config = (running: boolean) => ({
      ...{
        ID: "d1",
        Name: "/shop-cart-1",
        State: { Running: running, Pid: 7, StartedAt: "2026-01-01T00:00:00Z" },
      },
      Config: { Image: "cart:3", Labels: { "com.docker.compose.service": "cart" } },
    });
    writeFiles(machine.path("docker"), {
      "containers/d1/config.v2.json": config(true),
      "containers/d2/config.v2.json": { ...config(false), ID: "d2" },
    });
    const docker = new Docker(machine.path("docker"), machine.processes, machine.path("none"));
    const pods = machine.discovery([docker]).sweep();
    expect(pods).toHaveLength(1);
    expect(pods[0]).toMatchObject({ name: "shop-cart-1", service: "cart", runtime: "docker", unknown: null });
    expect(pods[0]?.containers[0]).toMatchObject({ image: "cart:3", startedAtMs: Date.UTC(2026, 0, 1) });
  });

  test("a container that its daemon hasn't noted as running yet has its name all the same", () => {
    const machine = new Machine();
    machine.process(7, { startTicks: 70, netns: "5" });
    writeFiles(machine.root, {
      "states/d1/state.json": runcState("d1", 7, 70),
      "docker/containers/d1/config.v2.json": {
        ...{ ID: "d1", Name: "/new", Config: { Labels: { app: "new" } }, State: { Running: false, Pid: 0 } },
      },
    });
    const docker = new Docker(machine.path("docker"), machine.processes, machine.path("states"));
    expect(docker.list()).toMatchObject([{ name: "new", labels: { app: "new" }, unknown: null, pid: 7 }]);
  });

  test("what ran before the machine did is no container, though its pid is in use again", () => {
    const machine = new Machine();
    machine.process(7, { startTicks: 70, netns: "5" });
    writeFiles(machine.root, {
      "proc/stat": `cpu 1 2\nbtime ${Date.UTC(2026, 0, 2) / 1000}\n`,
      "docker/containers/d1/config.v2.json": {
        ...{ ID: "d1", Name: "/old", Config: {} },
        State: { Running: true, Pid: 7, StartedAt: "2026-01-01T00:00:00Z" },
      },
    });
    expect(new Docker(machine.path("docker"), machine.processes, machine.path("none")).list()).toEqual([]);
  });

  test("without its files a container is found through its runtime, and why it has no name is said", () => {
    const machine = new Machine();
    machine.process(7, { startTicks: 70, netns: "5" });
    writeFiles(machine.path("states"), { "abcdefabcdef00/state.json": runcState("abcdefabcdef00", 7, 70) });
    const docker = new Docker(machine.path("nowhere"), machine.processes, machine.path("states"));
    expect(docker.list()[0]).toMatchObject({
      name: "abcdefabcdef",
      unknown: expect.stringMatching(/its socket has to/),
    });
  });
});

describe("podman and CRI-O", () => {
  test("podman's container has the name its annotations give, or the reason why not", () => {
    const machine = new Machine();
    machine.process(7, { startTicks: 70, netns: "5" });
    writeFiles(machine.root, {
      "crun/p1/status": { pid: 7, "process-start-time": 70, bundle: machine.path("bundle") },
      "bundle/config.json": { annotations: { "io.container.manager": "libpod" } },
    });
    const runtime = podman(machine.path("crun"), machine.processes, machine.path("storage"));
    expect(runtime.list()[0]).toMatchObject({
      ...{ runtime: "podman", id: "p1", name: "p1", unknown: expect.stringMatching(/podman's socket alone/) },
    });
  });

  test("CRI-O's annotations tell everything", () => {
    const machine = new Machine();
    machine.process(7, { startTicks: 70, netns: "5" });
    const annotations = {
      ...{ "io.kubernetes.cri-o.ContainerType": "container", "io.kubernetes.container.name": "app" },
      ...{ "io.kubernetes.pod.name": "db-0", "io.kubernetes.pod.namespace": "data" },
      ...{ "io.kubernetes.cri-o.Labels": '{"app.kubernetes.io/name":"db"}' },
    };
    writeFiles(machine.path("crio"), { "c1/state.json": runcState("c1", 7, 70, annotations) });
    expect(crio(machine.path("crio"), machine.processes).list()[0]).toMatchObject({
      ...{ runtime: "cri-o", name: "app", podName: "db-0", podNamespace: "data", unknown: null },
      labels: { "app.kubernetes.io/name": "db" },
    });
  });

  test("in plain runc's root both are told from it, and a member of podman's pod from one of CRI-O's", () => {
    const machine = new Machine();
    for (const pid of [6, 7, 8, 9]) machine.process(pid, { startTicks: pid, netns: String(pid) });
    const podmans = { "io.container.manager": "libpod", "io.kubernetes.cri-o.ContainerType": "container" };
    const crios = { ...podmans, "io.container.manager": "cri-o", "io.kubernetes.container.name": "app" };
    const bundle = { bundle: machine.path("storage/vfs-containers/p/userdata") };
    writeFiles(machine.root, {
      "runc/p/state.json": runcState("p", 7, 7, { ...podmans, ...bundle }),
      "runc/i/state.json": runcState("i", 6, 6, { ...podmans, ...bundle }),
      "runc/c/state.json": runcState("c", 8, 8, crios),
      "runc/r/state.json": runcState("r", 9, 9),
      "storage/vfs-containers/containers.json": [
        { id: "p", names: ["web"], metadata: '{"image-name":"box:1","name":"web"}' },
        { id: "i", names: ["c61f72eeb70b-infra"], metadata: "{" },
      ],
    });
    const listed = runc(machine.path("runc"), machine.processes).list();
    expect(listed.find(({ isSandbox }) => isSandbox)).toMatchObject({ id: "i", name: "c61f72eeb70b" });
    expect(Object.fromEntries(listed.map((c) => [c.id, [c.runtime, c.name, c.image]]))).toEqual({
      i: ["podman", "c61f72eeb70b", null],
      ...{ p: ["podman", "web", "box:1"], c: ["cri-o", "app", null], r: ["runc", "r", null] },
    });
  });

  test("a pod of CRI-O's without a sandbox's process gets its labels from the socket", async () => {
    const machine = new Machine();
    machine.process(7, { startTicks: 70, netns: "5" });
    const annotations = {
      ...{ "io.container.manager": "cri-o", "io.kubernetes.cri-o.ContainerType": "container" },
      ...{ "io.kubernetes.container.name": "app", "io.kubernetes.pod.name": "db-0" },
      ...{ "io.kubernetes.cri-o.Labels": '{"io.kubernetes.container.name":"app"}' },
    };
    writeFiles(machine.path("crio"), { "c1/state.json": runcState("c1", 7, 70, annotations) });
    const told = {
      id: "c1",
      name: "app",
      podName: "db-0",
      podNamespace: "data",
      isSandbox: false,
      image: "x",
    };
    const ask = async () => [{ ...told, labels: { app: "db" } }];
    const news = { calls: 0 };
    const inquiry = new Inquiry({ ask, nowMs: () => 0, onNews: () => news.calls++ });
    const runtimes = [crio(machine.path("crio"), machine.processes)];
    const discovery = machine.discovery(runtimes, false, new Map([["cri-o", inquiry]]));
    expect(discovery.sweep()[0]?.unknown).toMatch(/CRI-O's socket alone: it is being asked/);
    await until("the answer", () => news.calls > 0);
    expect(discovery.sweep()[0]).toMatchObject({ labels: { app: "db" }, service: "db", unknown: null });
  });

  test("podman's containers of users without root are found below their run directories, in user namespaces only", () => {
    const machine = new Machine();
    for (const pid of [7, 8]) machine.process(pid, { startTicks: pid, netns: "5" });
    for (const [of, users] of Object.entries({ self: 1, 7: 2, 8: 1 })) {
      fs.mkdirSync(machine.path(`proc/${of}/ns`), { recursive: true });
      fs.symlinkSync(`user:[${users}]`, machine.path(`proc/${of}/ns/user`));
    }
    const status = (pid: number) => ({ pid, "process-start-time": pid, bundle: machine.path("bundle") });
    writeFiles(machine.root, {
      "user/1000/crun/p1/status": status(7),
      "user/1000/crun/theirs/status": status(8),
      "bundle/config.json": { annotations: { "io.container.manager": "libpod" } },
    });
    const runtime = podmanOfUsers(machine.processes, machine.path("user"));
    expect(runtime.list()).toMatchObject([{ runtime: "podman", id: "p1", pid: 7 }]);
    expect(runtime.watched()).toContain(machine.path("user/1000/crun"));
  });
});
