import type { BtfType } from "@millrace/native/native";
import { expect, test } from "vitest";
import { array, int, layout, structNamed, types } from "../testing/btf-types.ts";
import { differenceOf, structsOfMaps } from "./map-types.ts";

const r = (...parts: [name: string, type: BtfType][]) => layout("r", parts);
const word = int(4);
const before = r(["a", word], ["b", int(2)], ["_pad0", int(2)], ["c", array(word, 2)]);
const compare = (was: ReturnType<typeof r>, is: ReturnType<typeof r>) =>
  differenceOf("r", types(was), types(is));

test("the same fits, and a further member where there was padding, from either side", () => {
  const after = r(["a", word], ["b", int(2)], ["d", int(2)], ["c", array(word, 2)]);
  const finer = r(["a", word], ["b", int(2)], ["d", int(1)], ["_pad0", int(1)], ["c", array(word, 2)]);
  expect(compare(before, before)).toBeUndefined();
  for (const other of [after, finer]) {
    expect(compare(before, other)).toBeUndefined();
    expect(compare(other, before)).toBeUndefined();
  }
});

test.each<[string, ReturnType<typeof r>, RegExp]>([
  ["another size", r(["a", word]), /^struct r has 16 bytes, wanted 4$/],
  [
    "another place",
    r(["b", int(2)], ["_pad0", int(2)], ["a", word], ["c", array(word, 2)]),
    /^struct r: b is at 4 and at 0$/,
  ],
  [
    "a further member over what there was",
    r(["a", word], ["b", int(2)], ["d", int(4)], ["_pad0", int(6)]),
    /^struct r: d stands where there is something else$/,
  ],
  [
    "a member gone, and something in its place",
    r(["x", word], ["b", int(2)], ["_pad0", int(2)], ["c", array(word, 2)]),
    /^struct r: x stands where there is something else$/,
  ],
  [
    "another order of bytes",
    r(["a", int(4, "__be32")], ["b", int(2)], ["_pad0", int(2)], ["c", array(word, 2)]),
    /^struct r: a is of another type$/,
  ],
  [
    "one of another length",
    r(["a", word], ["b", int(2)], ["_pad0", int(2)], ["c", word], ["_pad1", word]),
    /^struct r: c is of another type$/,
  ],
])("%s is named", (_what, is, said) => {
  expect(compare(before, is)).toMatch(said);
});

test("a struct within is compared as well, also in an array", () => {
  const outer = r(["in", array(structNamed("s", 8), 2)]);
  const [x, y] = [["x", word] as const, ["y", word] as const];
  const was = types(outer, layout("s", [x, y]));
  const is = types(outer, layout("s", [y, x]));
  expect(differenceOf("r", was, is)).toBe("struct r: in struct s: y is at 4 and at 0");
  expect(differenceOf("r", was, was)).toBeUndefined();
  expect(differenceOf("r", types(), was)).toBe("struct r is unknown to the map");
});

test("a map's structs are found by what its declaration points to", () => {
  const pointer = (to: string): BtfType => ({ kind: "ptr", size: 8, to });
  const variable = layout("", [
    ["type", pointer("int[1]")],
    ["key", pointer("unsigned")],
    ["value", pointer("struct r")],
  ]);
  const all = types(before);
  all.sections[".maps"] = {
    size: 32,
    variables: [{ name: "records", offset: 0, size: 32, type: variable }],
  };
  expect(structsOfMaps(all)).toEqual(new Map([["records", { value: "r" }]]));
});
