import { expect, test } from "vitest";
import { brushedSpan, summaryOf, withoutIdle } from "./time-series.ts";

test("the legend's figures leave gaps out", () => {
  const points = [
    { at: 1, v: 4 },
    { at: 2, v: null },
    { at: 3, v: 1 },
    { at: 4, v: null },
  ];
  expect(summaryOf(points, "v")).toEqual({ current: 1, min: 1, max: 4 });
  expect(summaryOf(points, "w")).toEqual({ current: null, min: null, max: null });
});
test("a brush covers whole buckets in either direction, a click covers none", () => {
  expect(brushedSpan(10, 30, 10)).toEqual({ from: 10, to: 40 });
  expect(brushedSpan(30, 10, 10)).toEqual({ from: 10, to: 40 });
  expect(brushedSpan(10, 10, 10)).toBeNull();
  expect(brushedSpan(null, 10, 10)).toBeNull();
});
test("idle stretches are not drawn, but a step keeps the zero that ends it", () => {
  const points = [0, 0, 3, 0, 0].map((v, at) => ({ at, v }));
  expect(withoutIdle(points, ["v"]).map((p) => p.v)).toEqual([null, null, 3, 0, null]);
  expect(points[0]?.v).toBe(0);
});
