/*
 * The model between BTF and TypeScript: what a shared struct or enum looks like in memory, by its C names.
 * Not about TypeScript: names and code are in names.ts and emit.ts.
 */
export interface Scalar {
  kind: "scalar";
  bytes: 1 | 2 | 4 | 8;
  signed: boolean;
  /** `__be16` and `__be32`: the bytes are in network order. */
  bigEndian: boolean;
}

export interface StructRef {
  kind: "struct";
  name: string;
  bytes: number;
}

export interface ArrayOf {
  kind: "array";
  of: FieldType;
  length: number;
}

export type FieldType = Scalar | StructRef | ArrayOf;

export interface Field {
  name: string;
  offset: number;
  type: FieldType;
}

export interface Struct {
  name: string;
  bytes: number;
  fields: Field[];
}

export interface Enum {
  name: string;
  values: { name: string; value: number }[];
}

export interface Layouts {
  structs: Struct[];
  enums: Enum[];
}

export function bytesOf(type: FieldType): number {
  return type.kind === "array" ? type.length * bytesOf(type.of) : type.bytes;
}

/** A hole would be bytes that neither side owns: the kernel could leak through it. */
export function assertNoHoles(struct: Struct): void {
  let end = 0;
  for (const field of struct.fields) {
    if (field.offset !== end)
      throw new Error(`struct ${struct.name}: ${field.offset - end} bytes of padding before '${field.name}'`);
    end = field.offset + bytesOf(field.type);
  }
  if (end !== struct.bytes)
    throw new Error(`struct ${struct.name}: ${struct.bytes - end} bytes of padding at the end`);
}

/** Any change of a name, an offset, a type or an enum's number changes this text, and so the hash. */
export function canonicalText(layouts: Layouts): string {
  const structs = layouts.structs.map((s) => {
    const fields = s.fields.map((f) => `  ${f.offset} ${f.name} ${typeText(f.type)}\n`);
    return `struct ${s.name} ${s.bytes}\n${fields.join("")}`;
  });
  const enums = layouts.enums.map((e) => {
    const values = e.values.map((v) => `  ${v.name} ${v.value}\n`);
    return `enum ${e.name}\n${values.join("")}`;
  });
  return [...structs.sort(), ...enums.sort()].join("");
}

function typeText(type: FieldType): string {
  if (type.kind === "array") return `${typeText(type.of)}[${type.length}]`;
  if (type.kind === "struct") return `struct ${type.name}`;
  return `${type.bigEndian ? "be" : type.signed ? "s" : "u"}${type.bytes * 8}`;
}
