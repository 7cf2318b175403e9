import { expect, test } from "vitest";
import { Usage } from "./usage.ts";

test("readings close together say the same, so that a scrape does not spoil the heartbeat's figure", () => {
  let now = 0;
  const usage = new Usage(() => now);
  expect(usage.read().cpuShare).toBe(0);
  now = 10_000;
  const { cpuShare } = usage.read();
  expect(cpuShare).toBeGreaterThan(0);
  now += 1;
  expect(usage.read().cpuShare).toBe(cpuShare);
});
