import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import { ColumnWriter } from "./column.ts";

const TABLE = { small: "u8", port: "u16", id: "u32", total: "f64", address: "b16" } as const;
const row = fc.record({
  small: fc.integer({ min: 0, max: 255 }),
  port: fc.integer({ min: 0, max: 65_535 }),
  id: fc.integer({ min: 0, max: 0xffff_ffff }),
  total: fc.maxSafeNat(),
  address: fc.uint8Array({ minLength: 16, maxLength: 16 }),
});

describe("columns", () => {
  test.prop([fc.array(row, { maxLength: 40 })])("hold what was written, whatever the growth", (rows) => {
    const writer = new ColumnWriter(TABLE, { maxRows: 40, capacity: 1 });
    for (const r of rows) writer.append(r);
    const { address, ...numbers } = writer.columns();
    for (const name of ["small", "port", "id", "total"] as const)
      expect([...numbers[name]], name).toEqual(rows.map((r) => r[name]));
    expect([...address]).toEqual(rows.flatMap((r) => [...r.address]));
  });

  test("a batch refuses the row beyond its limit", () => {
    const writer = new ColumnWriter({ small: "u8" }, { maxRows: 1 });
    writer.append({ small: 1 });
    expect(writer.full).toBe(true);
    expect(() => writer.append({ small: 2 })).toThrow(/more than 1 rows/);
  });
});
