#!/usr/bin/env node
// `npm start`: from a bare checkout to a running Millrace, and to nothing left when it ends. Wiring only:
// arguments, preflight, build, serve, stop. Imports Node's own modules until `npm ci` has run.
import "./node-version.mjs"; // first: it ends an old Node with a clear line

import { existsSync } from "node:fs";
import { endRunning, run } from "../command.mjs";
import { at } from "../paths.mjs";
import { seconds } from "../steps.mjs";
import { parseArguments, usage } from "./arguments.mjs";
import { instanceOf } from "./instance.mjs";
import { endNotedProcesses } from "./leftovers.mjs";
import { tryLock } from "./lock.mjs";
import { createLog } from "./log.mjs";
import { fileProblems, machineProblems, portProblem, thisMachine } from "./preflight.mjs";
import { prepare } from "./prepare.mjs";
import { createSite, onlyDatabase, start, stop } from "./serve.mjs";

const addonFile = at("packages/native/build/millrace_native.node");

/** One line a problem, and the end. @param {string[]} problems */
function refuse(problems, code = 1) {
  for (const problem of problems) console.error(`millrace: ${problem}`);
  process.exit(code);
}

/** @param {import("./arguments.mjs").Options} options */
function checkMachine({ serve, buildOnly }) {
  const built = existsSync(at("apps/web/.next/standalone"));
  const problems = machineProblems(thisMachine(), { observes: serve && !buildOnly, built });
  if (problems.length) refuse(problems);
}

/** What a killed supervisor left still has them: it is ended first, not told as another program.
 * @param {import("./instance.mjs").Instance} instance @param {import("./arguments.mjs").Options} options */
async function checkPorts(instance, { serve, buildOnly }) {
  if (!serve || buildOnly) return;
  await endNotedProcesses(instance.in("run"));
  const { host, port, ingestPort, tls } = instance;
  const problems = await Promise.all([
    portProblem(tls ? "127.0.0.1" : host, port, "PORT"),
    portProblem("127.0.0.1", ingestPort, "INGEST_PORT"),
    tls && portProblem(host, tls.port, "TLS_PORT"),
    tls && portProblem(tls.ingestHost, tls.ingestPort, "INGEST_TLS_PORT"),
  ]);
  const found = [
    ...fileProblems({ TLS_CERT_FILE: tls?.certFile, TLS_KEY_FILE: tls?.keyFile }),
    ...problems.filter((problem) => problem !== undefined),
  ];
  if (found.length) refuse(found);
}

/** Asks the kernel, through the addon in a process of its own, whether BPF may be used at all. */
async function bpfAllowed() {
  if (!existsSync(addonFile)) return "no addon yet";
  const ask = "const b = require(process.argv[1]); console.log(JSON.stringify(b.probeFeature('ringbuf')))";
  const { code, output, stdout } = await run(process.execPath, ["-e", ask, addonFile]);
  const answer = code === 0 ? JSON.parse(stdout) : { supported: false, reason: output.trim() };
  if (!answer.supported) throw new Error(`the kernel doesn't let us use BPF: ${answer.reason}`);
  return "allowed";
}

/** A progress line a step. @param {import("./log.mjs").Log} log @returns {import("./serve.mjs").DoStep} */
const stepsInto = (log) => async (name, work) => {
  const began = performance.now();
  try {
    const note = await work();
    const took = seconds(performance.now() - began);
    log.line("up", `ok   ${name.padEnd(18)} ${took.padStart(8)}  ${note ?? ""}`.trimEnd());
  } catch (error) {
    const took = seconds(performance.now() - began);
    log.line("up", `FAIL ${name.padEnd(18)} ${took.padStart(8)}`);
    throw error;
  }
};

/** Ends everything once, whatever asked for it, and this process after it. */
function createEnding(log, lock, site) {
  let ending;
  const end = (code, why) => {
    ending ??= (async () => {
      log.line("up", `stopping: ${why}`);
      await endRunning();
      await stop(site).catch((error) => log.line("up", `while stopping: ${error.message}`));
      lock.release();
      log.line("up", "stopped; the data stays");
      log.close();
      process.exit(code);
    })();
    return ending;
  };
  for (const [signal, code] of Object.entries({ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 })) {
    process.on(signal, () => end(code, signal));
  }
  process.on("uncaughtException", (error) => end(1, error.stack ?? error.message));
  process.on("unhandledRejection", (error) => end(1, error instanceof Error ? error.stack : String(error)));
  return end;
}

async function main() {
  const began = performance.now();
  const parsed = parseArguments(process.argv.slice(2));
  if (!parsed.ok) return refuse([parsed.message], 2);
  if (parsed.options.help) return console.log(usage);
  const { options } = parsed;
  checkMachine(options);
  const instance = instanceOf(options, process.env);
  const lock = tryLock(instance.in("up.lock"));
  if ("heldBy" in lock) return refuse([`already running (process ${lock.heldBy}) on ${instance.address}`]);
  process.once("exit", lock.release);
  await checkPorts(instance, options);
  const log = createLog({ file: instance.in("millrace.log") });
  const site = createSite(instance, log, stepsInto(log));
  const end = createEnding(log, lock, site);
  const after = () => `after ${seconds(performance.now() - began)}`;
  try {
    const purposes = /** @type {import("./packages.mjs").Purpose[]} */ (
      options.lab ? ["build", "lab"] : ["build"]
    );
    await prepare({ doStep: site.doStep, purposes, say: (line) => log.line("up", line) });
    if (options.buildOnly) return end(0, `built ${after()}`);
    if (!options.serve) {
      await onlyDatabase(site);
      return end(0, `built and migrated ${after()}`);
    }
    await site.doStep("bpf", bpfAllowed);
    const words = await start(site);
    log.line("up", `ready ${after()} on ${instance.address}`);
    for (const line of words) log.tell("up", line);
  } catch (error) {
    await end(1, error.message);
  }
}

try {
  await main();
} catch (error) {
  refuse([error.message]);
}
