import fc from "fast-check";
import { expect, test } from "vitest";
import { advance } from "./watermark.ts";

test.each([
  [0, [1], [], 1],
  [4, [5, 6, 8], [], 6],
  [4, [6, 7], [], 4],
  [4, [8], [[5, 7]], 8],
  [4, [3, 4, 5], [[1, 2]], 5],
  [4, [], [[2, 9]], 9],
  [
    4,
    [12],
    [
      [5, 8],
      [7, 11],
    ],
    12,
  ],
] as [number, number[], [number, number][], number][])(
  "from %d, stored %j, lost %j: %d",
  (at, stored, lost, reached) => {
    const ranges = lost.map(([first, last]) => ({ first, last }));
    expect(advance(at, stored, ranges)).toBe(reached);
  },
);

test("it stands right before the first sequence that is neither stored nor lost, whatever the order", () => {
  const sequence = fc.integer({ min: 1, max: 40 });
  fc.assert(
    fc.property(
      fc.uniqueArray(sequence),
      fc.array(fc.tuple(sequence, fc.nat({ max: 5 }))),
      (stored, lost) => {
        const ranges = lost.map(([first, more]) => ({ first, last: first + more }));
        const settled = new Set([
          ...stored,
          ...ranges.flatMap((r) => Array.from({ length: r.last - r.first + 1 }, (_, i) => r.first + i)),
        ]);
        let expected = 0;
        while (settled.has(expected + 1)) expected++;
        expect(advance(0, stored, ranges)).toBe(expected);
      },
    ),
  );
});
