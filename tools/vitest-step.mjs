// One vitest project as a step, and what it counted. The count comes from vitest's JSON report,
// not from its text. A file that could not be loaded counts as one failed test. A failing tier is printed
// as its failures alone; everything it said stays in .data/test-results.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { relative } from "node:path";
import { run } from "./command.mjs";
import { at, bin, root } from "./paths.mjs";

/** @typedef {{ name: string, passed: number, failed: number, skipped: number }} Tally */

/** @param {string} name @param {any} report vitest's JSON report
 *  @returns {Tally} */
export function tallyOfReport(name, report) {
  const tests = report.testResults.flatMap((file) => file.assertionResults);
  const count = (...states) => tests.filter((test) => states.includes(test.status)).length;
  const brokenFiles = report.testResults.filter(
    (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
  );
  return {
    name,
    passed: count("passed"),
    failed: count("failed") + brokenFiles.length,
    skipped: count("skipped", "pending", "todo", "disabled"),
  };
}

/** What failed and why, a block each: a log cut anywhere still names it.
 *  @param {any} report vitest's JSON report */
export function failuresOf(report) {
  return report.testResults
    .flatMap((file) => {
      const where = relative(root, file.name);
      const failed = file.assertionResults.filter((test) => test.status === "failed");
      if (failed.length) return failed.map((test) => failure(where, test.fullName, test.failureMessages));
      return file.status === "failed" ? [failure(where, "could not be loaded", [file.message])] : [];
    })
    .join("\n");
}

const failure = (where, name, messages) =>
  `     ${where}: ${name}\n${messages.join("\n").split("\n").slice(0, 25).join("\n")}`;

/** @typedef {{ name: string, paths: string[] }} Part of a project: its files below these paths */

/** @param {string} project @param {Tally[]} tallies @param {Record<string, string>} [env] @param {Part} [part]
 *  @returns {import("./steps.mjs").Step} */
export function vitestStep(project, tallies, env = {}, part = { name: project, paths: [] }) {
  return {
    name: `${part.name} tests`,
    run: async () => {
      const reportFile = at(".data/test-results", `${part.name}.json`);
      mkdirSync(at(".data/test-results"), { recursive: true });
      rmSync(reportFile, { force: true });
      const args = [
        "run",
        ...part.paths,
        "--project",
        project,
        "--passWithNoTests",
        "--reporter=default",
        "--reporter=json",
      ];
      const { code, output } = await run(bin("vitest"), [...args, `--outputFile.json=${reportFile}`], {
        env,
      });
      const log = `.data/test-results/${part.name}.log`;
      writeFileSync(at(log), output);
      const report = readReport(reportFile);
      const tally = tallyOf(part.name, report, code, output);
      tallies.push(tally);
      const skipped = tally.skipped ? `, ${tally.skipped} skipped` : "";
      const failures = report && failuresOf(report);
      const said = failures ? `${failures}\n     everything it said: ${log}` : output;
      return {
        ok: code === 0,
        output: said,
        note: `${tally.passed} passed, ${tally.failed} failed${skipped}`,
      };
    },
  };
}

function readReport(reportFile) {
  try {
    return JSON.parse(readFileSync(reportFile, "utf8"));
  } catch {
    return undefined; // it did not get as far
  }
}

/** A run that left no report, or one that failed with no failing test, still counts as a failure. */
function tallyOf(project, report, code, output) {
  const tally = report ? tallyOfReport(project, report) : { name: project, passed: 0, failed: 0, skipped: 0 };
  const empty = !report && output.includes("No test files found");
  if ((code !== 0 || (!report && !empty)) && tally.failed === 0) tally.failed = 1;
  return tally;
}
