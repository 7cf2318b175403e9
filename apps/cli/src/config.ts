/**
 * Where the server is and who we are: flags, then MILLRACE_SERVER and MILLRACE_TOKEN, then the configuration
 * file (MILLRACE_CONFIG, else ~/.config/millrace/config.yaml). The token is never printed.
 */
import { readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { UsageError } from "./failure.ts";

const ConfigFile = z.strictObject({ server: z.url().optional(), token: z.string().min(1).optional() });
export type Access = { server: string; token: string | undefined };

export function readAccess(flags: { server?: string; token?: string }, env: NodeJS.ProcessEnv): Access {
  const file = readConfigFile(env.MILLRACE_CONFIG ?? path.join(homedir(), ".config/millrace/config.yaml"));
  const server = flags.server ?? env.MILLRACE_SERVER ?? file.server ?? "http://127.0.0.1:3000";
  if (!URL.canParse(server))
    throw new UsageError(`“${server}” is not a URL (from --server or MILLRACE_SERVER)`);
  return { server: server.replace(/\/+$/, ""), token: flags.token ?? env.MILLRACE_TOKEN ?? file.token };
}

function readConfigFile(file: string): z.infer<typeof ConfigFile> {
  let content: string;
  try {
    content = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw new UsageError(`${file}: ${(error as Error).message}`);
  }
  const read = ConfigFile.safeParse(parse(content) ?? {});
  if (!read.success) throw new UsageError(`${file}: ${z.prettifyError(read.error)}`);
  if (read.data.token && (statSync(file).mode & 0o077) !== 0)
    throw new UsageError(`${file} holds a token and others may read it: chmod 600 ${file}`);
  return read.data;
}
