import fc from "fast-check";
import { expect, test } from "vitest";
import { pairKeys, sourceIsFirst } from "./pair-key.ts";

const address = fc.uint8Array({ minLength: 16, maxLength: 16 });
const port = fc.nat({ max: 65_535 });
type Tuple = [Uint8Array, Uint8Array, number, number, number];
const tuple: fc.Arbitrary<Tuple> = fc.tuple(address, address, port, port, fc.nat({ max: 255 }));
const columns = ([src, dst, srcPort, dstPort, proto]: Tuple) => ({
  ...{
    src,
    dst,
    srcPort: Uint16Array.of(srcPort),
    dstPort: Uint16Array.of(dstPort),
    proto: Uint8Array.of(proto),
  },
});
const keyOf = (t: Tuple): string => {
  const { high, low } = pairKeys(columns(t), 1);
  return `${high[0]}:${low[0]}`;
};

test("both observers of a tuple get the same key, whichever end they call the source", () => {
  fc.assert(
    fc.property(tuple, ([src, dst, srcPort, dstPort, proto]) => {
      expect(keyOf([dst, src, dstPort, srcPort, proto])).toBe(keyOf([src, dst, srcPort, dstPort, proto]));
    }),
  );
});

test("exactly one end of two different ones is the first", () => {
  fc.assert(
    fc.property(tuple, ([src, dst, srcPort, dstPort, proto]) => {
      fc.pre(srcPort !== dstPort);
      const there = sourceIsFirst(columns([src, dst, srcPort, dstPort, proto]), 0);
      expect(sourceIsFirst(columns([dst, src, dstPort, srcPort, proto]), 0)).toBe(!there);
    }),
  );
});

test("a hundred thousand tuples of one subnet have as many keys, all of them positive int8", () => {
  const rows = 100_000;
  const src = new Uint8Array(rows * 16);
  const dst = new Uint8Array(rows * 16);
  const srcPort = new Uint16Array(rows);
  for (let row = 0; row < rows; row++) {
    src.set([10, 0, (row >> 8) & 3, row & 255], row * 16 + 12);
    dst.set([10, 1, 0, (row >> 10) & 255], row * 16 + 12);
    srcPort[row] = 32_768 + (row % 28_000);
  }
  const ends = {
    src,
    dst,
    srcPort,
    dstPort: new Uint16Array(rows).fill(443),
    proto: new Uint8Array(rows).fill(6),
  };
  const { high, low } = pairKeys(ends, rows);
  const keys = new Set(Array.from(high, (h, row) => `${h}:${low[row]}`));
  expect(keys.size).toBe(rows);
  expect(high.every((h) => h <= 0x7fff_ffff)).toBe(true);
});
