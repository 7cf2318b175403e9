import { expect, test } from "vitest";
import { signInProblem } from "./sign-in-problem.ts";

test("a refusal of the provider is told in words, an unknown one by its code, a made-up one by neither", () => {
  expect(signInProblem(null)).toBeNull();
  expect(signInProblem("account_not_linked")).toMatch(/doesn't vouch for the address/);
  expect(signInProblem("server_error")).toMatch(/failed \(server_error\)/);
  expect(signInProblem("call +1 555 to unlock")).toBe(
    "Single sign-on failed: try again, or ask an admin to look at the log.",
  );
  expect(signInProblem("constructor")).toMatch(/failed \(constructor\)/);
});
