// What the server must be told before people and agents can come: the first administrator, and a one-time
// token for each host without a credential. It asks apps/web's setup program; passwords aren't made here.
import { existsSync, rmSync } from "node:fs";
import { run } from "../command.mjs";
import { at } from "../paths.mjs";
import { writePrivately } from "./secrets.mjs";

const setupProgram = at("apps/web/build/setup.js");

/** @param {string[]} args @param {Record<string, string>} env */
async function setup(args, env) {
  const { code, output } = await run(process.execPath, [setupProgram, ...args], { env });
  const answer = output.split("\n").find((line) => line.startsWith("{"));
  if (code !== 0 || !answer) throw new Error(`setup ${args.join(" ")} failed:\n${output.trimEnd()}`);
  return JSON.parse(answer);
}

/** Makes the first administrator if there is none, and keeps the password where only its user reads it.
 * @param {import("./instance.mjs").Instance} instance @param {Record<string, string>} env
 * @returns {Promise<{ words: string[], isNew: boolean }>} what to tell the person who started this, and whether the
 *   database knew nobody yet */
export async function firstAdministrator(instance, env) {
  const file = instance.in("first-sign-in.json");
  const { firstSignIn } = await setup([], env);
  if (firstSignIn) {
    writePrivately(file, firstSignIn);
    const words = [
      `sign in as ${firstSignIn.email} with password ${firstSignIn.password}  (also in ${file})`,
    ];
    return { words, isNew: true };
  }
  const reset = "a forgotten password: node tools/setup.mjs reset-password --email EMAIL";
  const words = existsSync(file) ? [`the first sign-in is in ${file}; ${reset}`] : [reset];
  return { words, isNew: false };
}

/** The lab's pods have addresses of this pool; nothing when there is one already. @param {Record<string, string>} env */
export const firstPool = (env) =>
  setup(["pool", "--pool", "name=default,mode=direct,v4=10.201.0.0/16,v6=fd00:201::/48"], env);

/** A database that knew nobody knows no agent either: credentials of another one would be refused for ever.
 * @param {Pick<import("./instance.mjs").Instance, "in">} instance @param {import("./services.mjs").Host[]} hosts */
export function forgetCredentials(instance, hosts) {
  for (const { name } of hosts) rmSync(instance.in("agents", name, "credential.json"), { force: true });
}

/** @param {import("./instance.mjs").Instance} instance @param {import("./services.mjs").Host} host
 *  @param {Record<string, string>} env @returns {Promise<string | undefined>} the token's file, if one is needed */
export async function enrolmentToken(instance, host, env) {
  if (existsSync(instance.in("agents", host.name, "credential.json"))) return undefined;
  const { token } = await setup(["enrol", "--host", host.name], env);
  const file = instance.in("agents", host.name, "enrol-token");
  writePrivately(file, `${token}\n`);
  return file;
}
