import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { readGolden, updateGolden } from "../testing/golden.ts";
import { describeTraceStep, planTraces } from "./plan.ts";

const FILE = fileURLToPath(new URL("testdata/plan.txt", import.meta.url));

function run(input: string): string {
  const given = JSON.parse(input);
  const desired = given.desired.map((trace: object) => ({
    ...{ generation: 1, leaseEndsAtMs: 0, spec: { kind: "drops", rateEps: 100 } },
    ...trace,
  }));
  const defaults = { running: [], limit: 8, unable: {} };
  return planTraces({ ...defaults, ...given, desired })
    .map(describeTraceStep)
    .join("\n");
}
if (process.env.UPDATE_GOLDEN) updateGolden(FILE, run);

describe("trace plan", () => {
  test.each(readGolden(FILE))("$name", ({ input, expected }) => {
    expect(run(input)).toBe(expected);
  });
});
