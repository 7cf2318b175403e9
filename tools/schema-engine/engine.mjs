// Prisma's schema engine as WebAssembly, on the pg driver. It leans on what the packages don't
// document, hence exact versions in package.json and tools/up/migrate.db.test.ts.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { databaseName } from "./database.mjs";

const require = createRequire(import.meta.url);
const charType = 18; // "char", a catalog type the adapter has no name for
const textType = 25;

let glue;
/** The engine's JavaScript half with its WebAssembly half linked in, once a process. */
async function loadEngine() {
  if (glue) return glue;
  const folder = path.dirname(require.resolve("@prisma/schema-engine-wasm"));
  glue = await import(path.join(folder, "schema_engine_bg.js"));
  const module = new WebAssembly.Module(readFileSync(path.join(folder, "schema_engine_bg.wasm")));
  const imports = {};
  for (const wanted of WebAssembly.Module.imports(module)) {
    imports[wanted.module] ??= {};
    imports[wanted.module][wanted.name] = glue[wanted.name];
  }
  const instance = /** @type {any} */ (new WebAssembly.Instance(module, imports));
  glue.__wbg_set_wasm(instance.exports);
  instance.exports.__wbindgen_start();
  return glue;
}

/** Explicit fields, not a connection string: pg lets a string's database win over `database`, which would
 *  send the shadow database's statements to the real one. */
function connectionConfig(url) {
  return {
    host: url.searchParams.get("host") ?? decodeURIComponent(url.hostname),
    port: Number(url.port || 5432),
    max: 2,
    user: decodeURIComponent(url.username) || undefined,
    password: decodeURIComponent(url.password) || undefined,
    database: databaseName(url.href) || "postgres",
  };
}

/** What the published adapter lacks for the engine: "char" columns, and scripts that aren't split at each
 *  semicolon, which function bodies contain. */
function completed(queryable, ColumnTypeEnum) {
  const performIO = queryable.performIO.bind(queryable);
  queryable.queryRaw = async (query) => {
    let chars = [];
    const performed = async (statement) => {
      const result = await performIO(statement);
      chars = result.fields.flatMap((field, index) => (field.dataTypeID === charType ? [index] : []));
      for (const index of chars) result.fields[index].dataTypeID = textType;
      return result;
    };
    const self = Object.create(queryable, { performIO: { value: performed } });
    const answer = await Object.getPrototypeOf(queryable).queryRaw.call(self, query);
    for (const index of chars) answer.columnTypes[index] = ColumnTypeEnum.Character;
    return answer;
  };
  queryable.executeScript = async (script) => {
    try {
      await queryable.client.query(script);
    } catch (error) {
      queryable.onError(error);
    }
  };
  const startTransaction = queryable.startTransaction?.bind(queryable);
  if (startTransaction) {
    queryable.startTransaction = async (level) => completed(await startTransaction(level), ColumnTypeEnum);
  }
  return queryable;
}

/** A driver factory as the engine wants it, with a shadow database that is dropped after use. */
async function driverFactory(config, schema) {
  const { PrismaPg } = await import("@prisma/adapter-pg");
  const { ColumnTypeEnum } = await import("@prisma/driver-adapter-utils");
  const { default: pg } = await import("pg");
  class Factory extends PrismaPg {
    async connect() {
      return completed(await super.connect(), ColumnTypeEnum);
    }
    async connectToShadowDb() {
      const admin = new pg.Pool(config);
      const database = `prisma_migrate_shadow_db_${crypto.randomUUID()}`;
      await admin.query(`create database "${database}"`);
      const shadow = await new Factory({ ...config, database }, { schema }).connect();
      const dispose = shadow.dispose.bind(shadow);
      shadow.dispose = async () => {
        await dispose();
        await admin.query(`drop database if exists "${database}" with (force)`);
        await admin.end();
      };
      return shadow;
    }
  }
  return new Factory(config, { schema });
}

/** @param {{ url?: string, datamodels: string[] }} options */
export async function createEngine({ url, datamodels }) {
  const engineModule = await loadEngine();
  const { bindMigrationAwareSqlAdapterFactory } = await import("@prisma/driver-adapter-utils");
  const parsed = new URL(url ?? "postgresql://127.0.0.1:1/none");
  const schema = parsed.searchParams.get("schema") ?? undefined;
  const factory = bindMigrationAwareSqlAdapterFactory(await driverFactory(connectionConfig(parsed), schema));
  const models = datamodels.map((file) => [file, readFileSync(file, "utf8")]);
  const log = (line) => process.env.DEBUG && process.stderr.write(`${line}\n`);
  const engine = await engineModule.SchemaEngine.new(
    { datamodels: models.length ? models : undefined },
    log,
    factory,
  );
  return {
    call: (method, params) => engine[method](params),
    /** The driver's own error, which the engine passes on as a number. */
    describe: (error) => {
      const id = /error id (\d+)|registered_error_id[^\d]*(\d+)/i.exec(String(error?.message ?? ""));
      return (id && factory.errorRegistry?.consumeError(Number(id[1] ?? id[2]))?.error) ?? error;
    },
  };
}
