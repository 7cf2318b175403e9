/**
 * The way to Postgres: one pool a process, and Prisma's client over the same pool for what people edit. It
 * hangs on globalThis because Next bundles its entry points apart. Queries stand in repo.ts files.
 *
 * int8 comes back as a string (pair keys and ids don't fit a number): cast sums to float8 in SQL.
 */
import { PrismaPg } from "@prisma/adapter-pg";
import pg from "pg";
import { env } from "../env.ts";
import { PrismaClient } from "./generated/prisma/client.ts";

export type Connection = pg.PoolClient;
/** Whatever can run a statement: the pool, or the connection of a transaction. */
export type Queryable = Pick<pg.Pool | pg.PoolClient, "query">;

type Database = { url: string; pool: pg.Pool; prisma: PrismaClient };
const place = globalThis as { millraceDatabase?: Database };

export type PoolLimits = { max: number; statementTimeoutMs: number };

/** A pool that outlives its database: an idle connection's end is no crash, the next query reconnects. */
export function createPool(url: string, name: string, limits: PoolLimits): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    application_name: name,
    max: limits.max,
    idleTimeoutMillis: 30_000,
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
    statement_timeout: limits.statementTimeoutMs,
    idle_in_transaction_session_timeout: limits.statementTimeoutMs,
    // What was acknowledged is on the disk, whatever the server's default is.
    options: "-c synchronous_commit=on",
  });
  pool.on("error", () => {}); // the pool has dropped the connection already
  return pool;
}

function database(): Database {
  place.millraceDatabase ??= open(env().DATABASE_URL);
  return place.millraceDatabase;
}
function open(url: string): Database {
  const pool = createPool(url, "millrace-web", { max: 16, statementTimeoutMs: 30_000 });
  return { url, pool, prisma: new PrismaClient({ adapter: new PrismaPg(pool) }) };
}

export const pool = (): pg.Pool => database().pool;
export const prisma = (): PrismaClient => database().prisma;
export const databaseUrl = (): string => database().url;

/** Another database than the environment's: tests and the ingest process's own pool sizes. */
export async function useDatabase(url: string): Promise<void> {
  await closeDatabase();
  place.millraceDatabase = open(url);
}
export async function closeDatabase(): Promise<void> {
  const old = place.millraceDatabase;
  place.millraceDatabase = undefined;
  if (!old) return;
  await old.prisma.$disconnect();
  await old.pool.end();
}

export type TransactionMode = "read committed" | "repeatable read read only";

/** Runs `work` in one transaction. A connection that failed in it isn't used again. */
export async function transaction<T>(
  work: (connection: Connection) => Promise<T>,
  options: { pool?: pg.Pool; mode?: TransactionMode } = {},
): Promise<T> {
  const connection = await (options.pool ?? pool()).connect();
  let failure: Error | undefined;
  // Without a listener, a connection lost between two statements would end the process.
  const lost = (error: Error) => {
    failure = error;
  };
  connection.on("error", lost);
  try {
    await connection.query(`begin isolation level ${options.mode ?? "read committed"}`);
    const result = await work(connection);
    await connection.query("commit");
    return result;
  } catch (error) {
    await connection.query("rollback").catch((rollback: Error) => {
      failure = rollback;
    });
    throw error;
  } finally {
    connection.off("error", lost);
    connection.release(failure);
  }
}
