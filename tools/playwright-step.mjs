// The browser tests as a step, and what they counted, by Playwright's JSON report.
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { run } from "./command.mjs";
import { at, bin } from "./paths.mjs";

/** @param {any} report @returns {import("./vitest-step.mjs").Tally} */
export function tallyOfBrowserReport(report) {
  const { expected, unexpected, flaky, skipped } = report.stats;
  // A test that passed only when tried again is not a pass.
  return { name: "browser", passed: expected, failed: unexpected + flaky, skipped };
}

/** @param {import("./vitest-step.mjs").Tally[]} tallies @returns {import("./steps.mjs").Step} */
export function playwrightStep(tallies) {
  return {
    name: "browser tests",
    run: async () => {
      const reportFile = at(".data/test-results/browser.json");
      mkdirSync(at(".data/test-results"), { recursive: true });
      rmSync(reportFile, { force: true });
      const env = { PLAYWRIGHT_JSON_OUTPUT_FILE: reportFile };
      const { code, output } = await run(bin("playwright"), ["test", "--reporter=line,json"], { env });
      let tally = { name: "browser", passed: 0, failed: 0, skipped: 0 };
      try {
        tally = tallyOfBrowserReport(JSON.parse(readFileSync(reportFile, "utf8")));
      } catch {
        tally.failed = 1; // no report: it didn't get as far as a test
      }
      if (code !== 0 && tally.failed === 0) tally.failed = 1;
      tallies.push(tally);
      return { ok: code === 0, output, note: `${tally.passed} passed, ${tally.failed} failed` };
    },
  };
}
