/** A lab as a process of its own, started as its supervisor would start it. Used by tests only. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { askLab } from "../src/control-client.ts";
import { statePaths } from "../src/state-directory.ts";
import { type Outcome, run } from "../src/subprocess.ts";

const MAIN = ["--import", "tsx", path.join(import.meta.dirname, "../src/main.ts")];

export class LabProcess {
  readonly child: ChildProcess;
  readonly stateDirectory: string;
  readonly name: string;
  readonly exited: Promise<unknown[]>;

  constructor(name: string, stateDirectory: string, ...flags: string[]) {
    this.name = name;
    this.stateDirectory = stateDirectory;
    const argv = [...MAIN, "up", "--state", stateDirectory, "--name", name, ...flags];
    this.child = spawn(process.execPath, argv, { stdio: ["ignore", "ignore", "pipe"] });
    this.exited = once(this.child, "exit");
  }

  async untilUp(): Promise<void> {
    const end = performance.now() + 30_000;
    while (!(await askLab(statePaths(this.stateDirectory).controlSocket, { ask: "status" }))) {
      if (this.child.exitCode !== null) throw new Error(`lab ${this.name} ended with ${this.child.exitCode}`);
      if (performance.now() > end) throw new Error(`lab ${this.name} isn't up after 30 s`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async signal(signal: NodeJS.Signals): Promise<void> {
    this.child.kill(signal);
    await this.exited;
  }

  /** For the end of a test, however it went. */
  async remove(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) await this.signal("SIGKILL");
    await labCli("sweep", "--state", this.stateDirectory, "--name", this.name);
  }
}

export const labCli = (...args: string[]): Promise<Outcome> =>
  run({ argv: [process.execPath, ...MAIN, ...args] });
