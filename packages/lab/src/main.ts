/** The lab as a program of its own: `main.js up --state DIR`. Commands and their meaning are command.ts's. */
import { labCommand } from "./command.ts";

try {
  await labCommand().parseAsync();
} catch (error) {
  process.stderr.write(`lab: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
