/** The commands of setup.js, each an answer to print. Arguments in, JSON out; main.ts does the printing. */
import { parseArgs } from "node:util";
import { HostName } from "@millrace/contract/ids";
import { env } from "../../env.ts";
import { SYSTEM } from "../audit/service.ts";
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

export async function runSetup(args: string[]): Promise<unknown> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { host: { type: "string" }, email: { type: "string" } },
  });
  const [command = "first-sign-in"] = positionals;
  if (command === "first-sign-in") return firstSignIn();
  if (command === "enrol") return enrol(values.host);
  if (command === "reset-password") return newPasswordFor(values.email);
  throw new Error(`there is no command “${command}”: use enrol or reset-password`);
}
