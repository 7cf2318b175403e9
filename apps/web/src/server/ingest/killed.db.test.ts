import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { run } from "../../../../../tools/command.mjs";
import { at, bin } from "../../../../../tools/paths.mjs";
import {
  type Cluster,
  clusterUrl,
  createDatabase,
  schemaEngineEnv,
  startServer,
} from "../../../../../tools/postgres.mjs";
import { newCredential } from "../agent-gateway/credential.ts";
import { SteadyAgent } from "../testing/steady-agent.ts";

// A durable Postgres and an ingest process of the test's own, both killed with -9 while agents push.
const KILLS = process.env.MILLRACE_SOAK === "1" ? 50 : 4;
const HANGS_MS = 60_000 + KILLS * 15_000;
const HOSTS = 3;

let folder: string;
let cluster: Cluster;
let server: Awaited<ReturnType<typeof startServer>>;
let ingest: ChildProcess | undefined;
let port: number;
let agents: SteadyAgent[];

const freePort = () =>
  new Promise<number>((resolve) => {
    const probe = createServer();
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (
    const deadline = Date.now() + 60_000;
    Date.now() < deadline;
    await new Promise((r) => setTimeout(r, 20))
  )
    if (await holds()) return;
  throw new Error(`never came true: ${what}`);
}

function startIngest(): void {
  const args = ["--pdeathsig", "KILL", process.execPath, at("apps/web/build/ingest.js")];
  const env = {
    ...process.env,
    DATABASE_URL: clusterUrl(cluster),
    INGEST_PORT: String(port),
    LOG_LEVEL: "error",
  };
  ingest = spawn("setpriv", args, { cwd: at("."), env, stdio: ["ignore", "inherit", "inherit"] });
}
const killIngest = async () => {
  const child = ingest;
  if (!child || child.exitCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await gone;
};
/** The old server's backends may still be going when the new one is started. */
async function restartDatabase(): Promise<void> {
  await until("postgres starts again", async () => {
    try {
      server = await startServer(cluster);
      return true;
    } catch {
      return false;
    }
  });
}
async function query<T extends object>(text: string, values: unknown[] = []): Promise<T[]> {
  const client = new pg.Client(clusterUrl(cluster));
  await client.connect();
  try {
    return (await client.query<T>(text, values)).rows;
  } finally {
    await client.end();
  }
}

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "millrace-killed-"));
  cluster = { dataDir: path.join(folder, "data"), port: await freePort(), password: "of this test only" };
  cluster.password = crypto.randomUUID();
  port = await freePort();
  server = await startServer(cluster);
  await createDatabase(cluster);
  const env = { ...schemaEngineEnv, DATABASE_URL: clusterUrl(cluster) };
  expect(await run(bin("prisma"), ["migrate", "deploy"], { env })).toMatchObject({ code: 0 });
  agents = [];
  for (let n = 1; n <= HOSTS; n++) {
    const { credential, hash } = newCredential(n);
    await query("insert into hosts (name, credential_hash) values ($1, $2)", [`h${n}`, hash]);
    agents.push(new SteadyAgent(() => `http://127.0.0.1:${port}`, credential));
  }
  startIngest();
}, 120_000);

afterEach(async () => {
  for (const agent of agents ?? []) agent.abandon();
  await killIngest();
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

/** Each acknowledged batch is there once, with all of its rows, in tables and rollups alike. */
async function expectExactlyOnce(): Promise<void> {
  for (const [i, agent] of agents.entries()) {
    const n = agent.acknowledged;
    expect(agent.unretryable).toEqual([]);
    const [stored] = await query(
      `with b as (select id, sequence from batches where incarnation = $1)
       select (select count(*)::int from b) as batches, (select max(sequence)::int from b) as last,
         (select count(*)::int from flow_updates where batch_id in (select id from b)) as flows,
         (select sum(fwd_bytes)::int from flow_updates where batch_id in (select id from b)) as bytes,
         (select count(*)::int from drop_updates where batch_id in (select id from b)) as drops,
         (select count(*)::int from endpoint_updates where batch_id in (select id from b)) as endpoints,
         (select acknowledged::int from incarnations where id = $1) as acknowledged`,
      [agent.incarnation],
    );
    const bytes = (3 * n * (n + 1)) / 2;
    expect(stored).toEqual({
      ...{ batches: n, last: n, acknowledged: n, flows: 3 * n, drops: n, endpoints: n, bytes },
    });
    for (const table of ["rollup_10s", "rollup_1m", "rollup_1h"]) {
      const [rolled] = await query(`select sum(fwd_bytes)::int as bytes from ${table} where host_id = $1`, [
        i + 1,
      ]);
      expect(rolled).toEqual({ bytes });
    }
  }
}

const settled = () => agents.map((agent) => agent.acknowledged);
/** Every agent got at least so many more batches home. */
async function progress(batches: number): Promise<void> {
  const before = settled();
  await until(`${batches} more batches of each agent`, () =>
    settled().every((now, i) => now >= (before[i] as number) + batches),
  );
}

test(
  "Postgres killed with -9 while agents push: nothing lost, nothing twice, ingest stays up",
  async () => {
    const running = Promise.all(agents.map((agent) => agent.run()));
    const { pid } = ingest as ChildProcess;
    for (let kill = 0; kill < KILLS; kill++) {
      await progress(5);
      await server.stop("SIGKILL");
      const failures = agents.map((agent) => agent.failures);
      await until("every agent was told to come back", () =>
        agents.every((agent, i) => agent.failures > (failures[i] as number)),
      );
      await restartDatabase();
    }
    await progress(5);
    for (const agent of agents) agent.stop();
    await running;
    expect((ingest as ChildProcess).exitCode).toBeNull();
    expect((ingest as ChildProcess).pid).toBe(pid);
    await expectExactlyOnce();
  },
  HANGS_MS,
);

test(
  "ingest killed with -9 while agents push: nothing lost, nothing twice",
  async () => {
    const running = Promise.all(agents.map((agent) => agent.run()));
    for (let kill = 0; kill < KILLS; kill++) {
      await progress(5);
      await killIngest();
      startIngest();
    }
    await progress(5);
    for (const agent of agents) agent.stop();
    await running;
    await expectExactlyOnce();
  },
  HANGS_MS,
);

test(
  "ingest frozen, and what it had under way ended by the database: it goes on, nothing lost, nothing twice",
  async () => {
    const running = Promise.all(agents.map((agent) => agent.run()));
    for (let freeze = 0; freeze < KILLS; freeze++) {
      await progress(5);
      ingest?.kill("SIGSTOP");
      await query(
        "select pg_terminate_backend(pid) from pg_stat_activity where state in ('active', 'idle in transaction') and pid <> pg_backend_pid() and application_name <> ''",
      );
      ingest?.kill("SIGCONT");
    }
    await progress(5);
    for (const agent of agents) agent.stop();
    await running;
    expect((ingest as ChildProcess).exitCode).toBeNull();
    await expectExactlyOnce();
  },
  HANGS_MS,
);
