/** The lab as a program of its own: `main.js up --state DIR`. Commands and their meaning are command.ts's. */
import { labCommand } from "./command.ts";

// A reader that goes away (`| head`) ends us quietly, as it does any filter; not the lab that is up.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});

try {
  await labCommand().parseAsync();
} catch (error) {
  process.stderr.write(`lab: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
