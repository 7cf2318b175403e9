#!/usr/bin/env node
// `npm test`: install and build, what `npm run check` does, then the tests that need BPF, a database, the
// lab and a browser. Everything runs, even after a failure. The last line is the sum of all tests.
import "./up/node-version.mjs"; // first: it ends an old Node with a clear line

import { existsSync, readdirSync } from "node:fs";
import { checkSteps } from "./check.mjs";
import { endRunningOnSignal } from "./command.mjs";
import { at, bin } from "./paths.mjs";
import { playwrightStep } from "./playwright-step.mjs";
import { writeSoakRecord } from "./soak-record.mjs";
import { runStep, runSteps, seconds } from "./steps.mjs";
import { sumLine, sumOf } from "./test-sum.mjs";
import { closest } from "./up/arguments.mjs";
import { thisMachine } from "./up/preflight.mjs";
import { prepare } from "./up/prepare.mjs";
import { vitestStep } from "./vitest-step.mjs";

const SOAK = "--soak";

/** The tiers that load programs into the kernel. Without the privilege they can't run: that is said, and is a
 *  failure where REQUIRE_BPF=1 promises that the machine has it. */
function privilegeProblem() {
  const machine = thisMachine();
  if (!machine.root) return "not root";
  return machine.btf ? undefined : "no /sys/kernel/btf/vmlinux";
}

const cannotRun = (name, why) => ({
  name: `${name} tests`,
  run: async () => ({ ok: process.env.REQUIRE_BPF !== "1", note: `not run: ${why}` }),
});

const hasBrowserTests = () =>
  existsSync(at("e2e")) && readdirSync(at("e2e")).some((file) => file.endsWith(".spec.ts"));

/** Parts of a tier, by their files' paths. What drives the machine's own container runtimes stays in one. The soak's
 *  longest file goes to the lane that is shorter there. */
const WITH_PARTS = ["e2e/system/own-machine.lab.test.ts", "e2e/system/tls.lab.test.ts"];
if (process.argv.includes(SOAK)) WITH_PARTS.push("e2e/system/endurance.lab.test.ts");
/** An hour of waiting, in the soak: beside the lanes. */
const OUTAGE = "e2e/system/outage.lab.test.ts";
const isBeside = (file) => process.argv.includes(SOAK) && file === OUTAGE;
const systemTests = readdirSync(at("e2e"), { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".lab.test.ts"))
  .map((file) => `e2e/${file}`)
  .filter((file) => !WITH_PARTS.includes(file) && !isBeside(file));
const PARTS = {
  kernelAgent: { name: "kernel-agent", paths: ["apps/", "tools/", "prisma/", "bench/", "e2e/"] },
  kernelPrograms: { name: "kernel-programs", paths: ["packages/"] },
  labSystem: { name: "lab-system", paths: systemTests },
  labParts: {
    name: "lab-parts",
    paths: ["packages/", "tools/", "prisma/", "bench/", "apps/", ...WITH_PARTS],
  },
  outage: { name: "lab-outage", paths: [OUTAGE] },
};

/** Two lanes for two cores, and in the soak one that only waits: each of them waits more than it computes. Within a lane one after the other, and a tier that
 *  loads programs one file at a time. What is left in the kernel each test counts by its own ids. The browser comes last
 *  and by itself: a page that is drawn and scanned takes all there is. */
async function runTests(tallies, env) {
  const problem = privilegeProblem();
  const privileged = (name, part) =>
    problem ? cannotRun(part?.name ?? name, problem) : vitestStep(name, tallies, env, part);
  const browser = () => (problem ? cannotRun("browser", problem) : playwrightStep(tallies));
  const results = await runSteps(checkSteps(tallies), 3);
  const lanes = [
    [privileged("kernel", PARTS.kernelAgent), privileged("lab", PARTS.labSystem)],
    [
      privileged("kernel", PARTS.kernelPrograms),
      vitestStep("db", tallies, env),
      privileged("lab", PARTS.labParts),
    ],
  ];
  if (process.argv.includes(SOAK)) lanes.push([privileged("lab", PARTS.outage)]);
  const ran = await Promise.all(lanes.map((steps) => runSteps(steps, 1)));
  results.push(...ran.flat());
  if (hasBrowserTests()) results.push(await runStep(browser()));
  return results;
}

async function main() {
  const soak = process.argv.includes(SOAK);
  const unknown = process.argv.slice(2).find((argument) => argument !== SOAK);
  if (unknown) {
    const meant = closest(unknown, [SOAK]);
    console.error(`test: unknown option ${unknown}${meant ? `; did you mean ${meant}?` : ""}`);
    return 2;
  }
  endRunningOnSignal();
  const began = performance.now();
  const tallies = [];
  const results = [];
  const doStep = async (name, work) => {
    results.push(await runStep({ name, run: async () => ({ ok: true, note: await work() }) }));
  };
  await prepare({ doStep, purposes: ["build", "lab", "tests"], say: (line) => console.log(line) });
  if (existsSync(bin("vitest"))) {
    results.push(...(await runTests(tallies, soak ? { MILLRACE_SOAK: "1" } : {})));
  }
  const broken = results.filter((result) => !result.ok).map((result) => result.name);
  console.log(`\n${results.length} steps in ${seconds(performance.now() - began)}`);
  if (broken.length) console.log(`failed: ${broken.join(", ")}`);
  const sum = sumOf(results, tallies);
  if (soak) writeSoakRecord(results, tallies, sum);
  console.log(sumLine(sum));
  return sum.failed ? 1 : 0;
}

process.exitCode = await main();
