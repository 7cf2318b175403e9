// What `npm test` counts.
import { expect, test } from "vitest";
import { tallyOfBrowserReport } from "./playwright-step.mjs";
import { sumLine, sumOf } from "./test-sum.mjs";
import { tallyOfReport } from "./vitest-step.mjs";

const file = (status: string, ...states: string[]) => ({
  status,
  assertionResults: states.map((state) => ({ status: state })),
});

test("a failed test is counted once, in the sum and not again as a failed step", () => {
  const tally = tallyOfReport("unit", { testResults: [file("failed", "passed", "failed")] });
  expect(sumOf([{ name: "unit tests", ok: false }], [tally])).toEqual({ passed: 1, failed: 1, skipped: 0 });
});

test("a file that could not be loaded is a failure", () => {
  const tally = tallyOfReport("db", { testResults: [file("failed"), file("passed", "passed")] });
  expect(tally).toEqual({ name: "db", passed: 1, failed: 1, skipped: 0 });
});

test("a broken build is a failure although no test failed", () => {
  const results = [
    { name: "next build", ok: false },
    { name: "biome", ok: true },
  ];
  expect(sumLine(sumOf(results, []))).toBe("0 passed, 1 failed");
});

test("skipped tests are named only when there are any", () => {
  const tally = tallyOfReport("unit", { testResults: [file("passed", "passed", "skipped", "todo")] });
  expect(sumLine(sumOf([], [tally]))).toBe("1 passed, 0 failed, 2 skipped");
  expect(sumLine({ passed: 3, failed: 0, skipped: 0 })).toBe("3 passed, 0 failed");
});

test("a browser test that passed only when tried again did not pass", () => {
  const stats = { expected: 4, unexpected: 1, flaky: 2, skipped: 0 };
  expect(tallyOfBrowserReport({ stats })).toEqual({ name: "browser", passed: 4, failed: 3, skipped: 0 });
});
