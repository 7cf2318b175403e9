// Runs one command to its end and keeps what it said. Not for services: those are supervised by
// tools/up/. The output is kept whole, because a failing step is printed in full.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { root } from "./paths.mjs";

/** What a build or a test must not do behind the user's back: phone home, or ask for an update. */
export const quietEnv = {
  NEXT_TELEMETRY_DISABLED: "1",
  DO_NOT_TRACK: "1",
  CHECKPOINT_DISABLE: "1",
  PRISMA_HIDE_UPDATE_MESSAGE: "1",
  BETTER_AUTH_TELEMETRY: "0",
};

/** The kernel ends the command when this process is gone, even by kill -9. */
const deathGuard = existsSync("/usr/bin/setpriv") ? ["setpriv", "--pdeathsig", "TERM"] : [];

/** Children of this process that still run; `endRunning` ends them with their process groups. */
const running = new Set();

/**
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: Record<string, string | undefined>, onLine?: (line: string) => void }} [options]
 * @returns {Promise<{ code: number, output: string }>}
 */
export function run(command, args, options = {}) {
  return new Promise((resolve) => {
    const [guarded, ...rest] = [...deathGuard, command, ...args];
    const child = spawn(guarded, rest, {
      cwd: options.cwd ?? root,
      env: { ...process.env, ...quietEnv, ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    running.add(child);
    let output = "";
    const keep = (text) => {
      output += text;
      if (options.onLine) for (const line of text.split("\n")) if (line) options.onLine(line);
    };
    child.stdout.setEncoding("utf8").on("data", keep);
    child.stderr.setEncoding("utf8").on("data", keep);
    child.on("error", (error) => keep(`${command}: ${error.message}\n`));
    child.on("close", (code, signal) => {
      running.delete(child);
      if (signal) output += `${command}: ended by ${signal}\n`;
      resolve({ code: code ?? 1, output });
    });
  });
}

/** Ends every command still running, and what those started.
 * @param {NodeJS.Signals} signal */
export function endRunning(signal = "SIGTERM") {
  for (const child of running) {
    try {
      process.kill(-child.pid, signal);
    } catch {
      child.kill(signal); // the group is gone already
    }
  }
}

/** Makes Ctrl-C and SIGTERM end the running commands before this process. */
export function endRunningOnSignal() {
  for (const [signal, code] of Object.entries({ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 })) {
    process.once(signal, () => {
      endRunning();
      process.exit(code);
    });
  }
}
