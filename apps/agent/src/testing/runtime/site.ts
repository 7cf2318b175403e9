/**
 * A place for one real container runtime: a network namespace that is its host, so that bridges and rules stay
 * in it, a directory, and everything that was started there, which ends with it. Tests only; needs root.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { ip } from "../link.ts";
import { until } from "../temporary.ts";

const execute = promisify(execFile);
const COMMAND_MS = 60_000;
const ECHO = `
  const net = require("node:net");
  const ports = process.argv.slice(1).map(Number);
  let open = ports.length;
  for (const port of ports)
    net.createServer((s) => s.on("error", () => s.destroy()).pipe(s)).listen(port, () => --open || console.log("ready"));
`;
let made = 0;

export class RuntimeSite {
  readonly name = `agr${process.pid}-${made++}`;
  readonly directory = fs.mkdtempSync(path.join(os.tmpdir(), "agent-runtime-"));
  readonly netns = `/run/netns/${this.name}`;
  readonly env: Record<string, string> = {};
  readonly #children: { child: ChildProcess; said: () => string }[] = [];

  constructor() {
    ip(`netns add ${this.name}`);
    ip(`-n ${this.name} link set lo up`);
  }
  path(...parts: string[]): string {
    return path.join(this.directory, ...parts);
  }

  async run(...words: string[]): Promise<string> {
    const [command, ...args] = this.#inside(words);
    const options = { timeout: COMMAND_MS, env: { ...process.env, ...this.env } };
    try {
      return (await execute(command as string, args, options)).stdout.trim();
    } catch (error) {
      const said = this.#children.map((one) => one.said().slice(-2000)).join("\n");
      throw new Error(`${(error as Error).message}\n${said}`);
    }
  }
  /** Runs until the end of the site. */
  start(...words: string[]): ChildProcess {
    const [command, ...args] = this.#inside(words);
    const child = spawn(command as string, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...this.env },
    });
    let said = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => {
        said = (said + chunk.toString()).slice(-20_000);
      });
    this.#children.push({ child, said: () => said });
    return child;
  }
  /** Echoes over TCP at these ports of the host. */
  async serve(...ports: number[]): Promise<void> {
    const child = this.start(process.execPath, "-e", ECHO, ...ports.map(String));
    await new Promise((resolve) => child.stdout?.once("data", resolve));
  }

  /** A daemon is asked to end, and left behind is nothing: no mount, no cgroup, no namespace. */
  async close(cgroups: readonly string[]): Promise<void> {
    for (const { child } of this.#children.toReversed()) {
      child.kill("SIGTERM");
      const ended = () => child.exitCode !== null || child.signalCode !== null;
      await until("a daemon's end", ended, 20_000).catch(() => child.kill("SIGKILL"));
    }
    for (const mount of mountsBelow(this.directory)) await execute("umount", ["-l", mount]);
    for (const name of cgroups) removeCgroups(name);
    ip(`netns del ${this.name}`);
    fs.rmSync(this.directory, { recursive: true, force: true });
  }

  #inside(words: readonly string[]): string[] {
    return ["nsenter", `--net=${this.netns}`, ...words];
  }
}

const mounts = (): string[][] =>
  fs
    .readFileSync("/proc/self/mountinfo", "utf8")
    .trim()
    .split("\n")
    .map((line) => line.split(" "));

/** The deepest first. */
const mountsBelow = (directory: string): string[] =>
  mounts()
    .map((fields) => fields[4] as string)
    .filter((point) => point.startsWith(`${directory}/`))
    .toReversed();

function removeCgroups(name: string): void {
  for (const fields of mounts())
    if (/ - cgroup2? /.test(fields.join(" "))) removeTree(path.join(fields[4] as string, name));
}
function removeTree(directory: string): void {
  if (!fs.existsSync(directory)) return;
  for (const entry of fs.readdirSync(directory, { withFileTypes: true }))
    if (entry.isDirectory()) removeTree(path.join(directory, entry.name));
  fs.rmdirSync(directory);
}
