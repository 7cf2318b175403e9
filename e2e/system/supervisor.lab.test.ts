/** `npm start` on what an earlier one left: killed in the middle of its work, or stopped, with the hosts made anew. */
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import pg from "pg";
import { expect, onTestFinished, test } from "vitest";
import { at } from "../../tools/paths.mjs";
import { clusterUrl } from "../../tools/postgres.mjs";
import { freePort } from "../../tools/up/preflight.mjs";
import { Child, until } from "./child.ts";

/** Processes whose command line names the instance. */
const processes = (data: string): string[] =>
  readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      } catch {
        return ""; // it ended meanwhile
      }
    })
    .filter((line) => line.includes(data));

async function productNamed(name: string, ...flags: string[]) {
  const database = await freePort();
  const env = {
    PORT: String(await freePort()),
    INGEST_PORT: String(await freePort()),
    MILLRACE_PG_PORT: String(database),
  };
  const data = at(".data", name);
  const product = new Child("npm start", [at("tools/up/main.mjs"), ...flags, "--name", name], env);
  onTestFinished(async () => {
    await product.end("SIGTERM");
    rmSync(data, { recursive: true, force: true });
  });
  const ready = (times: number) =>
    until("it is ready", () => product.output.split("ready after").length > times, {
      deadlineMs: 120_000,
      explain: () => product.output.slice(-4000),
    });
  return { product, data, database, ready };
}

test("a start right after a kill -9 takes the place of what still ends, and leaves nothing when it is stopped", async () => {
  const { product, data, ready } = await productNamed("killed", "--no-lab");

  for (let life = 1; life <= 3; life++) {
    product.start();
    await ready(life);
    expect(processes(data)).not.toEqual([]);
    if (life < 3) await product.end("SIGKILL");
  }
  await product.end("SIGTERM");
  expect(product.output).toMatch(/stopped; the data stays\s*$/);
  expect(processes(data)).toEqual([]);
  expect(existsSync("/sys/fs/bpf/millrace/killed")).toBe(false);
});

test("started again, with hosts that have nothing of what their agents remember, pods talk as before", async () => {
  const { product, data, database, ready } = await productNamed("again");
  product.start();
  await ready(1);
  await product.end("SIGTERM");
  product.start();
  await ready(2);
  expect(product.output).not.toContain("starting again in");
  const { databasePassword: password } = JSON.parse(readFileSync(`${data}/secrets.json`, "utf8"));
  const client = new pg.Client(clusterUrl({ dataDir: `${data}/pg`, port: database, password }));
  await client.connect();
  onTestFinished(() => client.end());
  const since = new Date();
  const established = async (): Promise<boolean> => {
    const { rows } = await client.query(
      "select 1 from flow_updates where first_seen > $1 and proto = 6 and fwd_packets > 0 and rev_packets > 0 limit 1",
      [since],
    );
    return rows.length > 0;
  };
  await until("a connection is answered", established, {
    ...{ deadlineMs: 30_000, everyMs: 500 },
    explain: () => product.output.slice(-4000),
  });
}, 240_000);
