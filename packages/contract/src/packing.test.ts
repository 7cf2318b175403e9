import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import type { Columns, ColumnTable } from "./column.ts";
import { coarse, coarseRank, ofCoarseRank, packNumbers, unpackNumbers } from "./numbers.ts";
import { FLOW_RULES, Packer, unpackColumns, wholeMilliseconds } from "./packing.ts";

const TO_US = 1_790_000_000_000_000;
const TABLE = {
  ...{ endpoint: "u16", observer: "u8", src: "b16", dst: "b16", srcPort: "u16", dstPort: "u16", proto: "u8" },
  ...{ srcWorkload: "u16", dstWorkload: "u16", fwdPackets: "f64", fwdSegments: "f64", revPackets: "f64" },
  ...{ revSegments: "f64", rttUs: "u32", rttMinUs: "u32", firstSeen: "f64", lastSeen: "f64", other: "f64" },
  ...{ way: "u8", rule: "u32", revision: "u32" },
} as const satisfies ColumnTable;
type Name = keyof typeof TABLE;
const MOST_BYTES = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f]; // of 2^53 − 1, the lowest first

const MOST = { u8: 0xff, u16: 0xffff, u32: 0xffff_ffff, f64: Number.MAX_SAFE_INTEGER, b16: 0 } as const;
/** Small numbers meet often and fit the rules; large ones must survive all the same. */
const numberUpTo = (max: number) =>
  fc.oneof(
    fc.nat({ max: Math.min(3, max) }),
    fc.maxSafeNat().map((n) => n % (max + 1)),
  );
const address = fc.oneof(
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
  fc.nat({ max: 3 }).map((n) => Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, n)),
);
const row = fc.record(
  Object.fromEntries(
    Object.entries(TABLE).map(([name, type]) => [name, type === "b16" ? address : numberUpTo(MOST[type])]),
  ),
);
type Row = Record<Name, number | Uint8Array>;

function columnsOf(rows: readonly Row[]): Columns<typeof TABLE> {
  const numbers = (name: Name) => rows.map((r) => r[name] as number);
  const make = { u8: Uint8Array, u16: Uint16Array, u32: Uint32Array, f64: Float64Array };
  const out = Object.entries(TABLE).map(([name, type]) => [
    name,
    type === "b16"
      ? new Uint8Array(rows.flatMap((r) => [...(r[name as Name] as Uint8Array)]))
      : make[type].from(numbers(name as Name)),
  ]);
  return Object.fromEntries(out);
}

describe("packed columns", () => {
  test.prop([fc.array(row, { maxLength: 60 })])(
    "are read back value for value, whether the rules fit or not",
    (given) => {
      const rows = given as unknown as Row[];
      const columns = columnsOf(rows);
      const packer = new Packer(TO_US);
      const packed = packer.pack(TABLE, columns, rows.length, FLOW_RULES);
      const addresses = packer.addresses();
      const read = unpackColumns(TABLE, FLOW_RULES, {
        columns: packed,
        rows: rows.length,
        addresses,
        toUs: TO_US,
      });
      if (!read.ok) throw new Error(read.reason);
      for (const name of Object.keys(TABLE) as Name[])
        expect(read.columns[name], name).toEqual(columns[name]);
    },
  );

  test("of zeros weigh nothing, of one value a few bytes, and a port told before by its address none", () => {
    const one = {
      ...Object.fromEntries(Object.keys(TABLE).map((name) => [name, 0])),
      src: new Uint8Array(16),
    };
    const dst = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1);
    const rows = Array.from(
      { length: 100 },
      () => ({ ...one, dst, dstPort: 443, srcPort: 50_000 }) as unknown as Row,
    );
    const packed = new Packer(TO_US).pack(TABLE, columnsOf(rows), 100, FLOW_RULES);
    for (const name of ["other", "way", "rule", "revision"]) expect(packed[name], name).toBeUndefined();
    expect(packed.srcPort).toEqual(Uint8Array.of(0x0a, 0x50, 0xc3));
    expect([...(packed.dstPort ?? [])].filter((byte) => byte !== 0)).toHaveLength(3);
  });

  test.prop([fc.anything(), fc.nat(20)])(
    "that are hostile give a reason and never throw",
    (columns, rows) => {
      const addresses = { ip4: new Uint8Array(4), ip6: new Uint8Array() };
      const read = unpackColumns(TABLE, FLOW_RULES, { columns, rows, addresses, toUs: TO_US });
      if (!read.ok) expect(read.reason).toMatch(/column/);
    },
  );

  test("name what is wrong", () => {
    const addresses = { ip4: new Uint8Array(4), ip6: new Uint8Array() };
    const reason = (columns: Record<string, Uint8Array>) => {
      const read = unpackColumns(TABLE, FLOW_RULES, { columns, rows: 2, addresses, toUs: TO_US });
      return read.ok ? "fine" : read.reason;
    };
    expect(reason({})).toBe("fine");
    expect(reason({ srcPort: Uint8Array.of(2, 1) })).toBe("column srcPort has 2 bytes, not 1 + 2 × 2");
    expect(reason({ proto: Uint8Array.of(2, 1, 1, 1, 1) })).toBe(
      "column proto [0] is 257, not from 0 to 255",
    );
    expect(reason({ src: Uint8Array.of(1, 0, 2) })).toBe("column src has an address that isn't there");
    expect(reason({ other: Uint8Array.of(0x81, 1, 1) })).toBe("column other has no rule");
    expect(reason({ other: Uint8Array.of(0x0f, 0, 0, 0, 0, 0, 0, 32) })).toBe(
      "column other has a number past 2^53",
    );
    expect(
      reason({ fwdPackets: Uint8Array.of(1, 1, 1), fwdSegments: Uint8Array.of(0x8f, ...MOST_BYTES) }),
    ).toBe("column fwdSegments [0] is 9007199254740992, not from 0 to 9007199254740991");
  });
});

describe("numbers", () => {
  test.prop([fc.array(fc.maxSafeNat(), { minLength: 1, maxLength: 30 })])(
    "are read back from their planes",
    (given) => {
      const values = new Float64Array(given.length);
      const read = unpackNumbers(packNumbers(Float64Array.from(given), given.length, 0), values);
      expect([read.ok, [...values]]).toEqual([true, given]);
    },
  );

  test.prop([fc.nat({ max: 0xffff_ffff })])(
    "that are measured lose less than 0.4 %, and rank in their order",
    (value) => {
      const kept = coarse(value);
      expect(kept).toBeLessThanOrEqual(value);
      expect(value - kept).toBeLessThanOrEqual(value * 0.004);
      expect(ofCoarseRank(coarseRank(kept) as number)).toBe(kept);
      const next = coarse(Math.min(0xffff_ffff, value + Math.ceil(value * 0.004) + 1));
      expect(coarseRank(next) as number).toBeGreaterThanOrEqual(coarseRank(kept) as number);
    },
  );

  test("times in milliseconds are never before the time they stand for, and at most one later", () => {
    for (const us of [TO_US - 1, TO_US - 999, TO_US - 1000, TO_US - 12_345_678, TO_US + 500]) {
      const told = wholeMilliseconds(us, TO_US);
      expect(told - us).toBeGreaterThanOrEqual(0);
      expect(told - us).toBeLessThan(1000);
    }
  });
});
