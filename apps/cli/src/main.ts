/**
 * `millrace`: the people's way in from a terminal. Wiring only: each command asks the operator API and
 * prints; nothing is decided here.
 */
import { exitCodeOf, explain } from "./failure.ts";
import { createProgram } from "./program.ts";
import { endWithReader } from "./terminal.ts";

endWithReader(process.stdout);
endWithReader(process.stderr);

createProgram()
  .parseAsync()
  .catch((error: unknown) => {
    const said = explain(error);
    if (said) process.stderr.write(`millrace: ${said}\n`);
    process.exitCode = exitCodeOf(error);
  });
