import { expect, test } from "vitest";
import { orderedColumns, readColumnMemory, templateOf } from "./table-column.ts";

test("memory that is broken or hostile is as good as none", () => {
  const empty = { visibility: {}, sizing: {}, order: [] };
  for (const text of [null, "", "{", "null", "[]", '{"visibility":3,"order":{}}'])
    expect(readColumnMemory(text)).toEqual(empty);
  expect(
    readColumnMemory('{"visibility":{"a":true,"b":"x"},"sizing":{"a":90,"c":"1"},"order":["b",4]}'),
  ).toEqual({
    visibility: { a: true },
    sizing: { a: 90 },
    order: ["b"],
  });
});

test("columns the memory doesn't know come after those it does, in their own order", () => {
  const columns = ["time", "source", "verdict", "new"].map((id) => ({ id }));
  expect(orderedColumns(columns, ["verdict", "time"]).map((c) => c.id)).toEqual([
    "verdict",
    "time",
    "source",
    "new",
  ]);
});

test("a sized column stops growing", () => {
  const columns = [
    { id: "a", title: "A", width: 80, cell: () => null },
    { id: "b", title: "B", width: 200, grow: 1, cell: () => null },
  ];
  expect(templateOf(columns, {})).toBe("80px minmax(200px, 1fr)");
  expect(templateOf(columns, { b: 150 })).toBe("80px 150px");
});
