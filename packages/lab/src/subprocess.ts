/**
 * Runs one program to its end: argument vectors only, never a shell, output bounded, time bounded. It knows
 * nothing of namespaces or containers, and keeps no process alive beyond the call.
 */
import { spawn } from "node:child_process";

export type Command = {
  argv: readonly string[];
  stdin?: string;
  /** Error texts that mean "already the way we want it": an undo must succeed twice. */
  absentTexts?: readonly string[];
};
export type Outcome = { code: number; stdout: string; stderr: string };

const OUTPUT_LIMIT_BYTES = 16 * 1024 * 1024;
const DEFAULT_TIMEOUT_MS = 30_000;
const TERM_GRACE_MS = 2_000;

export class LabError extends Error {
  override readonly name = "LabError";
}

/** Resolves with the exit code, whatever it is; rejects when the program can't start, hangs or floods. */
export function run(command: Command, timeoutMs = DEFAULT_TIMEOUT_MS): Promise<Outcome> {
  const [program = "", ...args] = command.argv;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
    let failure: LabError | undefined;
    // TERM first: runc passes it on into the container, which a KILL of runc itself would leave running.
    const stop = (why: string) => {
      if (failure) return;
      failure = new LabError(`${command.argv.join(" ")}: ${why}`);
      child.kill("SIGTERM");
      setTimeout(() => child.kill("SIGKILL"), TERM_GRACE_MS).unref();
    };
    const timer = setTimeout(() => stop(`not done after ${timeoutMs} ms`), timeoutMs);
    const collect = (stream: NodeJS.ReadableStream): (() => string) => {
      const parts: Buffer[] = [];
      let size = 0;
      stream.on("data", (part: Buffer) => {
        size += part.length;
        if (size > OUTPUT_LIMIT_BYTES) stop(`more than ${OUTPUT_LIMIT_BYTES} bytes of output`);
        else parts.push(part);
      });
      return () => Buffer.concat(parts).toString("utf8");
    };
    const stdout = collect(child.stdout);
    const stderr = collect(child.stderr);
    child.on("error", (cause) => {
      clearTimeout(timer);
      reject(new LabError(`can't start ${program}: ${cause.message}`, { cause }));
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (failure) reject(failure);
      else resolve({ code: code ?? (signal ? 128 : 1), stdout: stdout(), stderr: stderr() });
    });
    // A program may end without reading all of its input; its exit code says what that meant.
    child.stdin.on("error", () => {});
    child.stdin.end(command.stdin ?? "");
  });
}

/** Like run, but an exit code other than 0 is an error that names the program and what it said. */
export async function runChecked(command: Command, timeoutMs?: number): Promise<Outcome> {
  const outcome = await run(command, timeoutMs);
  if (outcome.code === 0) return outcome;
  if (command.absentTexts?.some((text) => outcome.stderr.includes(text))) return outcome;
  const said = outcome.stderr.trim() || outcome.stdout.trim() || "nothing";
  throw new LabError(`${command.argv.join(" ")}: exit code ${outcome.code}, said: ${said}`);
}

/** Waits until `condition` holds; false when it still doesn't after `deadlineMs`. */
export async function until(condition: () => boolean, deadlineMs: number, everyMs = 5): Promise<boolean> {
  const end = performance.now() + deadlineMs;
  while (!condition()) {
    if (performance.now() > end) return false;
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
  return true;
}
