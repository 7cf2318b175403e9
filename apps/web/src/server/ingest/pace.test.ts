import { expect, test } from "vitest";
import { Pace } from "./pace.ts";

const pauseAfter = (writesMs: number[]): number => {
  const pace = new Pace();
  for (const ms of writesMs) pace.wrote(ms);
  return pace.pauseMs;
};
const many = (ms: number) => new Array<number>(40).fill(ms);

test("agents go on at once while writes are quick, one slow write among them included", () => {
  expect(pauseAfter([])).toBe(0);
  expect(pauseAfter([...many(20), 900])).toBe(0);
});
test("the slower the writes, the longer agents wait, up to a bound; it passes", () => {
  const slow = pauseAfter(many(1000));
  expect(slow).toBeGreaterThan(1000);
  expect(pauseAfter(many(2000))).toBeGreaterThan(slow);
  expect(pauseAfter(many(60_000))).toBe(10_000);
  expect(pauseAfter([...many(60_000), ...many(10)])).toBe(0);
});
