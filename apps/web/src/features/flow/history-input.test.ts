import { expect, test } from "vitest";
import { LIVE, resolve } from "@/view/time-range.ts";
import { reached } from "./history-input.ts";

test("live, the time that is asked about holds a flow of this moment, however long ago the last step was", () => {
  for (const now of [0, 1, 4999, 5000].map((ms) => 1_800_000_000_000 + ms)) {
    const { from, to } = reached(LIVE, resolve(LIVE, now));
    expect(to).toBeGreaterThan(now);
    expect(from).toBeLessThan(now);
  }
});

test("a fixed stretch of time stays as it was chosen", () => {
  const range = { from: 1000, to: 2000 };
  expect(reached({ kind: "fixed", ...range }, range)).toEqual(range);
});
