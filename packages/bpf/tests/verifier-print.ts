/* Prints the verifier's table of the running kernel; tools/vm runs it in a machine with another kernel. */
import { BpfError } from "@millrace/native/native";
import { budgetText, verifyAll } from "./verifier-budget.ts";

try {
  process.stdout.write(budgetText(verifyAll()));
} catch (error) {
  if (!(error instanceof BpfError)) throw error;
  // Why it was refused stands at the log's end.
  process.stdout.write(`${error.verifierLog?.slice(-4000) ?? ""}\n${error.message}\n`);
  process.exitCode = 1;
}
