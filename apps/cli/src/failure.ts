/** What went wrong, in one line, and the exit code that scripts can tell it by. */
import { TRPCClientError } from "@trpc/client";

/** 1: the fleet isn't well · 64: bad usage · 69: server can't be reached · 77: not allowed · 70: anything else. */
export const EXIT = { unwell: 1, usage: 64, unavailable: 69, internal: 70, permission: 77 } as const;

export class UsageError extends Error {
  override readonly name = "UsageError";
}

export function explain(error: unknown): string {
  if (!(error instanceof TRPCClientError)) return error instanceof Error ? error.message : String(error);
  if (error.data?.code === "UNAUTHORIZED")
    return `the server says: ${error.message}. Make a token under Settings, then set MILLRACE_TOKEN or --token`;
  if (error.data) return error.message;
  const cause = causeOf(error);
  const untrusted = /SELF_SIGNED|UNABLE_TO_(GET|VERIFY)/.test(cause);
  const advice = untrusted ? ": name its certificate in NODE_EXTRA_CA_CERTS" : "";
  return `the server can't be reached (${cause})${advice}`;
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT.usage;
  if (!(error instanceof TRPCClientError)) return EXIT.internal;
  switch (error.data?.code) {
    case undefined:
      return EXIT.unavailable;
    case "BAD_REQUEST":
      return EXIT.usage;
    case "UNAUTHORIZED":
    case "FORBIDDEN":
      return EXIT.permission;
    default:
      return EXIT.internal;
  }
}

function causeOf(error: Error): string {
  let deepest: unknown = error;
  while (deepest instanceof Error && deepest.cause instanceof Error) deepest = deepest.cause;
  return (deepest as NodeJS.ErrnoException).code ?? (deepest as Error).message;
}
