/**
 * `npm start -- --no-lab` as its user has it: the whole product, no lab, and a real container that somebody
 * starts on the machine. It is found in the well-known places, and podman's well-known socket isn't there.
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { expect, onTestFinished, test } from "vitest";
import { PodmanRuntime } from "../../apps/agent/src/testing/runtime/podman-runtime.ts";
import { at } from "../../tools/paths.mjs";
import { clusterUrl, createDatabase, startServer } from "../../tools/postgres.mjs";
import { freePort } from "../../tools/up/preflight.mjs";
import { Child, until } from "./child.ts";

const NAME = "own";
const PORT = 8081;
const SCRIPT = (gateway: string) =>
  `while true; do echo hello | nc -w 1 ${gateway} ${PORT} >/dev/null; sleep 0.2; done`;

async function database(): Promise<{ client: pg.Client; databaseUrl: string }> {
  const folder = mkdtempSync(path.join(tmpdir(), "millrace-own-"));
  const cluster = {
    dataDir: path.join(folder, "pg"),
    port: await freePort(),
    password: randomBytes(9).toString("hex"),
  };
  const server = await startServer(cluster);
  onTestFinished(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  await createDatabase(cluster);
  const client = new pg.Client(clusterUrl(cluster));
  await client.connect();
  onTestFinished(() => client.end());
  return { client, databaseUrl: clusterUrl(cluster) };
}

async function product(databaseUrl: string): Promise<string> {
  const port = await freePort();
  const env = { PORT: String(port), INGEST_PORT: String(await freePort()), DATABASE_URL: databaseUrl };
  const child = new Child(
    "npm start -- --no-lab",
    [at("tools/up/main.mjs"), "--no-lab", "--name", NAME],
    env,
  );
  onTestFinished(async () => {
    await child.end("SIGTERM");
    rmSync(at(".data", NAME), { recursive: true, force: true });
  });
  child.start();
  const explain = () => child.output.slice(-4000);
  await until("it is ready", () => /ready after/.test(child.output), { deadlineMs: 120_000, explain });
  return `http://127.0.0.1:${port}`;
}

test("without the lab the machine's own containers have names, flows and, where a name is missing, the reason", async () => {
  const { client, databaseUrl } = await database();
  const url = await product(databaseUrl);
  const podman = new PodmanRuntime("/run/runc");
  onTestFinished(() => podman.close());
  await podman.start();
  await podman.site.serve(PORT);
  const name = `shopper-${process.pid}`;
  const script = SCRIPT(podman.gateway);
  await podman.run({ name, labels: { app: "shop" }, script, network: "own" });

  type Reported = { pod: string; state: string; runtime: string; reason: string | null };
  const reported = await until(
    "the agent covers the container",
    async () => {
      const sql = "select pod from hosts, jsonb_array_elements(heartbeat->'pods') pod where pod->>'pod' = $1";
      const { rows } = await client.query<{ pod: Reported }>(sql, [name]);
      return rows[0]?.pod.state === "covered" && rows[0].pod;
    },
    { deadlineMs: 15_000 },
  );
  expect(reported).toMatchObject({ runtime: "podman" });
  expect(reported.reason).toMatch(/told by podman's socket alone: \/run\/podman\/podman.sock isn't there/);
  await until(
    "its flows are stored under its name",
    async () => {
      const sql = `select 1 from flow_updates f join workloads w on w.id = f.src_workload
        where w.pod = $1 and f.dst_port = $2 limit 1`;
      return (await client.query(sql, [name, PORT])).rows.length > 0;
    },
    { deadlineMs: 15_000 },
  );
  expect((await fetch(`${url}/readyz`)).ok).toBe(true);
}, 240_000);
