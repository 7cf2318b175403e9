/** The commands of setup.js, each an answer to print. Arguments in, JSON out; main.ts does the printing. */
import { parseArgs } from "node:util";
import { HostName } from "@millrace/contract/ids";
import { CreatePoolInput } from "@millrace/contract/pool";
import { env } from "../../env.ts";
import { SYSTEM } from "../audit/service.ts";
import { createPool, listPools } from "../pool/service.ts";
import { newPassword } from "../secret.ts";
import { createEnrolToken } from "../token/enrol.ts";
import { createFirstAdmin, resetPassword } from "../user/service.ts";

const AUTHOR = { ...SYSTEM, via: "setup" };

async function firstSignIn(): Promise<unknown> {
  const email = env().MILLRACE_ADMIN_EMAIL.toLowerCase();
  const password = newPassword();
  const made = await createFirstAdmin(email, password, AUTHOR);
  return { firstSignIn: made ? { email, password } : null };
}

async function enrol(host: string | undefined): Promise<unknown> {
  const { token } = await createEnrolToken({ host: HostName.parse(host), expiresInMinutes: 60 }, AUTHOR);
  return { token };
}

async function newPasswordFor(email: string | undefined): Promise<unknown> {
  if (!email) throw new Error("reset-password needs --email");
  const password = newPassword();
  await resetPassword(email, password, AUTHOR);
  return { email, password };
}

const POOL_KEYS: Record<string, string> = { name: "name", mode: "mode", v4: "prefix4", v6: "prefix6" };

/** name=default,mode=direct,v4=10.201.0.0/16,v6=fd00:201::/48 */
export function readPool(text: string): CreatePoolInput {
  const given = text.split(",").map((part): [string, string] => {
    const [key = "", value = ""] = part.split(/=(.*)/s);
    const field = POOL_KEYS[key];
    if (!field) throw new Error(`--pool has no “${key}”: ${Object.keys(POOL_KEYS).join(", ")}`);
    return [field, value];
  });
  const read = CreatePoolInput.safeParse(Object.fromEntries(given));
  if (read.success) return read.data;
  throw new Error(
    read.error.issues.map((issue) => `--pool: ${issue.path.join(".")}: ${issue.message}`).join("; "),
  );
}

/** Only where there is no pool yet: afterwards people make them. */
async function firstPool(text: string | undefined): Promise<unknown> {
  if (!text) throw new Error("pool needs --pool");
  const input = readPool(text);
  if ((await listPools()).length > 0) return { pool: null };
  const { name } = await createPool(input, AUTHOR);
  return { pool: name };
}

export async function runSetup(args: string[]): Promise<unknown> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { host: { type: "string" }, email: { type: "string" }, pool: { type: "string" } },
  });
  const [command = "first-sign-in"] = positionals;
  if (command === "first-sign-in") return firstSignIn();
  if (command === "enrol") return enrol(values.host);
  if (command === "reset-password") return newPasswordFor(values.email);
  if (command === "pool") return firstPool(values.pool);
  throw new Error(`there is no command “${command}”: use enrol, reset-password or pool`);
}
