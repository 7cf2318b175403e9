// The browser tests as a step, and what they counted, by Playwright's JSON report.
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { run } from "./command.mjs";
import { at, bin } from "./paths.mjs";

const instanceData = at(".data/e2e");

/** The end of the instance's own log: a test that fails on an empty page has its reason there. */
function lastLines(file, count) {
  if (!existsSync(file)) return `\nno ${file}: the instance did not get as far\n`;
  return `\n${file} ends:\n${readFileSync(file, "utf8").trimEnd().split("\n").slice(-count).join("\n")}\n`;
}

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
      rmSync(instanceData, { recursive: true, force: true }); // a first start, as a new user has it
      const env = { PLAYWRIGHT_JSON_OUTPUT_FILE: reportFile };
      // Only by SIGINT does it end the instance it has started, which takes its time.
      const options = { env, endBy: /** @type {const} */ ("SIGINT"), patienceMs: 70_000 };
      const { code, output } = await run(bin("playwright"), ["test", "--reporter=line,json"], options);
      let tally = { name: "browser", passed: 0, failed: 0, skipped: 0 };
      try {
        tally = tallyOfBrowserReport(JSON.parse(readFileSync(reportFile, "utf8")));
      } catch {
        tally.failed = 1; // no report: it didn't get as far as a test
      }
      if (code !== 0 && tally.failed === 0) tally.failed = 1;
      tallies.push(tally);
      const said = code === 0 ? "" : lastLines(`${instanceData}/millrace.log`, 60);
      return {
        ok: code === 0,
        output: `${output}${said}`,
        note: `${tally.passed} passed, ${tally.failed} failed`,
      };
    },
  };
}
