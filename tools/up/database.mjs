// The instance's database: the user's by DATABASE_URL, else an embedded PostgreSQL of ours, whose data
// outlives every stop. It runs no migration.
import { existsSync, readFileSync } from "node:fs";
import {
  clusterUrl,
  complaintIn,
  createDatabase,
  initCluster,
  isReady,
  serverCommand,
} from "../postgres.mjs";
import { freePort, portProblem } from "./preflight.mjs";
import { guard } from "./service.mjs";
import { until } from "./until.mjs";

/** @param {import("./instance.mjs").Instance} instance @param {import("./secrets.mjs").Secrets} secrets
 *  @param {(spec: import("./service.mjs").ServiceSpec) => import("./service.mjs").Service} launch keeps the server
 *    before it is waited for, so that it is stopped even when it never gets ready
 *  @returns {Promise<{ url: string, note: string }>} */
export async function startDatabase(instance, secrets, launch) {
  if (instance.databaseUrl) return { url: instance.databaseUrl, note: "yours, by DATABASE_URL" };
  const taken = await portProblem("127.0.0.1", instance.databasePort, "MILLRACE_PG_PORT");
  const port = taken ? await freePort() : instance.databasePort;
  const cluster = { dataDir: instance.in("pg"), port, password: secrets.databasePassword };
  await initCluster(cluster);
  const command = await serverCommand(cluster, guard("SIGINT"));
  const service = launch({ name: "db", ...command, signal: "SIGINT", graceMs: 30_000 });
  const logFile = instance.in("millrace.log");
  const broken = () =>
    service.failures() > 2 ? `PostgreSQL does not start: ${lastComplaint(logFile)}` : undefined;
  await until(() => isReady(cluster, service.pid()), { what: "PostgreSQL", ms: 60_000, broken });
  await createDatabase(cluster).catch((cause) => {
    const place = `the database in ${cluster.dataDir} can't be used with the password in secrets.json`;
    throw new Error(`${place}: ${cause.message}`, { cause });
  });
  return { url: clusterUrl(cluster), note: `port ${port}, data in ${cluster.dataDir}` };
}

function lastComplaint(logFile) {
  if (!existsSync(logFile)) return "it says nothing";
  const lines = readFileSync(logFile, "utf8").split("\n");
  return complaintIn(
    lines
      .filter((line) => /^\S+ db /.test(line))
      .slice(-20)
      .join("\n"),
  );
}
