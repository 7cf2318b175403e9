// Brings a database to the schema of this checkout. Prisma's CLI costs seconds, so it is asked only when
// what it would find isn't already so: one checksum a migration.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { run } from "../command.mjs";
import { at, bin } from "../paths.mjs";
import { schemaEngineEnv } from "../postgres.mjs";
import { withDatabase } from "./database-server.mjs";

/** The migrations of this checkout and the checksum Prisma records for each. */
function wantedMigrations() {
  const folder = at("prisma/migrations");
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => existsSync(`${folder}/${name}/migration.sql`));
  const checksum = (name) =>
    createHash("sha256")
      .update(readFileSync(`${folder}/${name}/migration.sql`))
      .digest("hex");
  return names.map((name) => ({ name, checksum: checksum(name) }));
}

/** @param {import("pg").Client} client */
async function appliedMigrations(client) {
  const { rows: tables } = await client.query("select to_regclass('_prisma_migrations') as found");
  if (tables[0].found === null) return new Map(); // an empty database
  const finished = "finished_at is not null and rolled_back_at is null";
  const { rows } = await client.query(
    `select migration_name, checksum from _prisma_migrations where ${finished}`,
  );
  return new Map(rows.map((row) => [row.migration_name, row.checksum]));
}

/** @param {string} url @returns {Promise<string>} what was done, for the progress line */
export async function migrate(url) {
  const wanted = wantedMigrations();
  const applied = await withDatabase(url, appliedMigrations);
  const missing = wanted.filter(({ name, checksum }) => applied.get(name) !== checksum);
  if (missing.length === 0) return "up to date";
  const env = { ...schemaEngineEnv, DATABASE_URL: url };
  const { code, output } = await run(bin("prisma"), ["migrate", "deploy"], { env });
  if (code !== 0) throw new Error(`prisma migrate deploy failed:\n${output.trimEnd()}`);
  return `${missing.length} applied`;
}
