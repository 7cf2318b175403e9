/**
 * A process that stands in a pod, or in any network namespace, for as long as a test: it answers on the ports it is given,
 * and opens connections when asked (prober.py). What came of each is told, not judged.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { eachOf } from "@millrace/lab/each";
import type { Lab } from "@millrace/lab/lab";
import type { PodSpec } from "@millrace/lab/topology";

const PROGRAM = readFileSync(path.join(import.meta.dirname, "prober.py"), "utf8");
const PYTHON = "/usr/bin/python3";
/** For one that is expected to be answered. */
const PATIENCE_MS = 10_000;
const PODS_AT_ONCE = 4;
export const PORTS = [80, 81, 82, 443] as const;

export type Attempt = {
  protocol: "tcp" | "udp" | "sctp" | "icmp";
  to: string;
  /** null for icmp. */
  port: number | null;
  /** Source port, or an echo's identifier; left out, the kernel chooses (TCP and UDP only). */
  from?: number;
  waitMs?: number;
  /** Ends with a reset: nothing of it is under way when its outcome is told. */
  abrupt?: boolean;
};
/** silent: nothing came in time. broken: an error that is none of the others, which `by` names. */
export type Answer = {
  outcome: "answered" | "refused" | "unreachable" | "silent" | "broken";
  /** Who answered, where the protocol can say it. */
  by: string | null;
};
/** A connection that is kept open: `say` sends a byte, and is answered when all bytes sent so far have come back. */
export type Held = { say: (waitMs?: number) => Promise<Answer> };

/** Pods with nothing in them but a prober each, by name. */
export async function probedPods(
  lab: Lab,
  specs: readonly Omit<PodSpec, "containers">[],
): Promise<Record<string, Prober>> {
  const idle = { name: "idle", argv: ["/usr/bin/sleep", "infinity"], restart: false };
  await eachOf(specs, PODS_AT_ONCE, (spec) => lab.addPod({ ...spec, containers: [idle] }));
  return Object.fromEntries(
    await Promise.all(specs.map(async ({ name }) => [name, await Prober.inPod(lab, name)] as const)),
  );
}

export class Prober {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #name: string;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  readonly #ready: Promise<void>;
  #said = "";
  #last = 0;

  private constructor(name: string, into: readonly string[]) {
    this.#name = name;
    const [program = "", ...args] = [
      ...["setpriv", "--pdeathsig", "KILL", ...into],
      ...[PYTHON, "-I", "-c", PROGRAM, name, PORTS.join(",")],
    ];
    const child = spawn(program, args);
    this.#child = child;
    child.stdin.on("error", () => {}); // it has ended, which `exit` tells
    child.stderr.on("data", (data: Buffer) => {
      this.#said = (this.#said + data.toString()).slice(-4000);
    });
    this.#ready = new Promise((resolve, reject) => {
      createInterface(child.stdout).on("line", (line) => this.#take(JSON.parse(line), resolve));
      child.once("exit", () => {
        reject(new Error(`the prober in ${name} ended: ${this.#said}`));
        for (const [n] of this.#waiting) this.#take({ n, outcome: "broken", by: this.#said }, resolve);
      });
    });
  }

  /** In the first container of a pod, under its name unless another is given. */
  static async inPod(lab: Lab, pod: string, name = pod): Promise<Prober> {
    const host = lab.status().hosts.find(({ pods }) => pods.some((one) => one.name === pod));
    const container = lab.pod(pod).containers[0]?.id;
    if (!host || !container) throw new Error(`pod ${pod} has no container to be in`);
    return Prober.#start(name, ["runc", "--root", host.runcRoot, "exec", container]);
  }
  static inNetns(netns: string, name: string): Promise<Prober> {
    return Prober.#start(name, ["nsenter", `--net=${netns}`]);
  }
  static async #start(name: string, into: readonly string[]): Promise<Prober> {
    const prober = new Prober(name, into);
    await prober.#ready;
    return prober;
  }

  try({ waitMs = PATIENCE_MS, ...attempt }: Attempt): Promise<Answer> {
    return this.#ask({ do: "try", waitMs, ...attempt }).answer;
  }
  async hold(to: string, port: number): Promise<Held> {
    const { n, answer } = this.#ask({ do: "hold", protocol: "tcp", to, port, waitMs: PATIENCE_MS });
    const { outcome, by } = await answer;
    if (outcome !== "answered")
      throw new Error(`${this.#name} can't connect to ${to} port ${port}: ${outcome} ${by}`);
    return { say: (waitMs = PATIENCE_MS) => this.#ask({ do: "say", held: n, waitMs }).answer };
  }
  async end(): Promise<void> {
    const { exitCode, signalCode } = this.#child;
    this.#child.stdin.end();
    if (exitCode === null && signalCode === null)
      await new Promise((resolve) => this.#child.once("exit", resolve));
  }

  #ask(wish: object): { n: number; answer: Promise<Answer> } {
    const n = ++this.#last;
    const answer = new Promise<Answer>((resolve) => this.#waiting.set(n, resolve));
    this.#child.stdin.write(`${JSON.stringify({ n, ...wish })}\n`);
    return { n, answer };
  }
  #take(line: { ready: string } | ({ n: number } & Answer), onReady: () => void): void {
    if ("ready" in line) {
      onReady();
      return;
    }
    this.#waiting.get(line.n)?.({ outcome: line.outcome, by: line.by });
    this.#waiting.delete(line.n);
  }
}
