// One database for one test file: a copy of the migrated template, dropped at the end. Not for unit
// tests: those have no database. `const database = testDatabase();` at the top of a *.db.test.ts.
import { randomBytes } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, inject } from "vitest";

declare module "vitest" {
  interface ProvidedContext {
    /** URL of the migrated database that each test copies. */
    templateUrl: string;
  }
}

export interface TestDatabase {
  /** Known from the first test on. */
  readonly url: string;
}

export function testDatabase(): TestDatabase {
  let made: { url: string; drop: () => Promise<void> } | undefined;
  beforeAll(async () => {
    made = await createTestDatabase(inject("templateUrl"));
  });
  afterAll(async () => made?.drop());
  return {
    get url() {
      if (!made) throw new Error("testDatabase: its url is known in tests and hooks, not while collecting");
      return made.url;
    },
  };
}

/** A copy of the template; whoever still holds a connection at its end is disconnected. */
export const createTestDatabase = (templateUrl: string) =>
  createDatabase(templateUrl, new URL(templateUrl).pathname.slice(1));

/** One without a schema, for tests of the migrations themselves. */
export const createEmptyDatabase = (templateUrl: string) => createDatabase(templateUrl, "template0");

async function createDatabase(templateUrl: string, template: string) {
  const name = `test_${randomBytes(6).toString("hex")}`;
  await asAdmin(templateUrl, `create database ${name} template ${template} strategy wal_log`);
  const url = new URL(templateUrl);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => asAdmin(templateUrl, `drop database ${name} with (force)`) };
}

async function asAdmin(templateUrl: string, statement: string): Promise<void> {
  const url = new URL(templateUrl);
  url.pathname = "/postgres";
  const client = new pg.Client(url.href);
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
