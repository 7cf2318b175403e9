import { expect, test } from "vitest";
import { edgeTone, edgeWidth } from "./edge-look.ts";
import { anEdge } from "./flow-map.fixture.ts";

test("the largest edge is the widest, and a factor makes the same step anywhere", () => {
  const widths = [1, 10, 100, 1000, 10_000].map((value) => edgeWidth(value, 10_000));
  const steps = widths.slice(1).map((width, at) => width - (widths[at] as number));
  expect(widths.at(-1)).toBe(6);
  for (const step of steps) expect(step).toBeCloseTo(steps[0] as number, 6);
});

test("an edge that carries nothing of what is measured is thin, not gone", () => {
  for (const [value, most] of [
    [0, 100],
    [0, 0],
    [1e-9, 100],
  ] as const)
    expect(edgeWidth(value, most)).toBe(1.25);
});

test.each([
  [{}, "plain"],
  [{ wouldDrop: 1 }, "would-drop"],
  [{ drops: 1, packets: 1000 }, "some"],
  [{ drops: 10, packets: 1000 }, "many"],
  [{ drops: 1, packets: 0, wouldDrop: 4 }, "many"],
] as const)("%j looks %s", (sums, tone) => {
  expect(edgeTone(anEdge("a", "b", sums))).toBe(tone);
});
