/**
 * What npm start asks for after migrating, as one JSON object on stdout:
 *   setup.js                           the first admin, made once: {"firstSignIn": {email, password} | null}
 *   setup.js enrol --host NAME         a one-time enrolment token: {"token": …}
 *   setup.js reset-password --email E  a new password: {"email", "password"}
 *   setup.js pool --pool name=NAME,mode=direct|overlay,v4=PREFIX,v6=PREFIX
 *                                      the first pool, where there is none yet: {"pool": NAME | null}
 * Not a server; it opens the database, does one thing, and ends.
 */
import { closeDatabase } from "../db.ts";
import { runSetup } from "./command.ts";

try {
  process.stdout.write(`${JSON.stringify(await runSetup(process.argv.slice(2)))}\n`);
} catch (error) {
  process.stderr.write(`setup: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
await closeDatabase();
