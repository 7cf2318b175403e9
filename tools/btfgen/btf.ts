/*
 * From `bpftool btf dump -j` of abi.bpf.o to layouts: the types its `anchor_…` variables point at, and no
 * others. Refuses what the shared headers promise not to have: bitfields, pointers, unions, holes.
 */
import { execFileSync } from "node:child_process";
import { assertNoHoles, type Enum, type Field, type FieldType, type Layouts, type Struct } from "./layout.ts";

interface BtfType {
  id: number;
  kind: string;
  name: string;
  size?: number;
  type_id?: number;
  nr_elems?: number;
  nr_bits?: number;
  encoding?: string;
  members?: { name: string; type_id: number; bits_offset: number; bitfield_size?: number }[];
  values?: { name: string; val: number }[];
}

const BIG_ENDIAN_TYPEDEFS = new Set(["__be16", "__be32", "__be64"]);

export function readLayouts(object: string): Layouts {
  const dump = execFileSync("bpftool", ["btf", "dump", "-j", "file", object], { maxBuffer: 64 << 20 });
  return layoutsOf((JSON.parse(dump.toString()) as { types: BtfType[] }).types);
}

export function layoutsOf(types: readonly BtfType[]): Layouts {
  const byId = new Map(types.map((type) => [type.id, type]));
  const layouts: Layouts = { structs: [], enums: [] };
  for (const anchor of types.filter((type) => type.kind === "VAR" && type.name.startsWith("anchor_"))) {
    const target = find(byId, find(byId, anchor.type_id, anchor.name).type_id, anchor.name);
    if (target.kind === "ENUM") layouts.enums.push(enumOf(target));
    else if (target.kind === "STRUCT") layouts.structs.push(structOf(byId, target));
    else throw new Error(`${anchor.name} points at a ${target.kind}, expected a struct or an enum`);
  }
  assertClosed(layouts);
  return layouts;
}

function find(byId: Map<number, BtfType>, id: number | undefined, from: string): BtfType {
  const type = id === undefined ? undefined : byId.get(id);
  if (!type) throw new Error(`BTF type ${id}, named by '${from}', is missing`);
  return type;
}

function enumOf(type: BtfType): Enum {
  return { name: type.name, values: (type.values ?? []).map((v) => ({ name: v.name, value: v.val })) };
}

function structOf(byId: Map<number, BtfType>, type: BtfType): Struct {
  const fields = (type.members ?? []).map((member): Field => {
    const where = `struct ${type.name}, field '${member.name}'`;
    if (member.bitfield_size) throw new Error(`${where}: bitfields are not allowed`);
    return {
      name: member.name,
      offset: member.bits_offset / 8,
      type: fieldTypeOf(byId, find(byId, member.type_id, where), where),
    };
  });
  const struct = { name: type.name, bytes: type.size ?? 0, fields };
  assertNoHoles(struct);
  return struct;
}

function fieldTypeOf(byId: Map<number, BtfType>, type: BtfType, where: string, bigEndian = false): FieldType {
  const next = () => find(byId, type.type_id, where);
  switch (type.kind) {
    case "TYPEDEF":
      return fieldTypeOf(byId, next(), where, bigEndian || BIG_ENDIAN_TYPEDEFS.has(type.name));
    case "CONST":
    case "VOLATILE":
      return fieldTypeOf(byId, next(), where, bigEndian);
    case "ARRAY":
      return { kind: "array", of: fieldTypeOf(byId, next(), where), length: type.nr_elems ?? 0 };
    case "STRUCT":
      return { kind: "struct", name: type.name, bytes: type.size ?? 0 };
    case "INT": {
      const bytes = type.size;
      if (bytes !== 1 && bytes !== 2 && bytes !== 4 && bytes !== 8)
        throw new Error(`${where}: an integer of ${bytes} bytes`);
      return { kind: "scalar", bytes, signed: type.encoding === "SIGNED", bigEndian };
    }
    default:
      throw new Error(`${where}: a ${type.kind} is not allowed in a shared header`);
  }
}

/** Every struct inside a struct has its own anchor, so that it gets its own decoder. */
function assertClosed(layouts: Layouts): void {
  const anchored = new Set(layouts.structs.map((s) => s.name));
  const refs = (type: FieldType): string[] =>
    type.kind === "array" ? refs(type.of) : type.kind === "struct" ? [type.name] : [];
  for (const struct of layouts.structs)
    for (const name of struct.fields.flatMap((f) => refs(f.type)))
      if (!anchored.has(name)) throw new Error(`struct ${name}, inside ${struct.name}, has no anchor`);
}
