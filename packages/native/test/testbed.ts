// Network namespaces, a bpffs folder and a cgroup for one test file, all removed by close(). Real kernel objects, and
// only in namespaces made here.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { links, mountBpffs } from "../lib/native.ts";

export const BPFFS = "/sys/fs/bpf";

export interface Namespace {
  name: string;
  path: string;
  ip(...argv: string[]): string;
  run(...argv: string[]): string;
}

export class Testbed {
  readonly #prefix: string;
  readonly #undo: (() => void)[] = [];
  #count = 0;

  constructor(label: string) {
    this.#prefix = `nt-${label}-${process.pid}`;
  }

  namespace(): Namespace {
    const name = `${this.#prefix}-${++this.#count}`;
    execFileSync("ip", ["netns", "add", name]);
    this.#undo.push(() => execFileSync("ip", ["netns", "del", name]));
    const path = `/run/netns/${name}`;
    const run = (...argv: string[]) =>
      execFileSync("nsenter", [`--net=${path}`, ...argv], { encoding: "utf8" });
    const ip = (...argv: string[]) => run("ip", ...argv);
    ip("link", "set", "lo", "up");
    return { name, path, ip, run };
  }

  /** Two namespaces joined by a veth pair eth0–eth0, 10.9.0.1 and 10.9.0.2. */
  pair(): [Namespace, Namespace] {
    const a = this.namespace();
    const b = this.namespace();
    a.ip("link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", b.name);
    for (const [ns, address] of [
      [a, "10.9.0.1/24"],
      [b, "10.9.0.2/24"],
    ] as const) {
      ns.ip("address", "add", address, "dev", "eth0");
      ns.ip("link", "set", "eth0", "up");
    }
    return [a, b];
  }

  /** The same without IPv6 and with fixed neighbours: nothing passes but what the test sends, so counts are exact. */
  quietPair(): [Namespace, Namespace] {
    const [a, b] = this.pair();
    for (const ns of [a, b]) ns.run("sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6");
    const mac = (ns: Namespace) => links(ns.path).find((l) => l.name === "eth0")?.mac ?? "";
    a.ip("neighbour", "replace", "10.9.0.2", "lladdr", mac(b), "dev", "eth0", "nud", "permanent");
    b.ip("neighbour", "replace", "10.9.0.1", "lladdr", mac(a), "dev", "eth0", "nud", "permanent");
    return [a, b];
  }

  /** A folder for pins. What is still in it at the end goes with it. */
  pins(): string {
    mountBpffs(BPFFS);
    const folder = join(BPFFS, this.#prefix);
    mkdirSync(folder, { recursive: true });
    this.#undo.push(() => rmSync(folder, { recursive: true, force: true }));
    return folder;
  }

  cgroup(): string {
    const line = readFileSync("/proc/self/mounts", "utf8")
      .split("\n")
      .find((l) => l.split(" ")[2] === "cgroup2");
    const path = join(line?.split(" ")[1] ?? "/sys/fs/cgroup", `${this.#prefix}-${++this.#count}`);
    mkdirSync(path);
    this.#undo.push(() => existsSync(path) && rmdirSync(path));
    return path;
  }

  /** Mounted where it isn't already. */
  tracefs(): void {
    const path = "/sys/kernel/tracing";
    if (existsSync(join(path, "events"))) return;
    execFileSync("mount", ["-t", "tracefs", "tracefs", path]);
    this.#undo.push(() => execFileSync("umount", [path]));
  }

  close(): void {
    const failures: unknown[] = [];
    for (const undo of this.#undo.reverse()) {
      try {
        undo();
      } catch (error) {
        failures.push(error);
      }
    }
    this.#undo.length = 0;
    if (failures.length > 0) throw new AggregateError(failures, "testbed left something behind");
  }
}
