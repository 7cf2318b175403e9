#!/usr/bin/env node
// Stands in for Prisma's native schema-engine, which would have to be downloaded: the same engine as
// WebAssembly, behind the JSON-RPC over stdio that the Prisma CLI speaks. PRISMA_SCHEMA_ENGINE_BINARY
// points here. It holds no policy: schema.prisma, migrations/ and _prisma_migrations stay the truth.
import { createInterface } from "node:readline";
import { canConnect, createDatabase, dropDatabase, errorCode } from "./schema-engine/database.mjs";
import { createEngine } from "./schema-engine/engine.mjs";

/** Methods of the engine that are called as they come. */
const direct = new Set([
  ...["applyMigrations", "createMigration", "devDiagnostic", "diagnoseMigrationHistory", "evaluateDataLoss"],
  ...["introspect", "introspectSql", "markMigrationApplied", "markMigrationRolledBack", "reset"],
  ...["schemaPush", "dbExecute", "ensureConnectionValidity"],
]);

/** @param {string[]} argv */
function readArguments(argv) {
  /** @type {{ datamodels: string[], url: string | undefined, rest: string[] }} */
  const found = { datamodels: [], url: process.env.DATABASE_URL, rest: [] };
  for (let i = 0; i < argv.length; i++) {
    if (argv[i] === "--datamodels") found.datamodels.push(argv[++i]);
    else if (argv[i] === "--datasource") found.url = JSON.parse(argv[++i]).url ?? found.url;
    else if (argv[i] === "--enabled-preview-features" || argv[i] === "--extension-types") i++;
    else found.rest.push(argv[i]);
  }
  return found;
}

/** The one-shot commands, which answer by exit code and one JSON line on stderr. */
async function runCommand(command, url) {
  const commands = {
    "can-connect-to-database": canConnect,
    "create-database": createDatabase,
    "drop-database": dropDatabase,
  };
  try {
    await commands[command]?.(url);
    return 0;
  } catch (error) {
    const message = error.errors?.[0]?.message ?? error.message;
    const fields = { message, error_code: errorCode(error), is_panic: false };
    const timestamp = new Date().toISOString();
    const line = { level: "ERROR", target: "schema_engine::logger", timestamp, fields };
    process.stderr.write(`\n${JSON.stringify(line)}\n`);
    return 1;
  }
}

const send = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);

/** Answers requests with one engine, made when first asked for. */
function createSession(options) {
  let current;
  let printId = 1_000_000;
  const engine = () => {
    current ??= createEngine(options);
    return current;
  };
  const diff = async (params) => {
    const found = await (await engine()).call("diff", params);
    if (found.stdout != null) {
      send({ id: printId++, method: "print", params: { content: found.stdout.replace(/\n$/, "") } });
    }
    return { exitCode: found.exitCode, stdout: null };
  };
  const call = async (method, params) => {
    if (method === "createDatabase") return createDatabase(params?.datasource?.url ?? options.url);
    if (method === "getDatabaseVersion") return (await engine()).call("version", params);
    if (method === "diff") return diff(params);
    if (!direct.has(method)) throw new Error(`the schema engine has no method ${method}`);
    try {
      return (await (await engine()).call(method, params)) ?? {};
    } catch (error) {
      // The engine binds its shadow database during a history check and lets go of it once migrations
      // were applied: a new engine, the check again, then the call.
      if (!/through an external factory/.test(String(error?.message)) || !params?.migrationsList) throw error;
      current = createEngine(options);
      const { migrationsList, filters } = params;
      await (await current).call("devDiagnostic", { migrationsList, filters });
      return (await (await current).call(method, params)) ?? {};
    }
  };
  const describe = async (error) => (current ? (await current).describe(error) : error);
  return { call, describe };
}

async function answer(session, request) {
  try {
    send({ id: request.id, result: await session.call(request.method, request.params) });
  } catch (error) {
    const cause = await session.describe(error);
    const code = error?.code ?? error?.cause?.code ?? null;
    const data = { is_panic: false, message: String(cause?.message ?? cause), meta: null, error_code: code };
    send({
      id: request.id,
      error: { code: 4466, message: "An error happened. Check the data field for details.", data },
    });
  }
}

/** Serves stdin until it closes and the last request is answered. */
async function serve(options) {
  const session = createSession(options);
  const pending = new Set();
  for await (const line of createInterface({ input: process.stdin })) {
    const request = line.trim() ? JSON.parse(line) : {};
    if (!request.method) continue; // an empty line, or the answer to a print of ours
    const work = answer(session, request).finally(() => pending.delete(work));
    pending.add(work);
  }
  await Promise.all(pending);
}

const argv = process.argv.slice(2);
if (argv.includes("--version") || argv.includes("-V")) {
  console.log("schema-engine-cli wasm");
} else {
  const options = readArguments(argv);
  if (options.rest[0] === "cli") process.exitCode = await runCommand(options.rest[1], options.url);
  else await serve(options);
  process.exit(); // the engine's pool would keep the process waiting
}
