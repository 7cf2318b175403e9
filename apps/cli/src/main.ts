/**
 * `millrace`: the people's way in from a terminal. Wiring only: each command asks the operator API and
 * prints; nothing is decided here.
 */
import { Command } from "commander";
import { exitCodeOf, explain } from "./failure.ts";
import { observeCommand } from "./observe.ts";
import { statusCommand } from "./status.ts";
import { traceCommand } from "./trace.ts";

const program = new Command("millrace")
  .description("Container networking you can see through.")
  .option(
    "--server <url>",
    "operator API (MILLRACE_SERVER, else the configuration file, else this machine's)",
  )
  .option("--token <token>", "personal API token (better: MILLRACE_TOKEN, or the configuration file)")
  .showSuggestionAfterError(true)
  .configureHelp({ sortSubcommands: true });

program.addCommand(statusCommand());
program.addCommand(observeCommand());
program.addCommand(traceCommand());
// The lab is a program of its own, never part of the product: `millrace lab` only runs it.
program.command("lab", "hosts of namespaces with real containers, traffic and faults", {
  executableFile: "../../../packages/lab/build/main.js",
});

// A reader that goes away (`| head`) ends us quietly, as it does any filter.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

program.parseAsync().catch((error: unknown) => {
  process.stderr.write(`millrace: ${explain(error)}\n`);
  process.exitCode = exitCodeOf(error);
});
