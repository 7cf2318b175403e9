/**
 * Where the server is and who we are: flags, then MILLRACE_SERVER and MILLRACE_TOKEN, then the configuration
 * file (MILLRACE_CONFIG, else ~/.config/millrace/config.yaml). The token is never printed.
 */
import { readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { parse, type YAMLParseError } from "yaml";
import { z } from "zod";
import { UsageError } from "./failure.ts";

const ConfigFile = z.strictObject({ server: z.url().optional(), token: z.string().min(1).optional() });
export type Access = { server: string; token: string | undefined };

export function readAccess(flags: { server?: string; token?: string }, env: NodeJS.ProcessEnv): Access {
  const file = readConfigFile(env.MILLRACE_CONFIG || path.join(homedir(), ".config/millrace/config.yaml"));
  return {
    server: serverOf(flags.server || env.MILLRACE_SERVER || file.server || "http://127.0.0.1:3000"),
    token: tokenOf(flags.token || env.MILLRACE_TOKEN || file.token),
  };
}

const WHERE_SERVER = "--server, MILLRACE_SERVER or the configuration file";

function serverOf(server: string): string {
  const url = URL.canParse(server) ? new URL(server) : undefined;
  // Not echoed: fetch refuses such a URL with a message that holds all of it.
  if (url?.username || url?.password)
    throw new UsageError(`no user or password belongs into ${WHERE_SERVER}: give a token`);
  if (url?.protocol !== "http:" && url?.protocol !== "https:")
    throw new UsageError(`“${server}” is not a URL like https://millrace.example (from ${WHERE_SERVER})`);
  return server.replace(/\/+$/, "");
}

/** What can't be in a header would be refused by fetch with a message that holds the token. */
function tokenOf(token: string | undefined): string | undefined {
  const trimmed = token?.trim();
  if (trimmed && !/^[\x21-\x7e]+$/.test(trimmed))
    throw new UsageError(
      "the token holds characters that no token has (from --token, MILLRACE_TOKEN or the file)",
    );
  return trimmed || undefined;
}

function readConfigFile(file: string): z.infer<typeof ConfigFile> {
  let content: string;
  try {
    content = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw new UsageError(`${file}: ${(error as Error).message}`);
  }
  const read = ConfigFile.safeParse(parsed(file, content) ?? {});
  if (!read.success) throw new UsageError(`${file}: ${z.prettifyError(read.error)}`);
  if (read.data.token && (statSync(file).mode & 0o077) !== 0)
    throw new UsageError(`${file} holds a token and others may read it: chmod 600 ${file}`);
  return read.data;
}

/** The parser shows the line in its message, and that line may be the token's. */
function parsed(file: string, content: string): unknown {
  try {
    return parse(content);
  } catch (error) {
    const line = (error as YAMLParseError).linePos?.[0].line;
    throw new UsageError(`${file}${line ? `, line ${line}` : ""}: is not valid YAML`);
  }
}
