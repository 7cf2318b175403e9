// The instance's own secrets, made once: readable by its user only, given to services by environment and
// never by argument. Not people's passwords: those are the server's.
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";

/** @typedef {{ databasePassword: string, authSecret: string }} Secrets */

/** @param {string} file @returns {Secrets} */
export function secretsIn(file) {
  const found = existsSync(file) ? parsed(file) : {};
  const complete = {
    databasePassword: found.databasePassword ?? randomBytes(24).toString("hex"),
    authSecret: found.authSecret ?? randomBytes(32).toString("base64url"),
  };
  if (Object.keys(complete).some((key) => complete[key] !== found[key])) writePrivately(file, complete);
  return complete;
}

function parsed(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    // Not replaced by new ones: the database's password would be lost with it.
    throw new Error(`${file} can't be read as JSON: put back a copy, or remove the whole folder`, { cause });
  }
}

/** Written beside and renamed: a crash or a power cut leaves the old file or the new one.
 * @param {string} file @param {unknown} content */
export function writePrivately(file, content) {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const fresh = `${file}.new`;
  const text = typeof content === "string" ? content : `${JSON.stringify(content, null, 2)}\n`;
  writeFileSync(fresh, text, { mode: 0o600, flush: true });
  chmodSync(fresh, 0o600);
  renameSync(fresh, file);
}
