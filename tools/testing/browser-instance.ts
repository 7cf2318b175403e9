// The instance of the whole product that the browser tests use: beside the user's own, with its own
// data, ports and lab. What the tests know of it, they know from here.
import { readFileSync } from "node:fs";
import { at } from "../paths.mjs";

/** `MILLRACE_INSTANCE=name:port` uses an instance that runs already, while a test is being written. */
const [name = "e2e", port = "3900"] = process.env.MILLRACE_INSTANCE?.split(":") ?? [];

export const instance = {
  name,
  running: process.env.MILLRACE_INSTANCE !== undefined,
  url: `http://127.0.0.1:${port}`,
  dataDir: at(`.data/${name}`),
  env: { PORT: port, INGEST_PORT: String(Number(port) + 1) },
} as const;

export interface SignIn {
  email: string;
  password: string;
}

/** The first administrator, as the supervisor wrote it down at the instance's first start. */
export function firstSignIn(): SignIn {
  return JSON.parse(readFileSync(`${instance.dataDir}/first-sign-in.json`, "utf8")) as SignIn;
}
