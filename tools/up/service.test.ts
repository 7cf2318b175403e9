// Supervision, with real processes.
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { forgetCredentials } from "./enrolment.mjs";
import { endNotedProcesses, mayHaveLab } from "./leftovers.mjs";
import { startTime } from "./lock.mjs";
import { createLog, type Log } from "./log.mjs";
import { createService, type Service, type ServiceSpec, signalProcess } from "./service.mjs";
import { until } from "./until.mjs";

let folder: string;
let log: Log;
let services: Service[];
const runFolder = () => path.join(folder, "run");
const logText = () => readFileSync(path.join(folder, "x.log"), "utf8");
const wait = (what: string, isSo: () => boolean) => until(isSo, { what, ms: 10_000, everyMs: 5 });

function serve(script: string, more: Partial<ServiceSpec> = {}): Service {
  const spec = { name: "thing", command: "/bin/sh", args: ["-c", script], ...more };
  const service = createService(spec, { log, runFolder: runFolder() });
  services.push(service);
  service.start();
  return service;
}

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "millrace-service-"));
  log = createLog({ file: path.join(folder, "x.log"), out: new PassThrough().resume() });
  services = [];
});
afterEach(async () => {
  await Promise.all(services.map((service) => service.stop()));
  log.close();
  rmSync(folder, { recursive: true, force: true });
});

test("a service that ends is started again, and that is said", async () => {
  const service = serve("echo hello; exit 3");
  await wait("the second start", () => logText().split("hello").length > 2);
  expect(service.failures()).toBeGreaterThan(0);
  expect(logText()).toContain("thing ended (exit code 3); starting again in 0.2 s");
});

test("a service sees its own variables and what any program may see, none of the supervisor's secrets", async () => {
  const given = { DATABASE_URL: "postgresql://hidden", OIDC_CLIENT_SECRET: "hidden", LC_TIME: "C.UTF-8" };
  Object.assign(process.env, given);
  try {
    serve("env; echo end; exec sleep 1000", { env: { MINE: "yes" } });
    await wait("its environment", () => / end$/m.test(logText()));
  } finally {
    for (const name of Object.keys(given)) delete process.env[name];
  }
  expect(logText()).not.toContain("hidden");
  for (const line of ["MINE=yes", "LC_TIME=C.UTF-8", `PATH=${process.env.PATH}`])
    expect(logText()).toContain(line);
});

test("a command that doesn't exist is a failure like any other", async () => {
  serve("", { command: "/no/such/program" });
  await wait("the complaint", () => logText().includes("ENOENT"));
});

test("stopping ends the process and what it started", async () => {
  const service = serve("sleep 1000 & echo child=$!; wait");
  await wait("the child", () => /child=\d+/.test(logText()));
  const child = Number(/child=(\d+)/.exec(logText())?.[1]);
  await service.stop();
  expect(service.pid()).toBeUndefined();
  await wait("the child's end", () => startTime(child) === undefined);
  expect(readdirSync(runFolder())).toEqual([]);
});

test("a process that ignores the signal is killed after its grace", async () => {
  const service = serve("trap '' TERM; echo deaf; while :; do sleep 1; done", { graceMs: 50 });
  await wait("its start", () => logText().includes("deaf"));
  await service.stop();
  expect(service.pid()).toBeUndefined();
  expect(logText()).toContain("did not end in time; killed");
});

test("a service stopped while it waits for its restart stays stopped", async () => {
  const service = serve("exit 1");
  await wait("its end", () => service.failures() >= 2);
  await service.stop();
  expect(service.pid()).toBeUndefined();
});

test("a service stopped while it is being prepared is never started", async () => {
  let prepared = () => {};
  const preparing = new Promise<void>((resolve) => {
    prepared = resolve;
  });
  const service = serve("echo hello; exec sleep 1000", { before: () => preparing });
  const stopped = service.stop();
  prepared();
  await stopped;
  expect(logText()).not.toContain("hello");
});

test("a service whose note can't be written runs, and that is said", async () => {
  writeFileSync(runFolder(), "a file where the notes' folder would be");
  const service = serve("echo hello; exec sleep 1000");
  await wait("its start", () => logText().includes("hello"));
  expect(logText()).toMatch(/no note of thing: E\w+/);
  expect(service.failures()).toBe(0);
  rmSync(runFolder());
});

test("a note of nobody, and a signal to a process that has just ended, stop no start", async () => {
  mkdirSync(runFolder());
  for (const [name, text] of Object.entries({ a: "{}", b: "null", c: "", d: '{"pid":1}', e: "[]" })) {
    writeFileSync(path.join(runFolder(), name), text);
  }
  expect(await endNotedProcesses(runFolder())).toBe(0);
  expect(readdirSync(runFolder())).toEqual([]);
  expect(() => signalProcess(spawnSync("true").pid, "SIGTERM")).not.toThrow();
});

test("a start without a lab looks for one that an earlier start left, and only then", () => {
  const instance = { lab: false, in: (...parts: string[]) => path.join(folder, ...parts) };
  expect(mayHaveLab(instance)).toBe(false);
  mkdirSync(instance.in("lab"));
  expect(mayHaveLab(instance)).toBe(true);
});

test("credentials of another database are forgotten, what agents keep otherwise stays", () => {
  const instance = { in: (...parts: string[]) => path.join(folder, ...parts) };
  mkdirSync(instance.in("agents", "h1"), { recursive: true });
  for (const file of ["credential.json", "spool"]) writeFileSync(instance.in("agents", "h1", file), "");
  forgetCredentials(instance, [{ name: "h1" }, { name: "h2" }]);
  expect(readdirSync(instance.in("agents", "h1"))).toEqual(["spool"]);
});

test("the next start ends what a killed supervisor left, by the note of it", async () => {
  const service = serve("echo up; exec sleep 1000");
  await wait("its start", () => logText().includes("up"));
  const pid = service.pid() as number;
  const [note] = readdirSync(runFolder());
  expect(JSON.parse(readFileSync(path.join(runFolder(), note as string), "utf8"))).toMatchObject({ pid });
  const stopped = service.stop();
  expect(await endNotedProcesses(runFolder())).toBeLessThanOrEqual(1);
  await stopped;
  expect(startTime(pid)).toBeUndefined();
  expect(existsSync(path.join(runFolder(), note as string))).toBe(false);
});
