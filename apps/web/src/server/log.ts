/** Structured logs of a process of ours, one JSON object a line on stdout. No secrets, no request bodies. */
import { AppError, ERROR_CODES } from "@millrace/contract/error";
import pino from "pino";
import { env } from "../env.ts";

const place = globalThis as { millraceLog?: pino.Logger };

export function log(): pino.Logger {
  place.millraceLog ??= pino({ level: env().LOG_LEVEL, base: null });
  return place.millraceLog;
}

/** What a caller got an error for: a bug or an outage is logged with its cause, a refusal only when debugging. */
export function reportFailure(error: Error, path: string): void {
  const cause = error.cause instanceof AppError ? error.cause : undefined;
  const status = cause ? ERROR_CODES[cause.code].http : isInternal(error) ? 500 : 400;
  if (status >= 500) log().error({ err: cause ?? error, path }, "a call failed");
  else log().debug({ path, code: cause?.code, why: cause?.message ?? error.message }, "a call was refused");
}
const isInternal = (error: Error): boolean => (error as { code?: string }).code === "INTERNAL_SERVER_ERROR";
