/** What was learned is on disk before anybody relies on it, and a burst doesn't write each time. */
import { expect, test } from "vitest";
import { Paced } from "./paced.ts";

test("the first thing learned is due at once, and once", () => {
  const paced = new Paced();
  expect(paced.isDue(1, 0, false)).toBe(true);
  expect(paced.isDue(1, 1000, false)).toBe(false);
  expect(paced.isDue(1, 1000, true)).toBe(false);
});

test("of a burst the first is due, and what came after it when a while has passed or with the next step", () => {
  const paced = new Paced();
  expect([1, 2, 3].map((version) => paced.isDue(version, version, false))).toEqual([true, false, false]);
  expect(paced.isDue(4, 200, false)).toBe(true);
  expect(paced.isDue(5, 201, false)).toBe(false);
  expect(paced.isDue(5, 202, true)).toBe(true);
});
