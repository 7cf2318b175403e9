import { expect, test } from "vitest";
import { LIVE, resolve } from "@/view/time-range.ts";
import { type FlowQuestion, reached, shownQuestion } from "./history-input.ts";

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

test("a live table goes on from its history to now; a held one stays at what was asked", () => {
  const at = (choice: FlowQuestion["choice"], to: number): FlowQuestion => ({
    ...{ choice, range: { from: to - 300_000, to }, filter: "" },
    sort: { key: "lastSeen", descending: true },
  });
  const live = at({ kind: "live" }, 900_000);
  expect(shownQuestion(live, at({ kind: "live" }, 300_000))).toBe(live);
  const held = at({ kind: "last", ms: 300_000 }, 300_000);
  expect(shownQuestion(at({ kind: "last", ms: 300_000 }, 900_000), held)).toBe(held);
});
