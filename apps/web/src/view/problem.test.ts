import { expect, test } from "vitest";
import { problemOf } from "./problem.ts";

test("no answer at all is told apart from a refusal", () => {
  expect(problemOf(new TypeError("fetch failed")).title).toBe("The control plane doesn't answer");
  const refusal = problemOf({ message: "Your role is viewer", data: { httpStatus: 403, app: "FORBIDDEN" } });
  expect(refusal.title).toBe("Your role is viewer");
  expect(refusal.advice).toContain("role");
});
test("a code nobody knows still says what to do", () => {
  expect(problemOf({ message: "x", data: { httpStatus: 500, app: "NEW" } }).advice).not.toBe("");
});
