// The wait between restarts.
import { expect, test } from "vitest";
import { afterEnd } from "./backoff.mjs";

const waits = (runs: number[]) => {
  let history = { failures: 0 };
  return runs.map((ran) => {
    const next = afterEnd(history, ran);
    history = next.history;
    return next.waitMs;
  });
};

test("a service that ends at once is started again later and later, up to ten seconds", () => {
  expect(waits(Array(8).fill(10))).toEqual([200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
});

test("a service that ran well for a minute starts again at once", () => {
  expect(waits([10, 10, 10, 61_000])).toEqual([200, 400, 800, 200]);
});
