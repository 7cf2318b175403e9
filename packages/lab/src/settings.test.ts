/** The rate has bounds that are said. */
import { expect, test } from "vitest";
import { checkRate, normalSettings } from "./settings.ts";

test.each([-1, 5_001, Number.NaN, Number.POSITIVE_INFINITY])("a rate of %d is refused", (rate) => {
  expect(() => checkRate(rate)).toThrow("0 to 5000 requests a second");
});

test("normal settings break nothing", () => {
  expect(normalSettings(20)).toEqual({ ratePerSecond: 20, paymentsOpen: true, paymentsDelayMs: 0 });
});
