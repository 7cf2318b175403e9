// The database tier's own promise, which every *.db.test.ts leans on.
import pg from "pg";
import { expect, inject, test } from "vitest";
import { createTestDatabase, testDatabase } from "./test-database.ts";

const database = testDatabase();

async function query(url: string, statement: string) {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}

test("a test's database is its own copy: what it writes is in no other", async () => {
  await query(database.url, "create table mine (n int)");
  const other = await createTestDatabase(inject("templateUrl"));
  try {
    const found = await query(other.url, "select to_regclass('mine') as found");
    expect(found).toEqual([{ found: null }]);
  } finally {
    await other.drop();
  }
});

test("a dropped database is gone, even when somebody is still connected", async () => {
  const doomed = await createTestDatabase(inject("templateUrl"));
  const holder = new pg.Client(doomed.url);
  holder.on("error", () => {}); // the server says why, then the socket says it closed
  const lost = new Promise((resolve) => holder.once("end", resolve));
  await holder.connect();
  await doomed.drop();
  await lost;
  await expect(query(doomed.url, "select 1")).rejects.toThrow(/does not exist/);
});

test("the server asks for the password", async () => {
  const url = new URL(database.url);
  url.password = "wrong";
  await expect(query(url.href, "select 1")).rejects.toThrow(/password authentication failed/);
});
