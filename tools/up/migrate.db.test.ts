// Migrations through the WebAssembly schema engine: it leans on what Prisma doesn't document, so each path that
// a user's database takes is walked here for real.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import pg from "pg";
import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { run } from "../command.mjs";
import { at, bin } from "../paths.mjs";
import { schemaEngineEnv } from "../postgres.mjs";
import { createEmptyDatabase, testDatabase } from "../testing/test-database.ts";
import { migrate } from "./migrate.mjs";

const migrated = testDatabase();
let empty: Awaited<ReturnType<typeof createEmptyDatabase>>;
let folder: string;

beforeEach(async () => {
  empty = await createEmptyDatabase(inject("templateUrl"));
  mkdirSync(at(".data"), { recursive: true });
  folder = mkdtempSync(at(".data/migrate-test-"));
});
afterEach(async () => {
  await empty.drop();
  rmSync(folder, { recursive: true, force: true });
});

async function query(url: string, statement: string) {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}

const prisma = (url: string, ...args: string[]) =>
  run(bin("prisma"), args, { env: { ...schemaEngineEnv, DATABASE_URL: url } });

/** A project of its own, below the repository so that prisma/config is found. */
function project(migrations: Record<string, string>): string {
  writeFileSync(path.join(folder, "schema.prisma"), 'datasource db {\n  provider = "postgresql"\n}\n');
  for (const [name, sql] of Object.entries(migrations)) {
    mkdirSync(path.join(folder, "migrations", name), { recursive: true });
    writeFileSync(path.join(folder, "migrations", name, "migration.sql"), sql);
  }
  writeFileSync(path.join(folder, "migrations/migration_lock.toml"), 'provider = "postgresql"\n');
  const config = path.join(folder, "prisma.config.ts");
  const text = `import { defineConfig } from "prisma/config";
export default defineConfig({
  schema: ${JSON.stringify(path.join(folder, "schema.prisma"))},
  migrations: { path: ${JSON.stringify(path.join(folder, "migrations"))} },
  datasource: { url: process.env.DATABASE_URL ?? "" },
});
`;
  writeFileSync(config, text);
  return config;
}

test("an empty database arrives at the newest schema, and a second run finds nothing to do", async () => {
  expect(await migrate(empty.url)).toMatch(/^\d+ applied$/);
  expect(await migrate(empty.url)).toBe("up to date");
});

test("schema.prisma says what the migrations made", async () => {
  const { code, output } = await prisma(
    migrated.url,
    ...["migrate", "diff", "--from-config-datasource", "--to-schema", at("prisma/schema.prisma")],
    ...["--script", "--exit-code"],
  );
  expect(output).toMatch(/empty migration/i);
  expect(code).toBe(0);
});

test("a database behind by one migration is brought up to date, and its rows stay", async () => {
  const first = { "0001_first": "create table kept (n int); insert into kept values (7);" };
  const config = project(first);
  expect(await prisma(empty.url, "migrate", "deploy", "--config", config)).toMatchObject({ code: 0 });
  // A function body has semicolons of its own: the script must reach the server whole.
  project({
    ...first,
    "0002_second": `alter table kept add column doubled int;
create function twice(n int) returns int language plpgsql as $$ begin n := n * 2; return n; end $$;
update kept set doubled = twice(n);`,
  });
  expect(await prisma(empty.url, "migrate", "deploy", "--config", config)).toMatchObject({ code: 0 });
  expect(await query(empty.url, "select * from kept")).toEqual([{ n: 7, doubled: 14 }]);
});

test("a migration that fails is named, with what the server said", async () => {
  const config = project({ "0001_broken": "create table broken (n no_such_type);" });
  const { code, output } = await prisma(empty.url, "migrate", "deploy", "--config", config);
  expect(code).not.toBe(0);
  expect(output).toContain("0001_broken");
  expect(output).toContain('type "no_such_type" does not exist');
});

test("a server that is away is said to be away", async () => {
  await expect(migrate("postgresql://millrace@127.0.0.1:1/millrace")).rejects.toThrow(/ECONNREFUSED/);
});
