import fc from "fast-check";
import { expect, test } from "vitest";
import { Segments } from "./segments.ts";

test("parts are given out by first fit, and what comes free is whole again", () => {
  const row = new Segments(100);
  expect([row.take(40), row.take(40), row.take(40)]).toEqual([0, 40, undefined]);
  row.give(0, 40);
  expect(row.take(10)).toBe(0);
  row.give(40, 40);
  row.give(0, 10);
  expect(row.take(100)).toBe(0);
});

test("a part that somebody has is taken where it is, once", () => {
  const row = new Segments(100);
  expect(row.takeAt(50, 10)).toBe(true);
  expect(row.takeAt(55, 10)).toBe(false);
  expect(row.takeAt(95, 10)).toBe(false);
  expect([row.take(50), row.take(40)]).toEqual([0, 60]);
});

test("whatever is taken and given back, nothing is given out twice and nothing is lost", () => {
  const step = fc.record({ take: fc.boolean(), count: fc.integer({ min: 1, max: 30 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const row = new Segments(100);
      const taken: { base: number; count: number }[] = [];
      for (const { take, count } of steps) {
        const given = take ? undefined : taken.splice(count % Math.max(1, taken.length), 1)[0];
        if (given) row.give(given.base, given.count);
        const base = take ? row.take(count) : undefined;
        if (base !== undefined) taken.push({ base, count });
      }
      const cells = taken.flatMap(({ base, count }) => Array.from({ length: count }, (_, i) => base + i));
      expect(new Set(cells).size).toBe(cells.length);
      expect(row.freeCount).toBe(100 - cells.length);
      for (const { base, count } of taken) row.give(base, count);
      expect(row.take(100)).toBe(0);
    }),
  );
});
