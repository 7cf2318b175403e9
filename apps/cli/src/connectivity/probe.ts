/** A prober process (prober.ts) in a network namespace, and what is asked of it. What came of each attempt is told, not judged. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";
import type { Transport } from "./case.ts";
import type { Undo } from "./undo.ts";

const PROGRAM = path.join(import.meta.dirname, "../../build/prober.js");

/** Port 0: whichever is free. */
export type Listener = { transport: Transport; address: string; port: number };
/**
 * silent: nothing came in time. refused: the far end's kernel said that nobody listens. broken: an error that is none of the
 * others, which `by` names.
 */
export type Outcome = "answered" | "refused" | "unreachable" | "silent" | "broken";

export type Attempt = {
  transport: Transport;
  to: string;
  port: number;
  /** 0: the kernel's choice. */
  sourcePort: number;
  /** How much is sent, and must come back. */
  bytes: number;
  waitMs: number;
};
export type ProbeWish = Attempt & { n: number };
export type Answer = {
  outcome: Outcome;
  /** Who answered. */
  by: string | null;
  /** 0: there was none before it failed. */
  sourcePort: number;
  /** Datagrams, or connections that were made. */
  sent: number;
};
export type ProbeAnswer = Answer & { n: number };

export class Prober {
  readonly name: string;
  /** What it listens on, in the order asked. */
  ports: readonly number[] = [];
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  readonly #ready: Promise<void>;
  #said = "";
  #last = 0;

  private constructor(name: string, netns: string | undefined, listen: readonly Listener[]) {
    this.name = name;
    // It goes when we go, whatever ends us.
    const argv = [
      ...["setpriv", "--pdeathsig", "KILL", ...(netns ? ["nsenter", `--net=${netns}`] : [])],
      ...[process.execPath, PROGRAM, JSON.stringify({ name, listen })],
    ];
    const child = spawn(argv[0] as string, argv.slice(1));
    this.#child = child;
    child.stdin.on("error", () => {}); // it has ended, which `close` tells
    child.stderr.on("data", (data: Buffer) => {
      this.#said = (this.#said + data.toString()).slice(-2000);
    });
    this.#ready = new Promise((resolve, reject) => {
      createInterface(child.stdout).on("line", (line) => this.#take(JSON.parse(line), resolve));
      child.once("error", reject);
      child.once("close", () => {
        reject(new Error(`the prober of ${name} ended: ${this.#said.trim() || "without a word"}`));
        for (const [n, answer] of this.#waiting) {
          answer({ outcome: "broken", by: "the prober ended", sourcePort: 0, sent: 0 });
          this.#waiting.delete(n);
        }
      });
    });
  }

  /** In this process's own namespace unless another is named. Throws with what it said when it can't start. */
  static async start(
    { name, netns, listen }: { name: string; netns: string | undefined; listen: readonly Listener[] },
    undo: Undo,
  ): Promise<Prober> {
    let prober: Prober | undefined;
    return await undo.make(
      "prober",
      `of ${name}`,
      async () => {
        prober = new Prober(name, netns, listen);
        await prober.#ready;
        return prober;
      },
      async () => await prober?.end(),
    );
  }

  /** Never throws: a prober that is gone answers "broken". */
  try(attempt: Attempt): Promise<Answer> {
    if (this.#hasEnded)
      return Promise.resolve({ outcome: "broken", by: "the prober ended", sourcePort: 0, sent: 0 });
    const n = ++this.#last;
    const answer = new Promise<Answer>((resolve) => this.#waiting.set(n, resolve));
    this.#child.stdin.write(`${JSON.stringify({ n, ...attempt } satisfies ProbeWish)}\n`);
    return answer;
  }
  async end(): Promise<void> {
    this.#child.stdin.end();
    if (!this.#hasEnded && this.#child.pid !== undefined)
      await new Promise((resolve) => this.#child.once("exit", resolve));
  }

  get #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }
  #take(line: { ready: number[] } | ProbeAnswer, onReady: () => void): void {
    if ("ready" in line) {
      this.ports = line.ready;
      onReady();
      return;
    }
    const { n, ...answer } = line;
    this.#waiting.get(n)?.(answer);
    this.#waiting.delete(n);
  }
}
