import { expect, test } from "vitest";
import { tabAfter } from "./tabs.tsx";

test("arrows go round, Home and End go to the ends, other keys go nowhere", () => {
  expect(tabAfter("ArrowRight", 2, 3)).toBe(0);
  expect(tabAfter("ArrowLeft", 0, 3)).toBe(2);
  expect(tabAfter("Home", 2, 3)).toBe(0);
  expect(tabAfter("End", 0, 3)).toBe(2);
  expect(tabAfter("a", 1, 3)).toBeNull();
});
