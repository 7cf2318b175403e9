import { expect, test } from "vitest";
import { collectRows, csvCell } from "./file-export.ts";

test("a name can't become a formula or break out of its cell", () => {
  expect(csvCell("=cmd|' /C calc'!A0")).toBe("'=cmd|' /C calc'!A0");
  expect(csvCell('a"b,c')).toBe('"a""b,c"');
  expect(csvCell("-1")).toBe("'-1");
  expect(csvCell(-1)).toBe("-1");
  expect(csvCell(null)).toBe("");
});
const page = (rows: number, nextCursor: string | null) => ({
  rows: Array.from({ length: rows }, () => ({ n: 1 })),
  nextCursor,
});
test("pages are followed to the end", async () => {
  const asked: (string | null)[] = [];
  const all = await collectRows(
    async (cursor) => {
      asked.push(cursor);
      return cursor === null ? page(4, "next") : page(3, null);
    },
    () => {},
    100,
  );
  expect(asked).toEqual([null, "next"]);
  expect(all).toMatchObject({ cut: false });
  expect(all.rows).toHaveLength(7);
});
test("a file that was cut says so", async () => {
  const all = await collectRows(
    async () => page(4, "more"),
    () => {},
    6,
  );
  expect(all.rows).toHaveLength(6);
  expect(all.cut).toBe(true);
});
