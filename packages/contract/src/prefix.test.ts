import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  addressText,
  blockOf,
  contains,
  cutPool,
  type Family,
  lastOf,
  MOST_BLOCKS,
  overlaps,
  type Prefix,
  parseAddress,
  parsePrefix,
  placeIn,
  prefixOf,
  prefixText,
  WIDTH,
} from "./prefix.ts";

test("an address is read and written back as the same one, and one address has one text", () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
      const address = parseAddress(text);
      if (!address) throw new Error(`${text} was not read`);
      const plain = addressText(address);
      expect(parseAddress(plain)).toEqual(address);
      expect(addressText(parseAddress(plain) ?? address)).toBe(plain);
    }),
  );
});

test.each([
  ["10.201.0.1", "10.201.0.1"],
  ["FD00:201:0:0::1", "fd00:201::1"],
  ["::ffff:1.2.3.4", "::ffff:102:304"],
  ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
])("%s is written %s", (text, plain) => {
  expect(addressText(parseAddress(text) ?? { family: 4, value: 0n })).toBe(plain);
});

test.each(["", "10.1", "010.0.0.1", "0x7f.0.0.1", "1", "fe80::1%eth0", "::g", "1.2.3.4/8", "1.2.3.256"])(
  "“%s” is no address",
  (text) => expect(parseAddress(text)).toBeUndefined(),
);
test.each(["10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "fd00::1/64", "fd00::/129", "10.0.0.0", "/8", "::/-1"])(
  "“%s” is no prefix",
  (text) => expect(parsePrefix(text)).toBeUndefined(),
);

const LONGEST = { 4: 30, 6: 126 } as const;
const aPrefix = (family: Family, shortest: number, blockLength: number): fc.Arbitrary<Prefix> =>
  fc
    .record({
      value: fc.bigInt({ min: 0n, max: (1n << BigInt(WIDTH[family])) - 1n }),
      length: fc.integer({ min: shortest, max: blockLength }),
    })
    .map(({ value, length }) => prefixOf({ family, value }, length));

/** Any pool that the contract allows, of one family or both. */
const aPool = fc.integer({ min: 2, max: 12 }).chain((bits) =>
  fc
    .record({
      ip4: fc.option(aPrefix(4, 8, 32 - bits)),
      ip6: fc.option(aPrefix(6, 16, 128 - bits)),
    })
    .filter(({ ip4, ip6 }) => ip4 !== null || ip6 !== null)
    .map(({ ip4, ip6 }) => ({
      prefix4: ip4 && prefixText(ip4),
      prefix6: ip6 && prefixText(ip6),
      blockLength4: 32 - bits,
      blockLength6: 128 - bits,
    })),
);
const partsOf = (pool: { prefix4: string | null; prefix6: string | null }): Prefix[] =>
  [pool.prefix4, pool.prefix6].flatMap((text) => (text === null ? [] : [parsePrefix(text) as Prefix]));

describe("the blocks of any pool", () => {
  const twoBlocks = aPool.chain((pool) => {
    const index = fc.nat({ max: cutPool(pool).count - 1 });
    return fc.tuple(fc.constant(pool), index, index);
  });
  test("lie in it, and no two overlap", () => {
    fc.assert(
      fc.property(twoBlocks, ([pool, i, j]) => {
        const [one, other] = [i, j].map((index) => partsOf(blockOf(cutPool(pool), index)));
        for (const [at, whole] of partsOf(pool).entries()) {
          const [a, b] = [one?.[at] as Prefix, other?.[at] as Prefix];
          expect(contains(whole, { family: a.family, value: a.first })).toBe(true);
          expect(contains(whole, lastOf(a))).toBe(true);
          expect(overlaps(a, b)).toBe(i === j);
        }
      }),
      { numRuns: 500 },
    );
  });
  test("are found by each of their addresses", () => {
    fc.assert(
      fc.property(twoBlocks, fc.double({ min: 0, max: 1, noNaN: true }), ([pool, index], share) => {
        const cut = cutPool(pool);
        for (const block of partsOf(blockOf(cut, index))) {
          const size = lastOf(block).value - block.first + 1n;
          const within = BigInt(Math.floor(share * (Number(size) - 1)));
          expect(placeIn(cut, { family: block.family, value: block.first + within })).toBe(index);
          expect(placeIn(cut, { family: block.family, value: block.first })).toBe(index);
          expect(placeIn(cut, lastOf(block))).toBe(index);
        }
      }),
      { numRuns: 500 },
    );
  });
  test("are as many as both prefixes have room for, and never more than can be counted", () => {
    const pool = { prefix4: "10.201.0.0/16", prefix6: "fd00:201::/48", blockLength4: 26, blockLength6: 122 };
    expect(cutPool(pool).count).toBe(1024);
    expect(cutPool({ ...pool, prefix6: "fd00:201::/120" }).count).toBe(4);
    expect(cutPool({ ...pool, prefix4: null }).count).toBe(MOST_BLOCKS);
    expect(blockOf(cutPool(pool), 1023)).toEqual({
      prefix4: "10.201.255.192/26",
      prefix6: "fd00:201::ffc0/122",
    });
  });
});

test("an address where no block is cut is beyond, and one of another prefix outside", () => {
  const cut = cutPool({
    ...{ prefix4: "10.201.0.0/24", prefix6: "fd00:201::/48" },
    ...{ blockLength4: LONGEST[4], blockLength6: LONGEST[6] },
  });
  const place = (text: string) => placeIn(cut, parseAddress(text) ?? { family: 4, value: 0n });
  expect(["10.201.0.255", "10.201.1.0", "fd00:201::ff", "fd00:201::100", "fd00:202::"].map(place)).toEqual([
    ...[63, "outside", 63, "beyond", "outside"],
  ]);
});
