/**
 * What the database says, told as the contract's errors. The table of codes is the contract's (error.ts);
 * how errors travel over tRPC is trpc.ts's (operators) and ingest/procedure.ts's (agents).
 */
import { AppError } from "@millrace/contract/error";

/** SQLSTATE classes and codes that a later try can heal. */
const TRANSIENT = /^(08|53|57|58|40001|40P01|55P03|25006)/;
const NETWORK = new Set(["ECONNREFUSED", "ECONNRESET", "EPIPE", "ETIMEDOUT", "ENOTFOUND", "EAI_AGAIN"]);
/** What pg says without a code when its connection is gone or none was free in time. */
const LOST =
  /connection terminated|connection ended|timeout exceeded when trying to connect|client has encountered a connection error|not queryable|Query read timeout/i;

/** Prisma's own codes: not reachable, timed out, connection closed, no free connection, transaction lost. */
const PRISMA = new Set(["P1001", "P1002", "P1008", "P1017", "P2024", "P2028"]);
/** Prisma wraps what Postgres said. */
const originalCode = (error: Error): unknown =>
  (error as { meta?: { driverAdapterError?: { cause?: { originalCode?: unknown } } } }).meta
    ?.driverAdapterError?.cause?.originalCode;

/** True when the database is away, going, or too busy: the same call may succeed later. */
export function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as { code?: unknown };
  if (typeof code === "string" && (NETWORK.has(code) || PRISMA.has(code) || TRANSIENT.test(code)))
    return true;
  if (TRANSIENT.test(String(originalCode(error) ?? ""))) return true;
  if (error instanceof AggregateError) return error.errors.some(isDatabaseAway);
  return LOST.test(error.message) || (error.cause !== undefined && isDatabaseAway(error.cause));
}

/** Says what was attempted; keeps an AppError's own code, and tells a database that is away from a bug. */
export function wrapped(attempt: string, error: unknown): AppError {
  const reason = error instanceof Error ? error.message : String(error);
  const code = error instanceof AppError ? error.code : isDatabaseAway(error) ? "UNAVAILABLE" : "INTERNAL";
  const options =
    error instanceof AppError ? { cause: error, publicMessage: error.publicMessage } : { cause: error };
  return new AppError(code, `${attempt}: ${reason}`, options);
}
