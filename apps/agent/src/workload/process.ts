/**
 * Facts about processes from /proc: which one a pid is, its network namespace, its cgroup. The root is a
 * parameter so that tests can bring their own. A process that is gone yields undefined, never an error.
 */
import fs from "node:fs";
import path from "node:path";

export class ProcessTable {
  readonly root: string;
  constructor(root = "/proc") {
    this.root = root;
  }

  pids(): number[] {
    return fs
      .readdirSync(this.root)
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  }
  /** Field 22 of stat; the command in field 2 may hold anything, so count from its closing bracket. */
  startTicks(pid: number): number | undefined {
    const stat = this.#read(pid, "stat");
    if (!stat) return undefined;
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? undefined : Number(fields[19]);
  }
  /** `net:[4026531840]`: equal for processes that share a namespace now. */
  netns(pid: number): string | undefined {
    try {
      return fs.readlinkSync(this.netnsPath(pid));
    } catch {
      return undefined;
    }
  }
  /** By the wall clock as the kernel reckons it now. */
  bootedAtMs(): number | undefined {
    try {
      const stat = fs.readFileSync(path.join(this.root, "stat"), "utf8");
      const seconds = /^btime (\d+)$/m.exec(stat)?.[1];
      return seconds === undefined ? undefined : Number(seconds) * 1000;
    } catch {
      return undefined;
    }
  }
  /** In a user namespace that isn't ours: its root isn't the machine's. */
  hasOwnUsers(pid: number): boolean {
    try {
      const [own, its] = ["self", String(pid)].map((of) =>
        fs.readlinkSync(path.join(this.root, of, "ns/user")),
      );
      return its !== own;
    } catch {
      return false;
    }
  }
  netnsPath(pid: number): string {
    return path.join(this.root, String(pid), "ns/net");
  }
  /** In the hierarchy of version 2. */
  cgroup(pid: number): string | undefined {
    const line = this.#read(pid, "cgroup")
      ?.split("\n")
      .find((entry) => entry.startsWith("0::"));
    return line?.slice(3);
  }

  #read(pid: number, file: string): string | undefined {
    try {
      return fs.readFileSync(path.join(this.root, String(pid), file), "utf8");
    } catch {
      return undefined;
    }
  }
}
