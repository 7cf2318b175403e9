/** What went wrong, in one line, and the exit code that scripts can tell it by. */
import { TRPCClientError } from "@trpc/client";
import { CommanderError } from "commander";
import { plain } from "./terminal.ts";

/** 1: the fleet isn't well · 64: bad usage · 69: server can't be reached · 77: not allowed · 70: anything else. */
export const EXIT = { unwell: 1, usage: 64, unavailable: 69, internal: 70, permission: 77 } as const;

export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The server can't be asked, or what answers there is none of ours. */
export class UnreachableError extends Error {
  override readonly name = "UnreachableError";
}

/** Empty when it is said already, or nothing is wrong: help and the parser's own complaints. */
export function explain(error: unknown): string {
  return plain(oneLine(reasonOf(error)));
}

const oneLine = (text: string): string => text.trim().replace(/\s*\n\s*/g, "; ");

function reasonOf(error: unknown): string {
  if (error instanceof CommanderError) return "";
  if (!(error instanceof TRPCClientError)) return error instanceof Error ? error.message : String(error);
  if (error.data?.code === "UNAUTHORIZED")
    return `the server says: ${error.message}. Make a token under Settings, then set MILLRACE_TOKEN or --token`;
  if (error.data) return error.message;
  const cause = chainOf(error).find((one) => one instanceof UnreachableError);
  return (cause ?? error).message;
}

/** Why a request did not get through, with what to do about it where that is known. */
export function unreachable(server: string, error: unknown): UnreachableError {
  const cause = causeOf(error);
  const untrusted = /SELF_SIGNED|UNABLE_TO_(GET|VERIFY)/.test(cause);
  const advice = untrusted ? ": name its certificate in NODE_EXTRA_CA_CERTS" : "";
  return new UnreachableError(`${server} can't be reached (${cause})${advice}`, { cause: error });
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT.usage;
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

function chainOf(error: unknown): Error[] {
  return error instanceof Error ? [error, ...chainOf(error.cause)] : [];
}

function causeOf(error: unknown): string {
  const deepest = chainOf(error).at(-1) as NodeJS.ErrnoException | undefined;
  return deepest?.code ?? deepest?.message ?? String(error);
}
