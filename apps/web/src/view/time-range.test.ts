import { TimeRange } from "@millrace/contract/flow";
import { expect, test } from "vitest";
import {
  fixedProblem,
  LAST_MS,
  LIVE,
  PRESETS,
  parseTimeChoice,
  resolve,
  spanOf,
  stepOf,
  timeChoiceText,
} from "./time-range.ts";

const NOW = Date.UTC(2026, 10, 23, 10, 42, 7, 123);

test("every choice survives the URL", () => {
  const choices = [
    LIVE,
    ...PRESETS.map((p) => ({ kind: "last", ms: p.ms }) as const),
    { kind: "fixed", from: NOW - 1234, to: NOW } as const,
  ];
  for (const choice of choices) expect(parseTimeChoice(timeChoiceText(choice))).toEqual(choice);
});

test("what is no range is refused, not guessed", () => {
  const backwards = `${new Date(NOW).toISOString()}..${new Date(NOW - 1).toISOString()}`;
  for (const text of ["", "now", "7m", "a..b", "..", backwards, "1..", "1..2", `${NOW}`])
    expect(parseTimeChoice(text)).toBeNull();
});

test("an instant without a zone, which each reader would take for another, is none", () => {
  const [from, to] = ["2026-11-23T10:00", "2026-11-23T11:00"];
  expect(parseTimeChoice(`${from}..${to}`)).toBeNull();
  expect(parseTimeChoice("2026-11-23..2026-11-24")).toBeNull();
  expect(parseTimeChoice(`${from}Z..${to}Z`)).toEqual(parseTimeChoice(`${from}Z..2026-11-23T12:00+01:00`));
  expect(parseTimeChoice(`${from}Z..${to}Z..${to}Z`)).toBeNull();
});

test("a stretch of time is one that the API takes, and what is wrong with another is said", () => {
  expect(TimeRange.safeParse({ from: 0, to: LAST_MS }).success).toBe(true);
  expect(TimeRange.safeParse({ from: 0, to: LAST_MS + 1 }).success).toBe(false);
  expect(fixedProblem(0, LAST_MS)).toBeNull();
  expect(fixedProblem(Number.NaN, 1)).toContain("day and a time");
  expect(fixedProblem(2, 2)).toContain("before");
  expect(fixedProblem(-1, 2)).toContain("1970");
  expect(fixedProblem(0, LAST_MS + 1)).toContain("2099");
});

test("a moving range stands still within its step and keeps its span", () => {
  for (const preset of PRESETS) {
    const choice = { kind: "last", ms: preset.ms } as const;
    const step = stepOf(choice);
    const start = Math.floor(NOW / step) * step;
    expect(resolve(choice, start)).toEqual(resolve(choice, start + step - 1));
    const range = resolve(choice, NOW);
    expect(range.to - range.from).toBe(spanOf(choice));
    expect(range.to).toBeLessThanOrEqual(NOW);
  }
});

test("a fixed range doesn't move", () => {
  const choice = { kind: "fixed", from: 1000, to: 2000 } as const;
  expect(resolve(choice, NOW)).toEqual({ from: 1000, to: 2000 });
});
