import { expect, test } from "vitest";
import { LIVE, PRESETS, parseTimeChoice, resolve, spanOf, stepOf, timeChoiceText } from "./time-range.ts";

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
  for (const text of ["", "now", "7m", "a..b", "..", backwards, "1..", `${NOW}`])
    expect(parseTimeChoice(text)).toBeNull();
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
