// The migrations and schema.prisma say the same, also while partitions come and go, and the rules that
// Prisma has no words for hold in the database itself.
import fc from "fast-check";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { closeDatabase, useDatabase as openDatabase, pool } from "../apps/web/src/server/db.ts";
import { Partitions } from "../apps/web/src/server/ingest/partitions.ts";
import { DROP_TABLE, ENDPOINT_TABLE, FLOW_TABLE } from "../apps/web/src/server/ingest/rows.ts";
import { merge } from "../apps/web/src/server/sketch.ts";
import { run } from "../tools/command.mjs";
import { bin } from "../tools/paths.mjs";
import { schemaEngineEnv } from "../tools/postgres.mjs";
import { testDatabase } from "../tools/testing/test-database.ts";

const database = testDatabase();
beforeAll(() => openDatabase(database.url));
afterAll(closeDatabase);

const diff = async () => {
  const env = { ...schemaEngineEnv, DATABASE_URL: database.url };
  const args = [
    "migrate",
    "diff",
    "--from-config-datasource",
    "--to-schema",
    "prisma/schema.prisma",
    "--exit-code",
  ];
  return await run(bin("prisma"), args, { env });
};

test("a migrated database is what schema.prisma says, with partitions and without", async () => {
  expect(await diff()).toMatchObject({ code: 0 });
  await new Partitions(pool()).makeAhead(Date.UTC(2026, 10, 23, 12));
  expect(await diff()).toMatchObject({ code: 0 });
});

test("a difference would be noticed", async () => {
  await pool().query("alter table tallies add column extra int");
  expect((await diff()).code).toBe(2);
  await pool().query("alter table tallies drop column extra");
});

test.each([
  ["flow_updates", FLOW_TABLE],
  ["drop_updates", DROP_TABLE],
  ["endpoint_updates", ENDPOINT_TABLE],
])("COPY into %s writes every column there is", async (table, columns) => {
  const { rows } = await pool().query<{ name: string }>(
    "select column_name as name from information_schema.columns where table_name = $1 and table_schema = 'public'",
    [table],
  );
  expect([...columns].sort()).toEqual(rows.map((row) => row.name).sort());
});

describe("an audit entry", () => {
  const change = (text: string) =>
    pool()
      .query(text)
      .then(
        () => "done",
        (error: Error) => error.message,
      );
  test("is written once: no change, no deletion, no truncation", async () => {
    await change(
      `insert into audit_entries (author, via, action, target, detail, outcome) values ('a', 'b', 'c', 'd', '{}', 'done')`,
    );
    expect(await change("update audit_entries set author = 'x'")).toMatch(/append only: UPDATE refused/);
    expect(await change("delete from audit_entries")).toMatch(/append only: DELETE refused/);
    expect(await change("truncate audit_entries")).toMatch(/append only: TRUNCATE refused/);
    const { rows } = await pool().query("select author from audit_entries");
    expect(rows).toEqual([{ author: "a" }]);
  });
});

test("sketches merged in SQL are those merged here", async () => {
  const client = new pg.Client(database.url);
  await client.connect();
  // They end with their last sample's bucket: never with a zero.
  const sketch = fc
    .array(fc.integer({ min: 0, max: 1000 }), { maxLength: 160 })
    .map((counts) => counts.slice(0, 1 + counts.findLastIndex((count) => count > 0)));
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(sketch, { maxLength: 6 }), async (sketches) => {
        const texts = sketches.map((sketch) => `{${sketch.join(",")}}`);
        const { rows } = await client.query(
          "select rtt_sketch_merge(s::int[]) as merged from unnest($1::text[]) s",
          [texts],
        );
        expect(rows[0].merged).toEqual(sketches.reduce<number[]>((a, b) => merge(a, b), []));
      }),
      { numRuns: 60 },
    );
  } finally {
    await client.end();
  }
});
