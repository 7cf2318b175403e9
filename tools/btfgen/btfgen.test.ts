/* What the generator promises of any headers: no holes, no surprises, and a hash that notices every change. */
import { expect, test } from "vitest";
import { layoutsOf } from "./btf.ts";
import { abiHash, generate } from "./generate.ts";
import type { Layouts } from "./layout.ts";
import { camel, pascal, sharedPrefix } from "./names.ts";

const INT = { id: 1, kind: "INT", name: "__u32", size: 4, nr_bits: 32, encoding: "(none)" };
const INT64 = { id: 2, kind: "INT", name: "__u64", size: 8, nr_bits: 64, encoding: "(none)" };
const anchor = (target: number) => [
  { id: 20, kind: "PTR", name: "(anon)", type_id: target },
  { id: 21, kind: "VAR", name: "anchor_x", type_id: 20 },
];
const struct = (size: number, members: [string, number, number][], bitfield = 0) => ({
  id: 10,
  kind: "STRUCT",
  name: "sample",
  size,
  members: members.map(([name, type_id, byte]) => ({
    name,
    type_id,
    bits_offset: byte * 8,
    ...(bitfield ? { bitfield_size: bitfield } : {}),
  })),
});

test("padding that nobody named is refused, in the middle and at the end", () => {
  const middle = struct(16, [
    ["a", 1, 0],
    ["b", 2, 8],
  ]);
  const end = struct(16, [
    ["b", 2, 0],
    ["a", 1, 8],
  ]);
  expect(() => layoutsOf([INT, INT64, middle, ...anchor(10)])).toThrow(/4 bytes of padding before 'b'/);
  expect(() => layoutsOf([INT, INT64, end, ...anchor(10)])).toThrow(/4 bytes of padding at the end/);
});

test("pointers and bitfields are refused, by name", () => {
  const pointer = { id: 3, kind: "PTR", name: "(anon)", type_id: 1 };
  expect(() => layoutsOf([INT, pointer, struct(8, [["p", 3, 0]]), ...anchor(10)])).toThrow(
    /'p': a PTR is not allowed/,
  );
  expect(() => layoutsOf([INT, struct(4, [["f", 1, 0]], 3), ...anchor(10)])).toThrow(/'f': bitfields/);
});

test("a struct inside a struct must have an anchor of its own", () => {
  const inner = {
    id: 4,
    kind: "STRUCT",
    name: "inner",
    size: 4,
    members: [{ name: "a", type_id: 1, bits_offset: 0 }],
  };
  expect(() => layoutsOf([INT, inner, struct(4, [["i", 4, 0]]), ...anchor(10)])).toThrow(
    /struct inner.*no anchor/,
  );
});

test("a type that a header declares and nobody anchors is an error, and so is the reverse", () => {
  const layouts: Layouts = {
    structs: [],
    enums: [{ name: "known", values: [{ name: "KNOWN_A", value: 0 }] }],
  };
  const homes = new Map([
    ["enum known", "a"],
    ["struct forgotten", "a"],
  ]);
  expect(() => generate(layouts, homes)).toThrow(/no anchor in abi.bpf.c for struct forgotten/);
  expect(() => generate(layouts, new Map())).toThrow(/enum known is anchored but no shared header/);
});

test("the hash changes with a name, an offset, a type and an enumerator, and not with the order of types", () => {
  const u32 = { kind: "scalar", bytes: 4, signed: false, bigEndian: false } as const;
  const be32 = { ...u32, bigEndian: true } as const;
  const of = (name: string, type: typeof u32 | typeof be32, value: number): Layouts => ({
    structs: [
      { name: "s", bytes: 4, fields: [{ name, offset: 0, type }] },
      { name: "t", bytes: 4, fields: [{ name, offset: 0, type }] },
    ],
    enums: [{ name: "e", values: [{ name: "E_A", value }] }],
  });
  const base = of("a", u32, 0);
  const changed = [of("b", u32, 0), of("a", be32, 0), of("a", u32, 1)];
  expect(new Set([base, ...changed].map(abiHash)).size).toBe(4);
  expect(abiHash({ ...base, structs: [...base.structs].reverse() })).toBe(abiHash(base));
});

test("names: camel, Pascal, and the words all enumerators share", () => {
  expect(camel("first_seen_ns")).toBe("firstSeenNs");
  expect(pascal("flow_key")).toBe("FlowKey");
  expect(sharedPrefix(["FLOW_OPENER_LOCAL", "FLOW_OPENER_REMOTE"])).toBe("FLOW_OPENER_");
  expect(sharedPrefix(["FLOW_EGRESS", "FLOW_INGRESS"])).toBe("FLOW_");
  expect(sharedPrefix(["TRACE_CONNECT", "TRACE_CONNECT_FAILED"])).toBe("TRACE_");
});
