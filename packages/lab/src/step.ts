/**
 * Carries steps out and takes them back. A step that fails half-way is undone before the error goes up, so
 * a step is either there or not. Not a scheduler: what may run side by side is the caller's to know.
 */
import { type Command, LabError, runChecked } from "./subprocess.ts";

export type Step = {
  title: string;
  do: readonly Command[];
  /** Safe to run when only a part of `do` happened, or none, or twice. */
  undo: readonly Command[];
};

export async function doStep(step: Step): Promise<void> {
  try {
    for (const command of step.do) await runChecked(command);
  } catch (cause) {
    const left = await undoStep(step);
    const also = left.length > 0 ? `; undoing it failed too: ${left.join("; ")}` : "";
    throw new LabError(`${step.title}: ${(cause as Error).message}${also}`, { cause });
  }
}

/** Goes through the whole undo whatever fails in it, and returns what failed. */
export async function undoStep(step: Step): Promise<string[]> {
  const failures: string[] = [];
  for (const command of step.undo) {
    try {
      await runChecked(command);
    } catch (error) {
      failures.push((error as Error).message);
    }
  }
  return failures;
}
