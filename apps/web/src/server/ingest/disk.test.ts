import { expect, test } from "vitest";
import { capped } from "./disk.ts";

test("by default telemetry takes a quarter of what was free before it, and never more than the default", () => {
  expect(capped(20e9, 400e9, 0)).toBe(20e9);
  expect(capped(20e9, 40e9, 0)).toBe(10e9);
  expect(capped(20e9, 30e9, 10e9)).toBe(10e9); // what it took already doesn't make its share smaller
  expect(capped(20e9, 0, 0)).toBe(100e6);
});
