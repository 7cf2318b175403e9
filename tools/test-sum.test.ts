// What `npm test` counts.
import { expect, test } from "vitest";
import { tallyOfBrowserReport } from "./playwright-step.mjs";
import { soakRecord } from "./soak-record.mjs";
import { sumLine, sumOf } from "./test-sum.mjs";
import { failuresOf, tallyOfReport } from "./vitest-step.mjs";

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

test("what failed is named with its file and reason, and nothing else is", () => {
  const broken = { ...file("failed"), name: "/gone.test.ts", message: "no such module" };
  const failing = {
    name: "/b.test.ts",
    status: "failed",
    assertionResults: [
      { status: "passed", fullName: "fine", failureMessages: [] },
      { status: "failed", fullName: "adds up", failureMessages: ["expected 4, got 5"] },
    ],
  };
  const said = failuresOf({ testResults: [broken, failing] });
  expect(said).toMatch(
    /gone\.test\.ts: could not be loaded\nno such module\n.*b\.test\.ts: adds up\nexpected 4/,
  );
  expect(said).not.toContain("fine");
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

test("a soak's record says where it ran, what each tier came to, and what failed beside them", () => {
  const tallies = [{ name: "lab", passed: 9, failed: 0, skipped: 0 }];
  const results = [
    { name: "biome", ok: true, ms: 10 },
    { name: "lab tests", ok: true, ms: 61_000 },
    { name: "sizes", ok: false, ms: 5 },
  ];
  const where = { at: "2026-01-01T10:00", commit: "abc", machine: "2 × x" };
  expect(soakRecord(where, results, tallies, { passed: 9, failed: 1, skipped: 0 }).split("\n")).toEqual([
    "npm run soak, 2026-01-01T10:00, commit abc, 2 × x",
    "",
    "ok   lab tests             61.0 s  9 passed, 0 failed",
    "FAIL sizes                  0.0 s",
    "",
    "9 passed, 1 failed",
    "",
  ]);
});
