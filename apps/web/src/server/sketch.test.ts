import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addSample, bucketOf, merge, quantile, SKETCH_BUCKETS, SKETCH_ERROR } from "./sketch.ts";

const us = fc.integer({ min: 10, max: 80_000_000 });
const samples = fc.array(us, { minLength: 1, maxLength: 300 });
const sketchOf = (values: readonly number[]): number[] => {
  const sketch: number[] = [];
  for (const value of values) addSample(sketch, value);
  return sketch;
};

describe("a quantile", () => {
  test("is within 5 % of the true one", () => {
    fc.assert(
      fc.property(samples, fc.constantFrom(0, 0.5, 0.9, 0.99, 1), (values, q) => {
        const sorted = [...values].sort((a, b) => a - b);
        const truth = sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] as number;
        const estimate = quantile(sketchOf(values), q) as number;
        expect(Math.abs(estimate - truth) / truth).toBeLessThanOrEqual(SKETCH_ERROR + 1e-9);
      }),
    );
  });
  test("of no samples is none", () => {
    expect(quantile([], 0.5)).toBeNull();
    expect(quantile([0, 0, 0], 0.99)).toBeNull();
  });
});

test("merging is the same as having counted together", () => {
  fc.assert(
    fc.property(samples, samples, (a, b) => {
      expect(merge(sketchOf(a), sketchOf(b))).toEqual(sketchOf([...a, ...b]));
    }),
  );
});

test("any sample has a bucket, and there are never more than 160", () => {
  for (const value of [0, 1, 10, 11, 1e9, Number.MAX_SAFE_INTEGER]) {
    expect(bucketOf(value)).toBeGreaterThanOrEqual(0);
    expect(bucketOf(value)).toBeLessThan(SKETCH_BUCKETS);
  }
});
