// Running commands and ending them, with real processes.
import { expect, test } from "vitest";
import { endRunning, run } from "./command.mjs";
import { isAlive, startTime } from "./up/lock.mjs";
import { until } from "./up/until.mjs";

/** A shell script under way, when it has said its first line. */
async function started(script: string, options: Parameters<typeof run>[2] = {}) {
  let said = "";
  const ended = run("sh", ["-c", script], { ...options, onLine: (line) => (said += line) });
  await until(() => said !== "", { what: "its first line", ms: 10_000, everyMs: 5 });
  const pid = Number(said);
  return { ended, process: { pid, started: startTime(pid) as string } };
}

test("what a command says on standard output is told apart from its warnings", async () => {
  const { output, stdout } = await run("sh", ["-c", "echo '{}'; echo warning >&2"]);
  expect(stdout).toBe("{}\n");
  expect(output).toContain("warning");
});

test("ending a command waits until it and what it started are gone, and its caller has cleaned up", async () => {
  const { ended, process } = await started("sleep 1000 & echo $!; wait");
  let cleaned = false;
  const caller = ended.finally(() => {
    cleaned = true;
  });
  await endRunning();
  expect(cleaned).toBe(true);
  expect(isAlive(process)).toBe(false);
  expect((await caller).code).not.toBe(0);
});

test("a command that ignores the request is killed after the patience", async () => {
  const { ended, process } = await started("trap '' TERM; echo $$; while :; do sleep 1000; done", {
    patienceMs: 20,
  });
  await endRunning();
  expect(isAlive(process)).toBe(false);
  expect((await ended).output).toContain("SIGKILL");
});

test("a command that ends in order by another signal is sent that", async () => {
  const { ended } = await started("trap 'echo in order; exit 0' INT; echo $$; while :; do sleep 0.05; done", {
    endBy: "SIGINT",
  });
  await endRunning();
  expect(await ended).toMatchObject({ code: 0, output: expect.stringContaining("in order") });
});

test("a command that must not be cut off is waited for", async () => {
  const { ended } = await started("echo $$; exec 2>&-; cat /proc/self/stat >/dev/null; echo all done", {
    toItsEnd: true,
  });
  await endRunning();
  expect(await ended).toMatchObject({ code: 0, output: expect.stringContaining("all done") });
});
