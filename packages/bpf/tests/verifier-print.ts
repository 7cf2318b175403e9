/* Prints the verifier's table of the running kernel; tools/vm runs it in a machine with another kernel. */
import { budgetText, verifyAll } from "./verifier-budget.ts";

process.stdout.write(budgetText(verifyAll()));
