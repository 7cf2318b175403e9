import fc from "fast-check";
import { expect, test } from "vitest";
import { fewestPrefixes, type PortPrefix } from "./prefixes.ts";

const aFunction = fc
  .array(
    fc.tuple(
      fc.oneof(
        fc.nat(65_535),
        fc.nat(15).map((n) => n * 4096),
      ),
      fc.nat(3),
    ),
    { maxLength: 6 },
  )
  .map((steps) => {
    const sorted = [...new Map([[0, 0] as [number, number], ...steps])].sort(([a], [b]) => a - b);
    return { starts: sorted.map(([start]) => start), choices: sorted.map(([, choice]) => choice) };
  });

const choiceAt = ({ starts, choices }: { starts: number[]; choices: number[] }, port: number): number =>
  choices[starts.findLastIndex((start) => start <= port)] as number;
const matchAt = (prefixes: readonly PortPrefix[], port: number, inherited: number): number =>
  prefixes
    .filter(({ value, bits }) => port >>> (16 - bits) === value >>> (16 - bits))
    .reduce((best, one) => (one.bits > best.bits ? one : best), { bits: -1, choice: inherited }).choice;

/** The least that is possible, by trying every choice at every place. */
function least(meant: { starts: number[]; choices: number[] }, inherited: number): number {
  const known = new Map<string, number>();
  const inside = (value: number, bits: number): Set<number> => {
    const end = value + 2 ** (16 - bits);
    const later = meant.starts.flatMap((start, at) =>
      start > value && start < end ? (meant.choices[at] as number) : [],
    );
    return new Set([choiceAt(meant, value), ...later]);
  };
  const under = (value: number, bits: number, choice: number): number =>
    best(value, bits + 1, choice) + best(value + 2 ** (15 - bits), bits + 1, choice);
  const best = (value: number, bits: number, above: number): number => {
    const found = inside(value, bits);
    if (found.size === 1) return found.has(above) ? 0 : 1;
    const key = `${value}/${bits} ${above}`;
    const count =
      known.get(key) ??
      Math.min(under(value, bits, above), ...[...found].map((choice) => 1 + under(value, bits, choice)));
    known.set(key, count);
    return count;
  };
  return best(0, 0, inherited);
}

test("prefixes give each port what was meant, by their longest match", () => {
  fc.assert(
    fc.property(aFunction, fc.nat(3), fc.array(fc.nat(65_535)), (meant, inherited, others) => {
      const prefixes = fewestPrefixes(meant.starts, meant.choices, inherited);
      const ports = [...others, ...meant.starts.flatMap((start) => [Math.max(0, start - 1), start])];
      for (const port of ports) expect(matchAt(prefixes, port, inherited)).toBe(choiceAt(meant, port));
    }),
    { numRuns: 2000 },
  );
});

test("there is no way with fewer", () => {
  fc.assert(
    fc.property(aFunction, fc.nat(3), (meant, inherited) => {
      expect(fewestPrefixes(meant.starts, meant.choices, inherited)).toHaveLength(least(meant, inherited));
    }),
    { numRuns: 300 },
  );
});

test.each([
  ["one port", [0, 443, 444], [0, 1, 0], 1],
  ["a whole protocol but for one port", [0, 25, 26], [1, 0, 1], 2],
  ["the ports above 1023", [0, 1024], [0, 1], 2],
  ["everything as it is anyway", [0, 7], [0, 0], 0],
] as const)("%s", (_, starts, choices, count) => {
  expect(fewestPrefixes(starts, choices, 0)).toHaveLength(count);
});
