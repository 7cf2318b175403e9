import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { readGolden, updateGolden } from "../testing/golden.ts";
import { describeStep, plan } from "./plan.ts";

const FILE = fileURLToPath(new URL("testdata/plan.txt", import.meta.url));

function run(input: string): string {
  const given = JSON.parse(input);
  const actual = (given.actual ?? []).map((endpoint: object) => ({
    ...{ attached: false, leaving: false, retryAtMs: 0 },
    ...endpoint,
  }));
  const defaults = { nowMs: 0, nextId: 1, limit: 100, podLimit: 32, unclaimedLimit: 50 };
  return plan({ ...defaults, ...given, actual })
    .map(describeStep)
    .join("\n");
}
if (process.env.UPDATE_GOLDEN) updateGolden(FILE, run);

describe("endpoint plan", () => {
  test.each(readGolden(FILE))("$name", ({ input, expected }) => {
    expect(run(input)).toBe(expected);
  });
});
