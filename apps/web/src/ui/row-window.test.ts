import fc from "fast-check";
import { expect, test } from "vitest";
import { scrollTo, windowOf } from "./row-window.ts";

const ROW = 28;

test("every row in view is drawn, wherever one scrolls, and never more than a few screens", () => {
  fc.assert(
    fc.property(
      fc.nat(3_000_000),
      fc.integer({ min: 0, max: 2000 }),
      fc.nat(100_000),
      (top, height, count) => {
        const { from, to } = windowOf({ top, height }, count, ROW);
        expect(from).toBeGreaterThanOrEqual(0);
        expect(to).toBeLessThanOrEqual(count);
        expect(to - from).toBeLessThanOrEqual(height / ROW + 40);
        const firstSeen = Math.floor(top / ROW);
        const lastSeen = Math.min(count - 1, Math.floor((top + height) / ROW));
        if (firstSeen < count) expect(from).toBeLessThanOrEqual(firstSeen);
        if (firstSeen < count) expect(to).toBeGreaterThan(lastSeen);
      },
    ),
  );
});
test("scrolling up past the end, as touch screens do, is the beginning", () => {
  expect(windowOf({ top: -120, height: 500 }, 1000, ROW).from).toBe(0);
});
test("a row is brought into view with as little movement as possible", () => {
  const view = { top: 280, height: 280 };
  expect(scrollTo(view, 12, ROW)).toBeNull();
  expect(scrollTo(view, 3, ROW)).toBe(3 * ROW);
  expect(scrollTo(view, 30, ROW)).toBe(32 * ROW - 280);
});
