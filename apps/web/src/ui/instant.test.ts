import { expect, test } from "vitest";
import { ageText, clockText, fullText, spanText, tickText, timeTicks } from "./instant.ts";

const AT = Date.UTC(2026, 10, 23, 10, 42, 7, 123);

test("the clock shows as much of a second as asked for", () => {
  expect(clockText(AT, true)).toBe("10:42:07");
  expect(clockText(AT, true, 1)).toBe("10:42:07.1");
  expect(clockText(AT, true, 3)).toBe("10:42:07.123");
});
test("a full instant names its zone", () => {
  expect(fullText(AT, true)).toBe("23 Nov 2026 10:42:07 UTC");
});
test("a span shows its two largest units", () => {
  expect(spanText(0)).toBe("<1ms");
  expect(spanText(120)).toBe("120ms");
  expect(spanText(45_000)).toBe("45s");
  expect(spanText(60_000)).toBe("1m");
  expect(spanText(3 * 3_600_000 + 12 * 60_000 + 9000)).toBe("3h 12m");
  expect(spanText(30 * 86_400_000)).toBe("30d");
});
test("the future is now, not minus three seconds ago", () => {
  expect(ageText(AT + 3000, AT)).toBe("now");
});
test("ticks are round and never more than asked for", () => {
  for (const span of [60_000, 300_000, 3_600_000, 86_400_000, 30 * 86_400_000]) {
    const ticks = timeTicks(AT, AT + span, 6, true);
    expect(ticks.length).toBeGreaterThan(1);
    expect(ticks.length).toBeLessThanOrEqual(7);
    for (const tick of ticks) expect(tick % 1000).toBe(0);
  }
  expect(tickText(Date.UTC(2026, 10, 23, 11), 3_600_000, true)).toBe("11:00");
});
