/**
 * Two network namespaces joined by a veth pair: a pod with a process in it, as plain runc would have left it
 * on disk, and its peer. Real packets, real counters. Tests only; needs root.
 */
import { type ChildProcess, spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { transformSync } from "esbuild";
import { ProcessTable } from "../workload/process.ts";
import { inside, ip } from "./link.ts";

const TRAFFIC = fs.readFileSync(fileURLToPath(new URL("traffic.ts", import.meta.url)), "utf8");
let made = 0;

export class PodPair {
  readonly #id = `agt${process.pid}-${made++}`;
  readonly pod = `${this.#id}-pod`;
  readonly peer = `${this.#id}-peer`;
  readonly podAddress = "10.77.0.1";
  readonly peerAddress = "10.77.0.2";
  readonly runcRoot: string;
  /** As JavaScript: to compile it for each process is most of a short test. */
  readonly #traffic: string;
  readonly #children: ChildProcess[] = [];

  constructor(directory: string) {
    this.runcRoot = path.join(directory, "runc");
    this.#traffic = path.join(directory, "traffic.mjs");
    fs.writeFileSync(this.#traffic, transformSync(TRAFFIC, { loader: "ts" }).code);
    try {
      for (const name of [this.pod, this.peer]) ip(`netns add ${name}`);
      ip(`-n ${this.pod} link add eth0 type veth peer name eth0 netns ${this.peer}`);
      for (const [last, name] of [this.pod, this.peer].entries()) {
        ip(`-n ${name} link set lo up`);
        ip(`-n ${name} addr add 10.77.0.${last + 1}/24 dev eth0`);
        ip(`-n ${name} addr add fd77::${last + 1}/64 dev eth0 nodad`);
        ip(`-n ${name} link set eth0 up`);
      }
      this.#writeState(this.#spawn(this.pod, ["sleep", "600"]));
    } catch (error) {
      this.remove();
      throw error;
    }
  }
  get podNetns(): string {
    return `/run/netns/${this.pod}`;
  }
  get peerNetns(): string {
    return `/run/netns/${this.peer}`;
  }

  /** Serves TCP on 8080 and UDP on 5353 at the peer; answers when it listens. */
  async serve(): Promise<void> {
    const child = this.#spawn(this.peer, [process.execPath, this.#traffic, "serve"]);
    await new Promise<void>((resolve, reject) => {
      child.stdout?.once("data", () => resolve());
      child.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
    });
  }
  /** Ends when all of it was sent and answered. */
  async send(what: { connections: number; datagrams: number; bytes: number }): Promise<void> {
    const { connections, datagrams, bytes } = what;
    const numbers = [connections, datagrams, bytes].map(String);
    const child = this.#spawn(this.pod, [process.execPath, this.#traffic, "send", ...numbers]);
    await new Promise<void>((resolve, reject) => {
      child.once("exit", (code) =>
        code === 0 ? resolve() : reject(new Error(`the client ended with ${code}`)),
      );
    });
  }
  inPod(...words: string[]): string {
    return inside(this.podNetns, words);
  }
  inPeer(...words: string[]): string {
    return inside(this.peerNetns, words);
  }
  /** Of the pod's interface, as the kernel counts. */
  packets(): number {
    const [link] = JSON.parse(ip(`-n ${this.pod} -s -j link show dev eth0`));
    return link.stats64.tx.packets + link.stats64.rx.packets;
  }

  remove(): void {
    for (const child of this.#children) child.kill("SIGKILL");
    for (const name of [this.pod, this.peer])
      if (fs.existsSync(`/run/netns/${name}`)) ip(`netns del ${name}`);
  }

  #spawn(netns: string, words: string[]): ChildProcess {
    const child = spawn("nsenter", [`--net=/run/netns/${netns}`, ...words], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#children.push(child);
    return child;
  }
  /** nsenter becomes the command, so the child's pid is the container's. */
  #writeState(child: ChildProcess): void {
    const pid = child.pid as number;
    const directory = path.join(this.runcRoot, "web");
    fs.mkdirSync(directory, { recursive: true });
    const state = {
      ...{ id: "web", init_process_pid: pid, init_process_start: new ProcessTable().startTicks(pid) },
      config: { labels: ['millrace.io/labels={"app":"web"}'] },
    };
    fs.writeFileSync(path.join(directory, "state.json"), JSON.stringify(state));
  }
}
