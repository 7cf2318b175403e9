// The instance's own secrets, made once: readable by its user only, given to services by environment and
// never by argument. Not people's passwords: those are the server's.
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";

/** @typedef {{ databasePassword: string, authSecret: string }} Secrets */

/** @param {string} file @returns {Secrets} */
export function secretsIn(file) {
  const found = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
  const complete = {
    databasePassword: found.databasePassword ?? randomBytes(24).toString("hex"),
    authSecret: found.authSecret ?? randomBytes(32).toString("base64url"),
  };
  if (Object.keys(complete).some((key) => complete[key] !== found[key])) writePrivately(file, complete);
  return complete;
}

/** Written beside and renamed: a crash leaves the old file or the new one.
 * @param {string} file @param {unknown} content */
export function writePrivately(file, content) {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const fresh = `${file}.new`;
  const text = typeof content === "string" ? content : `${JSON.stringify(content, null, 2)}\n`;
  writeFileSync(fresh, text, { mode: 0o600 });
  chmodSync(fresh, 0o600);
  renameSync(fresh, file);
}
