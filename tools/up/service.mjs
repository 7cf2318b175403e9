// One supervised process: started, logged, started again with growing waits when it ends, stopped when
// asked. It knows nothing of what it runs. Its process group and a note of it outlive it for the sweep.
import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { afterEnd } from "./backoff.mjs";
import { ordinaryVariables } from "./environment.mjs";
import { startTime } from "./lock.mjs";
import { writePrivately } from "./secrets.mjs";

/** @typedef {{ name: string, command: string, args: string[], env?: Record<string, string>, cwd?: string,
 *    options?: object, signal?: NodeJS.Signals, graceMs?: number, before?: () => Promise<void> }} ServiceSpec
 *  @typedef {ReturnType<typeof createService>} Service */

/** The kernel's own guard against our kill -9: the child is signalled when this process is gone.
 *  @param {NodeJS.Signals} signal */
export const guard = (signal) => ["setpriv", "--pdeathsig", signal.replace("SIG", "")];

/** One that ended meanwhile needs no signal. @param {number} pid @param {NodeJS.Signals} signal */
export function signalProcess(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}

/** @param {number | undefined} pid @param {NodeJS.Signals} signal */
export const signalGroup = (pid, signal) => pid && signalProcess(-pid, signal);

/** Its own process group: a terminal's Ctrl-C reaches the supervisor only, which stops things in order. */
const spawnService = (spec) =>
  spawn(spec.command, spec.args, {
    cwd: spec.cwd,
    env: { ...ordinaryVariables(process.env), ...spec.env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
    ...spec.options,
  });

/** The note of a process, for the sweep. A full disk costs that note, not the service its run.
 *  @param {string} file @param {{ name: string, signal: NodeJS.Signals }} what @param {import("./log.mjs").Log} log */
const createNote = (file, what, log) => ({
  /** @param {number} pid */
  take: (pid) => {
    try {
      writePrivately(file, { ...what, pid, started: startTime(pid) });
    } catch (error) {
      log.line("up", `no note of ${what.name}: ${error.message}`);
    }
  },
  drop: () => rmSync(file, { force: true }),
});

/** @param {ServiceSpec} spec @param {{ log: import("./log.mjs").Log, runFolder: string }} surroundings */
export function createService(spec, { log, runFolder }) {
  const { name, signal = "SIGTERM" } = spec;
  const note = createNote(`${runFolder}/${name.replace(/[^a-z0-9]+/gi, "-")}.json`, { name, signal }, log);
  let child;
  let stopping = false;
  let history = { failures: 0 };
  let wake = new AbortController();
  let ended = Promise.resolve();

  const runOnce = () =>
    new Promise((resolve) => {
      if (stopping) return resolve("stopped");
      child = spawnService(spec);
      if (child.pid) note.take(child.pid);
      log.pipe(name, child.stdout);
      log.pipe(name, child.stderr);
      child.once("error", (error) => resolve(error.message));
      child.once("exit", (code, by) => resolve(by ?? `exit code ${code}`));
    });

  const keepRunning = async () => {
    while (!stopping) {
      const began = performance.now();
      const how = await Promise.resolve(spec.before?.())
        .then(runOnce)
        .catch((error) => error.message);
      signalGroup(child?.pid, "SIGKILL"); // what it started and left behind
      child = undefined; // its pid may be another's by the next turn
      note.drop();
      if (stopping) return;
      const next = afterEnd(history, performance.now() - began);
      history = next.history;
      log.line("up", `${name} ended (${how}); starting again in ${next.waitMs / 1000} s`);
      await delay(next.waitMs, undefined, { signal: wake.signal }).catch(() => undefined);
    }
  };

  return {
    name,
    pid: () => (child?.exitCode === null && child.signalCode === null ? child.pid : undefined),
    failures: () => history.failures,
    start: () => {
      stopping = false;
      wake = new AbortController();
      ended = keepRunning();
    },
    /** Asks it to end, and makes it after its grace. */
    stop: async () => {
      stopping = true;
      wake.abort();
      if (child?.exitCode === null && child.signalCode === null) child.kill(signal);
      const patience = new AbortController();
      const overdue = delay(spec.graceMs ?? 10_000, "overdue", { signal: patience.signal }).catch(() => "");
      if ((await Promise.race([ended, overdue])) === "overdue") {
        log.line("up", `${name} did not end in time; killed`);
        signalGroup(child?.pid, "SIGKILL");
        await ended;
      }
      patience.abort();
    },
  };
}
