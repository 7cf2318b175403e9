import { expect, test } from "vitest";
import { array, int, layout, type Parts, structNamed, types } from "../testing/btf-types.ts";
import { convert, spansOf } from "./map-conversion.ts";

/** What those bytes of the one are in the other. */
function moved(was: Parts, is: Parts, bytes: number[]): number[] {
  const [pinned, declared] = [layout("r", was), layout("r", is)];
  const to = new Uint8Array(declared.size);
  convert(spansOf("r", types(pinned), types(declared)), Uint8Array.from(bytes), to, { from: 0, to: 0 });
  return [...to];
}
const [byte, half, word] = [int(1), int(2), int(4)];

test("members go where their namesakes are; what is gone is left out, what is new is zero", () => {
  const was: Parts = [
    ["a", word],
    ["gone", half],
    ["_pad0", half],
    ["b", word],
  ];
  const is: Parts = [
    ["b", word],
    ["new", word],
    ["a", word],
  ];
  expect(moved(was, is, [1, 2, 3, 4, 9, 9, 7, 7, 5, 6, 7, 8])).toEqual([5, 6, 7, 8, 0, 0, 0, 0, 1, 2, 3, 4]);
});

test("a wider number and a longer array end in zeros", () => {
  expect(moved([["a", half]], [["a", word]], [1, 2])).toEqual([1, 2, 0, 0]);
  expect(moved([["a", array(half, 2)]], [["a", array(word, 3)]], [1, 0, 2, 0])).toEqual([
    ...[1, 0, 0, 0, 2, 0, 0, 0],
    ...[0, 0, 0, 0],
  ]);
});

test("a struct within is moved by its own members, in arrays too", () => {
  const was = [
    layout("r", [["all", array(structNamed("inner", 3), 2)]]),
    layout("inner", [
      ["x", byte],
      ["y", half],
    ]),
  ];
  const is = [
    layout("r", [
      ["n", byte],
      ["all", array(structNamed("inner", 4), 2)],
    ]),
    layout("inner", [
      ["y", half],
      ["_pad0", byte],
      ["x", byte],
    ]),
  ];
  const to = new Uint8Array(9);
  const spans = spansOf("r", types(...was), types(...is));
  convert(spans, Uint8Array.from([1, 2, 3, 4, 5, 6]), to, { from: 0, to: 0 });
  expect([...to]).toEqual([0, 2, 3, 0, 1, 5, 6, 0, 4]);
});

test("what stands together stays together", () => {
  const both: Parts = [
    ["a", word],
    ["b", array(byte, 16)],
  ];
  expect(spansOf("r", types(layout("r", both)), types(layout("r", both)))).toEqual([
    { from: 0, to: 0, bytes: 20 },
  ]);
});

test.each<[string, Parts, Parts, string]>([
  ["a narrower number", [["a", word]], [["a", half]], "struct r: a is of another type"],
  ["a shorter array", [["a", array(byte, 4)]], [["a", array(byte, 3)]], "struct r: a is of another type"],
  ["another byte order", [["a", half]], [["a", int(2, "__be16")]], "struct r: a is of another type"],
  [
    "a wider number, high byte first",
    [["a", int(2, "__be16")]],
    [["a", int(4, "__be32")]],
    "struct r: a is of another type",
  ],
  ["a struct for a number", [["a", word]], [["a", structNamed("r", 4)]], "struct r: a is of another type"],
])("there is no way to %s", (_, was, is, problem) => {
  expect(() => moved(was, is, [])).toThrow(problem);
});

test("a struct that one side doesn't know has no way", () => {
  expect(() => spansOf("r", types(), types(layout("r", [])))).toThrow("struct r is unknown to the map");
  expect(() => spansOf("r", types(layout("r", [])), types())).toThrow("struct r is unknown to this agent");
});
