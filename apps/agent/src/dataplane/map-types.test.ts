import type { BtfMember, BtfType, BtfTypes } from "@millrace/native/native";
import { expect, test } from "vitest";
import { differenceOf, structsOfMaps } from "./map-types.ts";

const int = (bytes: number, ...typedefs: string[]): BtfType => ({
  ...{ kind: "int", name: "unsigned", size: bytes, signed: false, bool: false },
  ...(typedefs.length > 0 ? { typedefs } : {}),
});
const array = (element: BtfType, length: number): BtfType => ({
  ...{ kind: "array", size: element.size * length, length, element },
});
const struct = (name: string, size: number): BtfType => ({ kind: "struct", name, size });
/** Members one after the other. */
function layout(...parts: [name: string, type: BtfType][]): { size: number; members: BtfMember[] } {
  let size = 0;
  const members = parts.map(([name, type]) => {
    const member = { name, offset: size, bitOffset: size * 8, bitSize: 0, size: type.size, type };
    size += type.size;
    return member;
  });
  return { size, members };
}
const types = (structs: Record<string, ReturnType<typeof layout>>): BtfTypes => ({
  ...{ enums: {}, anonymousEnums: [], typedefs: {}, sections: {} },
  structs: Object.fromEntries(
    Object.entries(structs).map(([name, of]) => [name, { kind: "struct", name, ...of }]),
  ),
});
const word = int(4);
const before = layout(["a", word], ["b", int(2)], ["_pad0", int(2)], ["c", array(word, 2)]);
const compare = (was: ReturnType<typeof layout>, is: ReturnType<typeof layout>) =>
  differenceOf("r", types({ r: was }), types({ r: is }));

test("the same fits, and a further member where there was padding, from either side", () => {
  const after = layout(["a", word], ["b", int(2)], ["d", int(2)], ["c", array(word, 2)]);
  const finer = layout(
    ...(
      [
        ["a", word],
        ["b", int(2)],
        ["d", int(1)],
        ["_pad0", int(1)],
        ["c", array(word, 2)],
      ] as const
    ).map(([name, type]): [string, BtfType] => [name, type]),
  );
  expect(compare(before, before)).toBeUndefined();
  for (const other of [after, finer]) {
    expect(compare(before, other)).toBeUndefined();
    expect(compare(other, before)).toBeUndefined();
  }
});

test.each<[string, ReturnType<typeof layout>, RegExp]>([
  ["another size", layout(["a", word]), /^struct r has 16 bytes, wanted 4$/],
  [
    "another place",
    layout(["b", int(2)], ["_pad0", int(2)], ["a", word], ["c", array(word, 2)]),
    /^struct r: b is at 4 and at 0$/,
  ],
  [
    "a further member over what there was",
    layout(["a", word], ["b", int(2)], ["d", int(4)], ["_pad0", int(6)]),
    /^struct r: d stands where there is something else$/,
  ],
  [
    "a member gone, and something in its place",
    layout(["x", word], ["b", int(2)], ["_pad0", int(2)], ["c", array(word, 2)]),
    /^struct r: x stands where there is something else$/,
  ],
  [
    "another order of bytes",
    layout(["a", int(4, "__be32")], ["b", int(2)], ["_pad0", int(2)], ["c", array(word, 2)]),
    /^struct r: a is of another type$/,
  ],
  [
    "one of another length",
    layout(["a", word], ["b", int(2)], ["_pad0", int(2)], ["c", word], ["_pad1", word]),
    /^struct r: c is of another type$/,
  ],
])("%s is named", (_what, is, said) => {
  expect(compare(before, is)).toMatch(said);
});

test("a struct within is compared as well, also in an array", () => {
  const outer = layout(["in", array(struct("s", 8), 2)]);
  const was = types({ r: outer, s: layout(["x", word], ["y", word]) });
  const is = types({ r: outer, s: layout(["y", word], ["x", word]) });
  expect(differenceOf("r", was, is)).toBe("struct r: in struct s: y is at 4 and at 0");
  expect(differenceOf("r", was, was)).toBeUndefined();
  expect(differenceOf("r", types({}), was)).toBe("struct r is unknown to the map");
});

test("a map's structs are found by what its declaration points to", () => {
  const pointer = (to: string): BtfType => ({ kind: "ptr", size: 8, to });
  const declared = layout(
    ["type", pointer("int[1]")],
    ["key", pointer("unsigned")],
    ["value", pointer("struct r")],
  );
  const variable = { kind: "struct", name: "", ...declared } as const;
  const all = types({ r: before });
  all.sections[".maps"] = {
    size: 32,
    variables: [{ name: "records", offset: 0, size: 32, type: variable }],
  };
  expect(structsOfMaps(all)).toEqual(new Map([["records", { value: "r" }]]));
});
