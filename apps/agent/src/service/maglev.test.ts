import fc from "fast-check";
import { expect, test } from "vitest";
import { type Candidate, maglevTable, TABLE_SIZES, tableSize } from "./maglev.ts";

const backends = (count: number, weight = 100): Candidate[] =>
  Array.from({ length: count }, (_, i) => ({ name: `10.${i >> 8}.${i & 255}.7:8080`, weight }));
const owners = (size: number, candidates: readonly Candidate[]): string[] =>
  Array.from(maglevTable(size, candidates), (place) => (candidates[place] as Candidate).name);
const shares = (size: number, candidates: readonly Candidate[]): number[] => {
  const slots = new Array<number>(candidates.length).fill(0);
  for (const place of maglevTable(size, candidates)) slots[place] = (slots[place] as number) + 1;
  return slots;
};

const name = fc.tuple(fc.ipV4(), fc.integer({ min: 1, max: 65_535 })).map(([a, p]) => `${a}:${p}`);
const candidates = (weight: fc.Arbitrary<number>, most = 40) =>
  fc.uniqueArray(fc.record({ name, weight }), {
    minLength: 1,
    maxLength: most,
    selector: (one) => one.name,
  });
const isPrime = (n: number): boolean => {
  for (let d = 2; d * d <= n; d++) if (n % d === 0) return false;
  return n > 1;
};

test("every size is a prime", () => {
  expect(TABLE_SIZES.filter((size) => !isPrime(size))).toEqual([]);
});

test("a table has a hundred slots for each backend, and ten for the lightest, as far as there are so large ones", () => {
  expect(tableSize(backends(1))).toBe(251);
  expect(tableSize(backends(3))).toBe(509);
  expect(tableSize(backends(655))).toBe(65_537);
  expect(tableSize(backends(2048))).toBe(65_537);
  expect(
    tableSize([
      { name: "a", weight: 990 },
      { name: "b", weight: 10 },
    ]),
  ).toBe(1021);
});

test("a thousand backends of one weight are within 0.7 % of their share", () => {
  const size = tableSize(backends(1000));
  const slots = shares(size, backends(1000));
  expect(Math.max(...slots) / (size / 1000)).toBeLessThan(1.0075);
  expect(Math.min(...slots) / (size / 1000)).toBeGreaterThan(0.99);
});

/** Slots that changed hands although neither owner came or went, as a share of all. */
function needlesslyMoved(before: string[], after: string[], changed: string): number {
  const moved = before.filter((owner, i) => owner !== after[i] && owner !== changed && after[i] !== changed);
  return moved.length / before.length;
}

test("of a thousand, one that goes or comes moves 0.58 % of the slots of others, on average", () => {
  const all = backends(1000);
  const size = tableSize(all);
  const before = owners(size, all);
  const moved = all
    .filter((_, i) => i % 50 === 0)
    .map((one) => {
      const others = all.filter((other) => other !== one);
      return needlesslyMoved(before, owners(size, others), one.name);
    });
  expect(moved.reduce((sum, one) => sum + one, 0) / moved.length).toBeLessThan(0.00585);
});

test("every slot has an owner, and nobody's share is more than one slot off", () => {
  fc.assert(
    fc.property(candidates(fc.constant(100)), (given) => {
      const size = tableSize(given);
      for (const slots of shares(size, given))
        expect(Math.abs(slots - size / given.length)).toBeLessThanOrEqual(1);
    }),
    { numRuns: 60 },
  );
});

test("shares follow the weights, and nobody's is more than one slot off", () => {
  fc.assert(
    fc.property(candidates(fc.integer({ min: 1, max: 1000 }), 20), (given) => {
      const size = tableSize(given);
      const sum = given.reduce((total, { weight }) => total + weight, 0);
      shares(size, given).forEach((slots, i) => {
        expect(Math.abs(slots - (size * (given[i] as Candidate).weight) / sum)).toBeLessThanOrEqual(1);
      });
    }),
    { numRuns: 60 },
  );
});

test("the order that backends come in changes nothing", () => {
  fc.assert(
    fc.property(candidates(fc.integer({ min: 1, max: 10 })), fc.integer(), (given, seed) => {
      const size = tableSize(given);
      const shuffled = [...given].sort((a, b) => (a.name.length * seed) % 7 || (a.name < b.name ? 1 : -1));
      expect(owners(size, shuffled)).toEqual(owners(size, given));
    }),
    { numRuns: 30 },
  );
});

test("what a backend had is shared out among the others when it goes", () => {
  fc.assert(
    fc.property(candidates(fc.constant(100), 20), (given) => {
      fc.pre(given.length > 1);
      const [gone, ...rest] = given as [Candidate, ...Candidate[]];
      const size = tableSize(given);
      const after = owners(size, rest);
      expect(after).not.toContain(gone.name);
      // Not for nothing called consistent: far fewer move than by a remainder, where nearly all would.
      expect(needlesslyMoved(owners(size, given), after, gone.name)).toBeLessThan(0.25);
    }),
    { numRuns: 30 },
  );
});
