import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RollupCardinality, TOP_PEERS } from "./rollup-cardinality.ts";
import { SpaceSaving } from "./space-saving.ts";

const HOUR = 3_600_000;

describe("external peers", () => {
  test("however many there are, few get a name; the heavy ones do", () => {
    const cardinality = new RollupCardinality();
    const heavy = Array.from({ length: 20 }, (_, i) => `heavy-${i}`);
    let named: ReadonlySet<string> = new Set();
    for (let round = 0; round < 50; round++) {
      const light = Array.from({ length: 500 }, (_, i) => [`light-${round}-${i}`, 10] as const);
      const bytes = new Map([...light, ...heavy.map((peer) => [peer, 100_000] as const)]);
      named = cardinality.namedPeers(1, 5 * HOUR, bytes);
    }
    expect(named.size).toBeLessThanOrEqual(TOP_PEERS * 2);
    expect(heavy.filter((peer) => !named.has(peer))).toEqual([]);
  });
  test("are told apart by host and by hour", () => {
    const cardinality = new RollupCardinality();
    cardinality.namedPeers(1, 0, new Map([["a", 1]]));
    expect(cardinality.namedPeers(2, 0, new Map()).has("a")).toBe(false);
    expect(cardinality.namedPeers(1, HOUR, new Map()).has("a")).toBe(false);
    expect(cardinality.namedPeers(1, HOUR - 1, new Map()).has("a")).toBe(true);
  });
});

test("a bucket has no more keys than it may; those it has stay, and what overflows is counted", () => {
  const cardinality = new RollupCardinality(3);
  expect(["a", "b", "c", "d", "a", "d"].map(cardinality.of("x"))).toEqual([
    ...[true, true, true, false, true, false],
  ]);
  expect(cardinality.of("y")("d")).toBe(true);
  expect(cardinality.overflowed).toBe(2);
});

test("what the heaviest certainly have is never more than they really have", () => {
  const stream = fc.array(fc.tuple(fc.constantFrom("a", "b", "c", "d", "e", "f"), fc.nat({ max: 100 })));
  fc.assert(
    fc.property(stream, fc.integer({ min: 1, max: 6 }), (adds, capacity) => {
      const sketch = new SpaceSaving(capacity);
      const truth = new Map<string, number>();
      for (const [key, weight] of adds) {
        sketch.add(key, weight);
        truth.set(key, (truth.get(key) ?? 0) + weight);
      }
      expect(sketch.top(10).length).toBeLessThanOrEqual(capacity);
      const all = [...truth.values()].reduce((a, b) => a + b, 0);
      // A key with more than its share of everything is always among those counted.
      for (const [key, weight] of truth)
        if (weight > all / capacity) expect(sketch.top(capacity)).toContain(key);
      for (const [key, certain] of sketch.certain()) expect(certain).toBeLessThanOrEqual(truth.get(key) ?? 0);
    }),
  );
});
