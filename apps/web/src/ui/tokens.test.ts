import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

const css = readFileSync(new URL("./tokens.css", import.meta.url), "utf8");

function theme(selector: string): Map<string, string> {
  const body = css.slice(css.indexOf(`${selector} {`)).split("}")[0] as string;
  return new Map(
    [...body.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6});/g)].map((m) => [m[1] as string, m[2] as string]),
  );
}
function luminance(hex: string): number {
  const part = (at: number) => {
    const c = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5);
}
function contrast(a: string, b: string): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

const SURFACES = ["surface-0", "surface-1", "surface-2"];
const TEXT = [
  "text-1",
  "text-2",
  "text-3",
  "accent",
  "danger",
  "verdict-forwarded",
  "verdict-dropped",
  "verdict-would-drop",
  "verdict-unknown",
  "tier-slow",
  "tier-fast",
  "state-ok",
  "state-warn",
  "state-bad",
  "state-unknown",
];
const SHAPES = ["line-strong", ...[1, 2, 3, 4, 5, 6, 7].map((n) => `series-${n}`)];

describe.each([":root", ".dark"])("colours of %s", (selector) => {
  const colors = theme(selector);
  const of = (name: string): string => {
    const value = colors.get(name);
    if (!value) throw new Error(`${selector} lacks --${name}`);
    return value;
  };
  test.each(TEXT.flatMap((t) => SURFACES.map((s) => [t, s] as const)))(
    "%s is readable on %s",
    (text, ground) => {
      expect(contrast(of(text), of(ground))).toBeGreaterThanOrEqual(4.5);
    },
  );
  test.each(["text-1", "text-2", "text-3", "accent"])(
    "%s is readable on the accent's soft ground",
    (text) => {
      expect(contrast(of(text), of("accent-soft"))).toBeGreaterThanOrEqual(4.5);
    },
  );
  test.each(["accent", "danger"])("what is written on %s is readable", (ground) => {
    expect(contrast(of(`on-${ground}`), of(ground))).toBeGreaterThanOrEqual(4.5);
  });
  test.each(SHAPES.flatMap((t) => ["surface-0", "surface-1"].map((s) => [t, s] as const)))(
    "%s can be told from %s",
    (shape, ground) => {
      expect(contrast(of(shape), of(ground))).toBeGreaterThanOrEqual(3);
    },
  );
});

test("both themes define the same names", () => {
  expect([...theme(".dark").keys()].sort()).toEqual([...theme(":root").keys()].sort());
});
