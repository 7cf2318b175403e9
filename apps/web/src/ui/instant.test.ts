import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  ageText,
  clockText,
  dayText,
  fullText,
  momentText,
  spanOfText,
  spanText,
  tickText,
  timeTicks,
} from "./instant.ts";

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
const MIDNIGHT = Date.UTC(2026, 10, 24);
test("the clock alone is only today's", () => {
  expect(momentText(AT, MIDNIGHT - 1, true)).toBe("10:42:07");
  expect(momentText(AT, MIDNIGHT, true, 1)).toBe("23 Nov 10:42");
  expect(momentText(AT, Date.UTC(2027, 10, 23), true)).toBe("23 Nov 2026 10:42");
});
test("a day of another year says which", () => {
  expect(dayText(AT, AT, true)).toBe("23 Nov 10:42");
  expect(dayText(Date.UTC(2027, 10, 23), AT, true)).toBe("23 Nov 2027 00:00");
});
test("a stretch of time names its zone", () => {
  expect(spanOfText(AT, MIDNIGHT, AT, true)).toBe("23 Nov 10:42 – 24 Nov 00:00 UTC");
});
test("an axis says where a day begins, and the year of a time that spans one", () => {
  expect(tickText(MIDNIGHT, 86_400_000, true)).toBe("24 Nov");
  expect(tickText(MIDNIGHT, 365 * 86_400_000, true)).toBe("24 Nov 2026");
});
test("ticks reach the end of a span of years", () => {
  const span = 5 * 365 * 86_400_000;
  const ticks = timeTicks(AT, AT + span, 6, true);
  expect(ticks.length).toBeLessThanOrEqual(7);
  expect(ticks.at(-1)).toBeGreaterThan(AT + span * 0.75);
});

describe("where summer time ends in between", () => {
  const zone = process.env.TZ;
  beforeAll(() => {
    process.env.TZ = "Europe/Berlin";
  });
  afterAll(() => {
    if (zone === undefined) delete process.env.TZ;
    else process.env.TZ = zone;
  });
  const [from, to] = [Date.UTC(2026, 9, 23, 12), Date.UTC(2026, 9, 28, 12)];
  test("each day's tick is at its own midnight", () => {
    const days = timeTicks(from, to, 6).map((at) => tickText(at, to - from));
    expect(days).toEqual(["24 Oct", "25 Oct", "26 Oct", "27 Oct", "28 Oct"]);
  });
  test("both zones are named", () => {
    expect(spanOfText(from, to, from)).toBe("23 Oct 14:00 UTC+2 – 28 Oct 13:00 UTC+1");
  });
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
