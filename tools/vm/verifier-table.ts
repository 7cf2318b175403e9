/* What a machine must have printed whose kernel takes all programs. */
import { expect } from "vitest";

export function expectTable(
  { code, output }: { code: number | undefined; output: string },
  kernel: RegExp,
): void {
  expect(code, output).toBe(0);
  expect(output).toMatch(kernel);
  const programs = output.split("\n").filter((line) => /^(observe|trace_)/.test(line));
  expect(programs.length).toBeGreaterThanOrEqual(28);
}
