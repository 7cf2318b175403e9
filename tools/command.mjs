// Runs one command to its end and keeps what it said. Not for services: those are supervised by
// tools/up/. The output is kept whole, because a failing step is printed in full.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { root } from "./paths.mjs";

/** What a build or a test must not do behind the user's back: phone home, or ask for an update. */
export const quietEnv = {
  NEXT_TELEMETRY_DISABLED: "1",
  DO_NOT_TRACK: "1",
  CHECKPOINT_DISABLE: "1",
  PRISMA_HIDE_UPDATE_MESSAGE: "1",
  BETTER_AUTH_TELEMETRY: "0",
};

/** The kernel ends the command when this process is gone, even by kill -9. @param {NodeJS.Signals} signal */
const deathGuard = (signal) =>
  existsSync("/usr/bin/setpriv") ? ["setpriv", "--pdeathsig", signal.replace("SIG", "")] : [];

/** Children of this process that still run, and how they may be cut off.
 * @type {Map<import("node:child_process").ChildProcess, { toItsEnd: boolean, endBy: NodeJS.Signals, patienceMs: number }>} */
const running = new Map();

/**
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: Record<string, string | undefined>, onLine?: (line: string) => void,
 *   toItsEnd?: boolean, endBy?: NodeJS.Signals, patienceMs?: number }} [options] `toItsEnd` for what must not be cut off, such
 *   as the work of a package manager; `endBy` what it is asked to end by, `patienceMs` until one that ignores that is killed
 * @returns {Promise<{ code: number, output: string, stdout: string }>} the output is both streams
 */
export function run(command, args, options = {}) {
  return new Promise((resolve) => {
    const { toItsEnd = false, endBy = "SIGTERM", patienceMs = 10_000 } = options;
    const [guarded, ...rest] = [...(toItsEnd ? [] : deathGuard(endBy)), command, ...args];
    const child = spawn(guarded, rest, {
      cwd: options.cwd ?? root,
      env: { ...process.env, ...quietEnv, ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    running.set(child, { toItsEnd, endBy, patienceMs });
    let output = "";
    let stdout = "";
    const keep = (text) => {
      output += text;
      if (options.onLine) for (const line of text.split("\n")) if (line) options.onLine(line);
    };
    child.stdout.setEncoding("utf8").on("data", (text) => {
      stdout += text;
      keep(text);
    });
    child.stderr.setEncoding("utf8").on("data", keep);
    child.on("error", (error) => keep(`${command}: ${error.message}\n`));
    child.on("close", (code, signal) => {
      running.delete(child);
      if (signal) output += `${command}: ended by ${signal}\n`;
      resolve({ code: code ?? 1, output, stdout });
    });
  });
}

/** @param {import("node:child_process").ChildProcess} child @param {NodeJS.Signals} signal */
function signalGroup(child, signal) {
  try {
    process.kill(-(child.pid ?? Number.NaN), signal);
  } catch {
    child.kill(signal); // the group is gone already
  }
}

/** Who has closed all files may still be there for a moment, until its parent has looked. @param {number} group */
async function untilNobodyIsIn(group) {
  for (let waitedMs = 0; waitedMs < 1000; waitedMs += 5) {
    try {
      process.kill(-group, 0);
    } catch {
      return;
    }
    await delay(5);
  }
}

/** Ends every command still running, and what those started; resolves when they are gone and their callers know. */
export async function endRunning() {
  const endOne = async ([child, { toItsEnd, endBy, patienceMs }]) => {
    const closed = new Promise((resolve) => child.once("close", resolve));
    if (toItsEnd) return await closed;
    signalGroup(child, endBy);
    const patience = new AbortController();
    const overdue = delay(patienceMs, "overdue", { signal: patience.signal }).catch(() => "");
    if ((await Promise.race([closed, overdue])) === "overdue") signalGroup(child, "SIGKILL");
    patience.abort();
    await closed;
    await untilNobodyIsIn(child.pid ?? Number.NaN);
  };
  // A caller may start its next command before it learns that all is ending.
  while (running.size > 0) {
    await Promise.all([...running].map(endOne));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Makes Ctrl-C and SIGTERM end the running commands before this process. */
export function endRunningOnSignal() {
  for (const [signal, code] of Object.entries({ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 })) {
    process.once(signal, async () => {
      await endRunning();
      process.exit(code);
    });
  }
}
