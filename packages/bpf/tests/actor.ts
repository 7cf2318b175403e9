/*
 * The test's side of fixtures/actor.mjs: a process in a namespace that opens sockets on demand.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { TestNetns } from "./netns.ts";

export interface Answer {
  failed?: string;
  error?: string;
  localPort?: number;
  ready?: number;
  /** Of a server that was asked: its name, and who the other end is to the client. */
  name?: string;
  peer?: string;
  answers?: { name: string; from: string; peer?: string }[];
}

const SCRIPT = new URL("./fixtures/actor.mjs", import.meta.url).pathname;
const ANSWER_MS = 15_000;

export class Actor implements Disposable {
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  pid = 0;

  constructor(netns: TestNetns) {
    const args = [`--net=${netns.path}`, process.execPath, SCRIPT];
    this.#child = spawn("nsenter", args, { stdio: ["pipe", "pipe", "inherit"] });
    if (!this.#child.stdout) throw new Error("no stdout of the actor");
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  static async in(netns: TestNetns): Promise<Actor> {
    const actor = new Actor(netns);
    actor.pid = (await actor.#answer()).ready ?? 0;
    return actor;
  }

  async do(op: string, args: Record<string, unknown> = {}): Promise<Answer> {
    this.#child.stdin?.write(`${JSON.stringify({ op, ...args })}\n`);
    const answer = await this.#answer();
    if (answer.failed) throw new Error(`${op}: ${answer.failed}`);
    return answer;
  }

  async #answer(): Promise<Answer> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error("the actor didn't answer in time")), ANSWER_MS);
    });
    try {
      const { value, done } = await Promise.race([this.#answers.next(), late]);
      if (done) throw new Error("the actor has ended");
      return JSON.parse(value) as Answer;
    } finally {
      clearTimeout(timer);
    }
  }

  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
  }
}
