#!/usr/bin/env node
// `npm run check`: every static rule and the unit tests, side by side, without privilege, with no
// database. Not the place of a rule: rules live in biome.json, tsconfig.json, deps.ts and sizes.ts.
import "./up/node-version.mjs"; // first: it ends an old Node with a clear line

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { endRunningOnSignal, run } from "./command.mjs";
import { at, bin } from "./paths.mjs";
import { runStep, runSteps, seconds } from "./steps.mjs";
import { build, databaseClient } from "./up/build.mjs";
import { vitestStep } from "./vitest-step.mjs";

/** @returns {import("./steps.mjs").Step} */
const command = (name, file, args) => ({
  name,
  run: async () => {
    const { code, output } = await run(file, args);
    return { ok: code === 0, output };
  },
});
const script = (name, file) => command(name, process.execPath, ["--import", "tsx", at("tools", file)]);

/** @param {import("./vitest-step.mjs").Tally[]} tallies filled with the unit tests' count */
export function checkSteps(tallies) {
  return [
    vitestStep("unit", tallies),
    command("types", bin("tsc"), ["-p", at(".")]),
    command("types of tools", bin("tsc"), ["-p", at("tools")]),
    ...(existsSync(at("apps/web/tsconfig.json"))
      ? [command("types of apps/web", bin("tsc"), ["-p", at("apps/web")])]
      : []),
    command("biome", bin("biome"), ["check", "--error-on-warnings", at(".")]),
    script("boundaries", "check-deps.ts"),
    script("sizes", "check-size.ts"),
  ];
}

async function main() {
  endRunningOnSignal();
  if (!existsSync(bin("tsc"))) {
    console.error("check: node_modules is missing; run `npm ci` (or `npm start`) first");
    return 1;
  }
  const began = performance.now();
  const generated = await runStep({
    name: databaseClient.name,
    run: async () => ({ ok: true, note: await build(databaseClient) }),
  });
  const results = [generated, ...(await runSteps(checkSteps([])))];
  const failed = results.filter((result) => !result.ok).map((result) => result.name);
  const took = seconds(performance.now() - began);
  console.log(failed.length ? `check: ${failed.join(", ")} failed (${took})` : `check: all passed (${took})`);
  return failed.length ? 1 : 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = await main();
