/**
 * One process of the system under test: started with its output kept, ended by any signal. It restarts
 * nothing: a test says when a process lives and dies.
 */
import { type ChildProcess, spawn } from "node:child_process";

const KEEP_CHARACTERS = 200_000;

export class Child {
  readonly name: string;
  readonly #argv: readonly string[];
  readonly #env: Record<string, string>;
  #process: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #output = "";

  constructor(name: string, argv: readonly string[], env: Record<string, string> = {}) {
    this.name = name;
    this.#argv = argv;
    this.#env = env;
  }

  get pid(): number | undefined {
    return this.alive ? this.#process?.pid : undefined;
  }
  get alive(): boolean {
    return (
      this.#process !== undefined && this.#process.exitCode === null && this.#process.signalCode === null
    );
  }
  /** The end of what it printed, over all its lives. */
  get output(): string {
    return this.#output;
  }

  start(): void {
    if (this.alive) throw new Error(`${this.name} runs already`);
    // The kernel ends it with the test process, whatever ends that.
    const child = spawn("setpriv", ["--pdeathsig", "KILL", process.execPath, ...this.#argv], {
      env: { ...process.env, NODE_ENV: "production", ...this.#env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const keep = (data: Buffer) => {
      this.#output = (this.#output + data.toString()).slice(-KEEP_CHARACTERS);
    };
    child.stdout?.on("data", keep);
    child.stderr?.on("data", keep);
    this.#process = child;
    this.#ended = new Promise((resolve) => child.once("exit", () => resolve()));
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    if (this.alive) this.#process?.kill(signal);
    await this.#ended;
  }
}

/** Polls until the condition gives a value; fails with what it waited for and what was last seen. */
export async function until<T>(
  what: string,
  condition: () => Promise<T | undefined | false> | T | undefined | false,
  options: { deadlineMs: number; everyMs?: number; explain?: () => string },
): Promise<T> {
  for (const end = Date.now() + options.deadlineMs; ; ) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > end)
      throw new Error(
        `${what}: not within ${options.deadlineMs} ms${options.explain ? `\n${options.explain()}` : ""}`,
      );
    await new Promise((resolve) => setTimeout(resolve, options.everyMs ?? 50));
  }
}
