/* Every program loads in every configuration, for about as much of the verifier's work as the last time. */
import { expect, test } from "vitest";
import { budgetText, overBudget, readBudget, type Verified, verifyAll } from "./verifier-budget.ts";

test("every program loads in every configuration, within its committed budget", () => {
  const verified = verifyAll();
  expect(verified.length).toBeGreaterThanOrEqual(28);
  for (const { instructions, program } of verified) expect(instructions, program).toBeGreaterThan(0);
  expect(overBudget(verified, readBudget()) ?? []).toEqual([]);
});

test("a rise over 5 % and a program without a budget are told; another kernel's file isn't compared", () => {
  const one: Verified = { object: "observe", configuration: "as used", program: "p", instructions: 100 };
  const text = budgetText([one]);
  expect(overBudget([{ ...one, instructions: 105 }], text)).toEqual([]);
  expect(overBudget([{ ...one, instructions: 106 }], text)).toEqual(["observe, as used, p: 106, was 100"]);
  expect(overBudget([{ ...one, program: "q" }], text)).toEqual(["observe, as used, q: not in the file"]);
  expect(overBudget([one], text.replace(/^kernel .*/m, "kernel 1.0"))).toBeUndefined();
});
