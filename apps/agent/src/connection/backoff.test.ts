import { describe, expect, test } from "vitest";
import { Backoff } from "./backoff.ts";

describe("backoff", () => {
  test("doubles up to its limit and starts anew after a success", () => {
    const backoff = new Backoff({ firstMs: 100, limitMs: 1000, random: () => 1 });
    expect([1, 2, 3, 4, 5, 6].map(() => backoff.failed())).toEqual([100, 200, 400, 800, 1000, 1000]);
    backoff.succeeded();
    expect(backoff.failed()).toBe(100);
  });
  test("never waits less than half a step, so that chance can't make it hammer", () => {
    const backoff = new Backoff({ firstMs: 100, limitMs: 1000, random: () => 0 });
    expect([1, 2, 3].map(() => backoff.failed())).toEqual([50, 100, 200]);
  });
});
