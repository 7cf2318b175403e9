// One vitest project as a step, and what it counted. The count comes from vitest's JSON report,
// not from its text. A file that could not be loaded counts as one failed test.
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { run } from "./command.mjs";
import { at, bin } from "./paths.mjs";

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

/** @param {string} project @param {Tally[]} tallies @param {Record<string, string>} [env]
 *  @returns {import("./steps.mjs").Step} */
export function vitestStep(project, tallies, env = {}) {
  return {
    name: `${project} tests`,
    run: async () => {
      const reportFile = at(".data/test-results", `${project}.json`);
      mkdirSync(at(".data/test-results"), { recursive: true });
      rmSync(reportFile, { force: true });
      const args = [
        "run",
        "--project",
        project,
        "--passWithNoTests",
        "--reporter=default",
        "--reporter=json",
      ];
      const { code, output } = await run(bin("vitest"), [...args, `--outputFile.json=${reportFile}`], {
        env,
      });
      const tally = readTally(project, reportFile, code, output);
      tallies.push(tally);
      const skipped = tally.skipped ? `, ${tally.skipped} skipped` : "";
      return { ok: code === 0, output, note: `${tally.passed} passed, ${tally.failed} failed${skipped}` };
    },
  };
}

/** A run that left no report, or one that failed with no failing test, still counts as a failure. */
function readTally(project, reportFile, code, output) {
  let tally = { name: project, passed: 0, failed: 0, skipped: 0 };
  try {
    tally = tallyOfReport(project, JSON.parse(readFileSync(reportFile, "utf8")));
  } catch (error) {
    if (error.code !== "ENOENT" || !output.includes("No test files found")) tally.failed = 1;
  }
  if (code !== 0 && tally.failed === 0) tally.failed = 1;
  return tally;
}
