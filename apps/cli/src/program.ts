/** The commands of `millrace` and how each says that it was used wrongly. Each command's work is its own file's. */
import { Command, type CommanderError } from "commander";
import { connectivityCommand } from "./connectivity/command.ts";
import { applyCommand, deleteCommand, getCommand } from "./documents.ts";
import { observeCommand } from "./observe.ts";
import { statusCommand } from "./status.ts";
import { traceCommand } from "./trace.ts";

/** As package.json says. */
export const VERSION = "0.1.0";

export function createProgram(): Command {
  const program = new Command("millrace")
    .description("Container networking you can see through.")
    .version(VERSION)
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
  program.addCommand(connectivityCommand());
  program.addCommand(applyCommand());
  program.addCommand(getCommand());
  program.addCommand(deleteCommand());
  // The lab is a program of its own, never part of the product: `millrace lab` only runs it.
  program.command("lab", "hosts of namespaces with real containers, traffic and faults", {
    executableFile: "../../../packages/lab/build/main.js",
  });
  everyCommand(program, (command) => command.exitOverride(throwOrPassOn));
  return program;
}

function everyCommand(command: Command, change: (command: Command) => void): void {
  change(command);
  for (const child of command.commands) everyCommand(child, change);
}

/** The lab's own exit code is passed on; all else is said by who called parse. */
function throwOrPassOn(error: CommanderError): never {
  if (error.code === "commander.executeSubCommandAsync") process.exit(error.exitCode);
  throw error;
}
