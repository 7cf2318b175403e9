import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import { ColumnWriter, readColumns, WIDTH } from "./column.ts";

const TABLE = { small: "u8", port: "u16", id: "u32", total: "f64", address: "b16" } as const;
const row = fc.record({
  small: fc.integer({ min: 0, max: 255 }),
  port: fc.integer({ min: 0, max: 65_535 }),
  id: fc.integer({ min: 0, max: 0xffff_ffff }),
  total: fc.maxSafeNat(),
  address: fc.uint8Array({ minLength: 16, maxLength: 16 }),
});

describe("columns", () => {
  test.prop([fc.array(row, { maxLength: 40 })])(
    "what is written is read back, whatever the growth",
    (rows) => {
      const writer = new ColumnWriter(TABLE, { maxRows: 40, capacity: 1 });
      for (const r of rows) writer.append(r);
      const read = readColumns(TABLE, writer.raw(), rows.length);
      if (!read.ok) throw new Error(read.reason);
      rows.forEach((r, i) => {
        expect(read.columns.small[i]).toBe(r.small);
        expect(read.columns.port[i]).toBe(r.port);
        expect(read.columns.id[i]).toBe(r.id);
        expect(read.columns.total[i]).toBe(r.total);
        expect([...read.columns.address.subarray(i * 16, i * 16 + 16)]).toEqual([...r.address]);
      });
    },
  );

  test("a batch refuses the row beyond its limit", () => {
    const writer = new ColumnWriter({ small: "u8" }, { maxRows: 1 });
    writer.append({ small: 1 });
    expect(writer.full).toBe(true);
    expect(() => writer.append({ small: 2 })).toThrow(/more than 1 rows/);
  });

  test.prop([fc.anything(), fc.nat(50)])("hostile columns give a reason and never throw", (raw, rows) => {
    const read = readColumns(TABLE, raw, rows);
    if (read.ok)
      for (const [name, type] of Object.entries(TABLE)) expect(WIDTH[type], name).toBeGreaterThan(0);
    else expect(read.reason).toMatch(/column/);
  });

  test("a column of the wrong length is named with both lengths", () => {
    const read = readColumns({ port: "u16" }, { port: new Uint8Array(3) }, 2);
    expect(read).toEqual({ ok: false, reason: "column port has 3 bytes, not 2 × 2" });
  });
});
