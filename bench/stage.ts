/**
 * What a benchmark of the store stands on: a Postgres of its own with the product's settings and schema, and
 * the real ingest process beside it. Both end with the benchmark. No agents and no lab: e2e/system/stack.ts has those.
 */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { PROTOCOL_VERSION } from "@millrace/contract/agent-protocol";
import { Child, until } from "../e2e/system/child.ts";
import { run } from "../tools/command.mjs";
import { at } from "../tools/paths.mjs";
import { type Cluster, clusterUrl, createDatabase, startServer } from "../tools/postgres.mjs";
import { build, databaseClient, programs } from "../tools/up/build.mjs";
import { migrate } from "../tools/up/migrate.mjs";
import { freePort } from "../tools/up/preflight.mjs";

export type Database = {
  readonly url: string;
  /** The postmaster. */
  readonly pid: number;
  /** True when the folder held one already, from an earlier run. */
  readonly found: boolean;
  stop(): Promise<void>;
};

/** In a folder of its own that goes with it, or in a given one that stays. */
export async function openDatabase(kept?: string): Promise<Database> {
  const folder = kept ?? mkdtempSync(path.join(tmpdir(), "millrace-bench-"));
  mkdirSync(folder, { recursive: true });
  const dataDir = path.join(folder, "pg");
  const found = existsSync(path.join(dataDir, "PG_VERSION"));
  const cluster: Cluster = { dataDir, port: await freePort(), password: passwordIn(folder) };
  const server = await startServer(cluster);
  await createDatabase(cluster);
  await migrate(clusterUrl(cluster));
  return {
    url: clusterUrl(cluster),
    pid: Number(readFileSync(path.join(dataDir, "postmaster.pid"), "utf8").split("\n")[0]),
    found,
    stop: async () => {
      await server.stop();
      if (!kept) rmSync(folder, { recursive: true, force: true });
    },
  };
}

function passwordIn(folder: string): string {
  const file = path.join(folder, "password");
  if (!existsSync(file)) writeFileSync(file, randomBytes(16).toString("hex"), { mode: 0o600 });
  return readFileSync(file, "utf8");
}

/** Brings the bundles that the benchmark starts up to date with their sources. */
export async function buildPrograms(...names: string[]): Promise<void> {
  await build(databaseClient);
  for (const program of programs)
    if (names.includes(program.name.replace("bundle ", ""))) await build(program);
}

export class IngestProcess {
  readonly url: string;
  readonly #child: Child;
  readonly #env: Record<string, string>;

  private constructor(port: number, databaseUrl: string) {
    this.url = `http://127.0.0.1:${port}`;
    this.#env = {
      DATABASE_URL: databaseUrl,
      INGEST_PORT: String(port),
      BETTER_AUTH_SECRET: randomBytes(24).toString("hex"),
      LOG_LEVEL: "warn",
    };
    this.#child = new Child("ingest", ["--enable-source-maps", at("apps/web/build/ingest.js")], this.#env);
  }

  static async start(database: Database): Promise<IngestProcess> {
    const ingest = new IngestProcess(await freePort(), database.url);
    ingest.#child.start();
    await until(
      "ingest is ready",
      async () => (await fetch(`${ingest.url}/readyz`).catch(() => undefined))?.ok === true,
      { deadlineMs: 30_000, explain: () => ingest.#child.output.slice(-2000) },
    );
    return ingest;
  }
  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error(`ingest has ended:\n${this.#child.output.slice(-2000)}`);
    return pid;
  }

  /** Enrols a host as an agent does; its credential. */
  async enrol(host: string): Promise<string> {
    const setup = at("apps/web/build/setup.js");
    const { code, output } = await run(process.execPath, [setup, "enrol", "--host", host], {
      env: this.#env,
    });
    const line = output.split("\n").find((one) => one.startsWith("{"));
    if (code !== 0 || !line) throw new Error(`setup enrol --host ${host} failed:\n${output}`);
    const { token } = JSON.parse(line) as { token: string };
    const response = await fetch(`${this.url}/trpc/agent.enrol`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ protocol: PROTOCOL_VERSION, token, host }),
    });
    const answer = (await response.json()) as { result?: { data: { credential: string } } };
    if (!answer.result) throw new Error(`enrolling ${host}: ${JSON.stringify(answer)}`);
    return answer.result.data.credential;
  }

  async push(credential: string, body: Uint8Array): Promise<void> {
    const response = await fetch(`${this.url}/trpc/telemetry.push`, {
      method: "POST",
      headers: {
        "content-type": "application/octet-stream",
        "content-encoding": "br",
        authorization: `Bearer ${credential}`,
      },
      body: body as BodyInit,
    });
    const text = await response.text();
    const duplicate = (JSON.parse(text) as { result?: { data: { duplicate: boolean } } }).result?.data
      .duplicate;
    if (duplicate !== false)
      throw new Error(`a batch was not stored: ${response.status} ${text.slice(0, 500)}`);
  }

  stop(): Promise<void> {
    return this.#child.end("SIGTERM");
  }
}
