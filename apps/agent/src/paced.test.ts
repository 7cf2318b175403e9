/** What was learned is on disk before anybody relies on it, and a burst doesn't write each time. */
import { expect, test } from "vitest";
import { Paced } from "./paced.ts";

/** Which of the versions were written, each at its time. */
function written(paced: Paced, versions: readonly [version: number, nowMs: number, isStep: boolean][]) {
  const all: number[] = [];
  for (const [version, nowMs, isStep] of versions)
    paced.keep(version, nowMs, isStep, () => void all.push(version));
  return all;
}

test("the first thing learned is written at once, and once", () => {
  const paced = new Paced();
  expect(
    written(paced, [
      [1, 0, false],
      [1, 1000, false],
      [1, 1000, true],
    ]),
  ).toEqual([1]);
});

test("of a burst the first is written, and what came after it when a while has passed or with the next step", () => {
  const paced = new Paced();
  expect(
    written(paced, [
      [1, 1, false],
      [2, 2, false],
      [3, 200, false],
      [4, 201, false],
      [4, 202, true],
    ]),
  ).toEqual([1, 3, 4]);
});

test("a full disk is said, stops nobody, and is tried again", () => {
  const paced = new Paced();
  const full = () => {
    throw new Error("ENOSPC");
  };
  expect(paced.keep(1, 0, false, full)).toBe("ENOSPC");
  expect(written(paced, [[1, 1, true]])).toEqual([1]);
});
