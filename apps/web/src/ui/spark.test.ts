import { expect, test } from "vitest";
import { sparkPath } from "./spark.tsx";

test("a gap in the points is a gap in the line", () => {
  expect(sparkPath([1, 2, null, 2, 1], 40, 10).match(/M/g)).toHaveLength(2);
});
test("nothing known draws nothing", () => {
  expect(sparkPath([null, null], 40, 10)).toBe("");
  expect(sparkPath([], 40, 10)).toBe("");
});
test("a constant line doesn't divide by zero", () => {
  expect(sparkPath([0, 0, 0], 40, 10)).not.toContain("NaN");
});
