/**
 * The system, for tests that break it: a Postgres of its own, the ingest process and an agent for each lab host, and where
 * somebody is to apply documents the dashboard's server; each a real process that a test may kill. Not the supervisor:
 * nothing here brings anything back by itself.
 */

import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { Lab } from "@millrace/lab/lab";
import pg from "pg";
import { agentCommand } from "../../tools/agent-command.mjs";
import { at } from "../../tools/paths.mjs";
import { type Cluster, clusterUrl, createDatabase, startServer } from "../../tools/postgres.mjs";
import { migrate } from "../../tools/up/migrate.mjs";
import { freePort } from "../../tools/up/preflight.mjs";
import { Child, until } from "./child.ts";
import { Operator } from "./operator.ts";

const run = promisify(execFile);
const AGENT = at("apps/agent/build/main.js");
const INGEST = at("apps/web/build/ingest.js");
const SETUP = at("apps/web/build/setup.js");
const CNI_PLUGIN = at("packages/cni/build/millrace-cni");

export type StackOptions = {
  name: string;
  hosts?: number;
  shop?: boolean;
  /** Millrace wires and carries the pods, out of a pool of this mode, in place of the kernel's bridge. */
  dataplane?: "direct" | "overlay";
  /** Extra flags of every agent, e.g. a flow table deliberately too small. */
  agentFlags?: readonly string[];
  /** Somebody applies documents. */
  operator?: boolean;
  /** Each agent loads programs of a folder of its own, `programsOf`, of which there are two builds. */
  ownPrograms?: boolean;
  /** Puts the agents' state on a disk of this size of their own. */
  stateDiskBytes?: number;
};
type Server = Awaited<ReturnType<typeof startServer>>;

export class Stack {
  readonly folder: string;
  readonly pinRoot: string;
  readonly lab: Lab;
  readonly ingest: Child;
  readonly agents: readonly Child[];
  readonly ingestPort: number;
  readonly #cluster: Cluster;
  readonly #mounts: string[] = [];
  readonly #metricsPorts: number[] = [];
  #server: Server;
  #operator: Operator | undefined;

  private constructor(parts: {
    folder: string;
    pinRoot: string;
    lab: Lab;
    ingest: Child;
    agents: readonly Child[];
    ingestPort: number;
    cluster: Cluster;
    server: Server;
  }) {
    this.folder = parts.folder;
    this.pinRoot = parts.pinRoot;
    this.lab = parts.lab;
    this.ingest = parts.ingest;
    this.agents = parts.agents;
    this.ingestPort = parts.ingestPort;
    this.#cluster = parts.cluster;
    this.#server = parts.server;
  }

  /** Comes back with every agent enrolled and said hello, or throws and leaves nothing. */
  static async up(options: StackOptions): Promise<Stack> {
    const folder = mkdtempSync(path.join(tmpdir(), `millrace-${options.name}-`));
    const cluster: Cluster = {
      dataDir: path.join(folder, "pg"),
      port: await freePort(),
      password: randomBytes(16).toString("hex"),
    };
    const server = await startServer(cluster);
    await createDatabase(cluster);
    const databaseUrl = clusterUrl(cluster);
    await migrate(databaseUrl);
    const lab = await Lab.open({
      stateDirectory: path.join(folder, "lab"),
      name: options.name,
      hosts: options.hosts ?? 1,
      ...(options.dataplane ? { cniPlugin: CNI_PLUGIN } : {}),
    });
    const ingestPort = await freePort();
    const env = {
      DATABASE_URL: databaseUrl,
      INGEST_PORT: String(ingestPort),
      BETTER_AUTH_SECRET: randomBytes(24).toString("hex"),
    };
    const pinRoot = `/sys/fs/bpf/millrace-${options.name}`;
    const ingest = new Child("ingest", ["--enable-source-maps", INGEST], env);
    const agents: Child[] = [];
    const stack = new Stack({ folder, pinRoot, lab, ingest, agents, ingestPort, cluster, server });
    if (options.ownPrograms) stack.#copyPrograms(options.hosts ?? 1);
    try {
      ingest.start();
      await stack.ingestReady();
      const numbers = Array.from({ length: options.hosts ?? 1 }, (_, i) => i + 1);
      const [made, opened] = await Promise.all([
        Promise.all(numbers.map((n) => stack.#agent(n, env, options))),
        options.operator ? openOperator(env) : undefined,
        options.dataplane && makePool(options.dataplane, env),
      ]);
      stack.#operator = opened;
      agents.push(...made);
      for (const agent of agents) agent.start();
      await lab.fill({ shop: options.shop ?? false });
      await stack.allCovered();
      return stack;
    } catch (error) {
      const said = [ingest, ...agents].map((c) => `--- ${c.name}\n${c.output.slice(-4000)}`).join("\n");
      await stack.down();
      throw new Error(`the stack did not come up: ${(error as Error).message}\n${said}`, { cause: error });
    }
  }

  async #agent(number: number, env: Record<string, string>, options: StackOptions): Promise<Child> {
    const host = this.lab.host(number);
    const name = `${this.lab.name}-${host.name}`;
    const { token } = await setup(["enrol", "--host", name], env);
    const metricsPort = await freePort();
    this.#metricsPorts[number - 1] = metricsPort;
    const state = this.stateFolder(number);
    mkdirSync(state, { recursive: true });
    if (options.stateDiskBytes) {
      await run("mount", ["-t", "tmpfs", "-o", `size=${options.stateDiskBytes}`, "tmpfs", state]);
      this.#mounts.push(state);
    }
    const tokenFile = path.join(state, "enrol-token");
    writeFileSync(tokenFile, String(token), { mode: 0o600 });
    return new Child(`agent ${name}`, [
      ...[...agentCommand, "--server", `http://127.0.0.1:${this.ingestPort}`],
      ...["--host-name", name, "--host-netns", host.netns, "--runtime", `runc=${host.runcRoot}`],
      ...["--state-dir", state, "--pin-dir", `${this.pinRoot}/${host.name}`, "--enrol-token-file", tokenFile],
      ...["--metrics", `127.0.0.1:${metricsPort}`],
      ...(host.cniSocket
        ? ["--dataplane", "--uplink", host.uplink.device, "--cni-socket", host.cniSocket]
        : []),
      ...(options.ownPrograms ? ["--bpf-dir", this.programsOf(number)] : []),
      ...(options.agentFlags ?? []),
    ]);
  }

  /** Where the agent of the lab's host keeps its credential and spool. */
  stateFolder(number: number): string {
    return path.join(this.folder, "agents", `${this.lab.name}-h${number}`);
  }

  /** A link to one of the builds. */
  programsOf(hostNumber: number): string {
    return path.join(this.folder, `bpf-of-${hostNumber}`);
  }

  /** The same programs twice, and not the same files: what is behind an ELF file's end is nobody's, and makes another version. */
  #copyPrograms(hosts: number): void {
    const [first, second] = this.builds;
    for (const build of this.builds) cpSync(at("packages/bpf/build"), build, { recursive: true });
    for (const file of readdirSync(second).filter((name) => name.endsWith(".bpf.o")))
      appendFileSync(path.join(second, file), "another build");
    for (let n = 1; n <= hosts; n++) symlinkSync(first, this.programsOf(n));
  }
  get builds(): readonly [string, string] {
    return [path.join(this.folder, "bpf-a"), path.join(this.folder, "bpf-b")];
  }

  get databaseUrl(): string {
    return clusterUrl(this.#cluster);
  }

  /** Only where one was asked for. */
  get operator(): Operator {
    if (!this.#operator) throw new Error("this stack has no operator");
    return this.#operator;
  }

  /** One of the metrics of a host's agent, without `millrace_agent_`; undefined when it has none of that name, or doesn't answer. */
  async metric(hostNumber: number, name: string): Promise<number | undefined> {
    return (await this.metrics(hostNumber))(name);
  }
  /** Of one moment. */
  async metrics(hostNumber: number): Promise<(name: string) => number | undefined> {
    const url = `http://127.0.0.1:${this.#metricsPorts[hostNumber - 1]}/metrics`;
    const text = await fetch(url).then(
      (response) => response.text(),
      () => "",
    );
    return (name) => {
      const [, value] = new RegExp(`^millrace_agent_${name} (\\S+)$`, "m").exec(text) ?? [];
      return value === undefined ? undefined : Number(value);
    };
  }

  /** These hosts go by the newest change of any document. Others, whom it doesn't concern, aren't told of it. */
  async inForce(hostNumbers: readonly number[] = this.agents.map((_, i) => i + 1)): Promise<number> {
    const [row] = await this.query<{ revision: number }>(
      "select coalesce(max(revision), 0)::float8 as revision from document_changes",
    );
    const revision = row?.revision ?? 0;
    const held: (number | undefined)[] = [];
    const isHeld = async (host: number, i: number): Promise<boolean> => {
      held[i] = await this.metric(host, "policy_revision");
      return (held[i] ?? -1) >= revision;
    };
    await until(
      `hosts ${hostNumbers} go by revision ${revision}`,
      async () => (await Promise.all(hostNumbers.map(isHeld))).every(Boolean),
      {
        ...{ deadlineMs: 60_000, everyMs: 10 },
        explain: () =>
          [`they go by ${held}`, ...this.agents.map(({ output }) => output.slice(-3000))].join("\n---\n"),
      },
    );
    return revision;
  }

  async query<T extends pg.QueryResultRow>(sql: string, values: unknown[] = []): Promise<T[]> {
    const client = new pg.Client(clusterUrl(this.#cluster));
    await client.connect();
    try {
      return (await client.query<T>(sql, values)).rows;
    } finally {
      await client.end();
    }
  }

  ingestReady(): Promise<boolean> {
    return until(
      "ingest is ready",
      async () => {
        const answer = await fetch(`http://127.0.0.1:${this.ingestPort}/readyz`).catch(() => undefined);
        return answer?.ok === true;
      },
      { deadlineMs: 30_000, explain: () => this.ingest.output.slice(-2000) },
    );
  }

  /** Every pod of the lab is reported as covered by its host's agent. */
  allCovered(): Promise<boolean> {
    const wanted = this.lab.status().hosts.flatMap((h) => h.pods.map((p) => p.name));
    return until(
      `agents cover ${wanted.length} pods`,
      async () => {
        const rows = await this.query<{ heartbeat: { pods?: { pod: string; state: string }[] } | null }>(
          "select heartbeat from hosts where heartbeat is not null",
        );
        const covered = rows.flatMap((r) => r.heartbeat?.pods ?? []).filter((p) => p.state === "covered");
        return (
          rows.length === this.agents.length && wanted.every((name) => covered.some((p) => p.pod === name))
        );
      },
      {
        deadlineMs: 30_000,
        everyMs: 200,
        explain: () => this.agents.map((a) => a.output.slice(-3000)).join("\n"),
      },
    );
  }

  async killDatabase(): Promise<void> {
    await this.#server.stop("SIGKILL");
    // The postmaster's children notice its death and end; a new one refuses to start before.
    await until("the killed database's port is free", () => portFree(this.#cluster.port), {
      deadlineMs: 20_000,
    });
  }
  stopDatabase(): Promise<void> {
    return this.#server.stop();
  }
  async startDatabase(): Promise<void> {
    this.#server = await until(
      "the database starts again",
      async () => startServer(this.#cluster).catch(() => undefined),
      { deadlineMs: 60_000, everyMs: 500 },
    );
  }

  async down(): Promise<void> {
    await Promise.all(this.agents.map((agent) => agent.end("SIGTERM")));
    await this.ingest.end("SIGTERM");
    await this.#operator?.web.end("SIGTERM");
    for (let n = 1; n <= this.agents.length; n++)
      await run(process.execPath, [
        AGENT,
        "cleanup",
        "--pin-dir",
        `${this.pinRoot}/${this.lab.host(n).name}`,
      ]).catch(() => undefined);
    await this.lab.down();
    await this.#server.stop();
    for (const mount of this.#mounts) await run("umount", [mount]);
    rmSync(this.pinRoot, { recursive: true, force: true });
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function makePool(mode: string, env: Record<string, string>): Promise<void> {
  const pool = `name=default,mode=${mode},v4=10.201.0.0/16,v6=fd00:201::/48`;
  await setup(["pool", "--pool", pool], env);
}

async function openOperator(env: Record<string, string>): Promise<Operator> {
  const { firstSignIn } = await setup(["first-sign-in"], env);
  return Operator.open(env, firstSignIn as { email: string; password: string });
}

/** A command of the setup program, and its answer. */
async function setup(args: readonly string[], env: Record<string, string>): Promise<Record<string, unknown>> {
  const { stdout } = await run(process.execPath, [SETUP, ...args], { env: { ...process.env, ...env } });
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "{}");
}

function portFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createConnection({ port, host: "127.0.0.1" });
    probe.once("connect", () => {
      probe.destroy();
      resolve(false);
    });
    probe.once("error", () => resolve(true));
  });
}
