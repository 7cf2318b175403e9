import { expect, test } from "vitest";
import { verifyOn } from "./main.mjs";

test("every program loads in every configuration on Debian's 6.12 too", async () => {
  const { code, output } = await verifyOn("6.12");
  expect(code, output).toBe(0);
  expect(output).toContain("kernel 6.12");
  expect(output.split("\n").filter((line) => /^(observe|trace_)/.test(line)).length).toBeGreaterThanOrEqual(
    28,
  );
});
