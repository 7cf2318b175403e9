/** `npm start` killed in the middle of its work, and started again at once: as after an impatient kill -9. */
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import { at } from "../../tools/paths.mjs";
import { freePort } from "../../tools/up/preflight.mjs";
import { Child, until } from "./child.ts";

const NAME = "killed";
const DATA = at(".data", NAME);

/** Processes whose command line names the instance. */
const processes = (): string[] =>
  readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      } catch {
        return ""; // it ended meanwhile
      }
    })
    .filter((line) => line.includes(DATA));

test("a start right after a kill -9 takes the place of what still ends, and leaves nothing when it is stopped", async () => {
  const env = {
    PORT: String(await freePort()),
    INGEST_PORT: String(await freePort()),
    MILLRACE_PG_PORT: String(await freePort()),
  };
  const product = new Child("npm start", [at("tools/up/main.mjs"), "--no-lab", "--name", NAME], env);
  onTestFinished(async () => {
    await product.end("SIGTERM");
    rmSync(DATA, { recursive: true, force: true });
  });
  const ready = (times: number) =>
    until("it is ready", () => product.output.split("ready after").length > times, {
      deadlineMs: 120_000,
      explain: () => product.output.slice(-4000),
    });

  for (let life = 1; life <= 3; life++) {
    product.start();
    await ready(life);
    expect(processes()).not.toEqual([]);
    if (life < 3) await product.end("SIGKILL");
  }
  await product.end("SIGTERM");
  expect(product.output).toMatch(/stopped; the data stays\s*$/);
  expect(processes()).toEqual([]);
  expect(existsSync(`/sys/fs/bpf/millrace/${NAME}`)).toBe(false);
});
