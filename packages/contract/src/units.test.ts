import { describe, expect, test } from "vitest";
import { bytes, count, microseconds, parseBytes, parseDuration, percent, text } from "./units.ts";

describe("units", () => {
  test.each([
    [text(bytes(0)), "0 B"],
    [text(bytes(999)), "999 B"],
    [text(bytes(41_000)), "41 kB"],
    [text(bytes(1_500_000)), "1.5 MB"],
    [text(count(12_480)), "12 k"],
    [text(count(7)), "7"],
    [text(microseconds(180)), "180 µs"],
    [text(microseconds(1900)), "1.9 ms"],
    [text(microseconds(2_500_000)), "2.5 s"],
    [text(percent(1)), "100 %"],
  ])("%s reads as %s", (actual, wanted) => expect(actual).toBe(wanted));

  test("a share just under one is never rounded up to 100 %", () => {
    expect(text(percent(0.9999))).toBe("99.9 %");
  });

  test.each([
    ["5ms", 5000],
    ["1.5s", 1_500_000],
    ["2m", 120_000_000],
    ["5", undefined],
    ["ms", undefined],
    ["5parsecs", undefined],
  ])("the duration %s is %s µs", (input, wanted) => expect(parseDuration(input)).toBe(wanted));

  test.each([
    ["1500", 1500],
    ["41kB", 41_000],
    ["2MiB", 2_097_152],
    ["-1", undefined],
    ["x", undefined],
    ["1 lightyear", undefined],
  ])("the size %s is %s bytes", (input, wanted) => expect(parseBytes(input)).toBe(wanted));
});
