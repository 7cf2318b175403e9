/*
 * Layouts to TypeScript source: per struct an interface, SIZE, OFFSETS, a decoder and an encoder; per enum
 * a const object and its union. Pure text: reading BTF and writing files happen elsewhere.
 */
import { bytesOf, type Enum, type Field, type FieldType, type Scalar, type Struct } from "./layout.ts";
import { camel, constant, pascal, sharedPrefix } from "./names.ts";

const BANNER = `/* Generated from the BTF of abi.bpf.o by tools/btfgen: do not edit. \`make -C packages/bpf\` rewrites it. */\n`;

export interface Module {
  structs: Struct[];
  enums: Enum[];
}

export function emitModule(module: Module, homeOf: (struct: string) => string, self: string): string {
  const imports = bytesImport(module.structs) + importLines(module.structs, homeOf, self);
  const parts = [...module.enums.map(emitEnum), ...module.structs.map(emitStruct)];
  return `${BANNER}${imports}\n${parts.join("\n")}`;
}

export function emitHash(hash: bigint): string {
  return `${BANNER}\nexport const ABI_HASH = 0x${hash.toString(16).padStart(16, "0")}n;\n`;
}

function bytesImport(structs: Struct[]): string {
  const owned = structs.flatMap((s) => s.fields).some((f) => hasBytes(f.type));
  return owned ? `import { bytesAt, putBytes } from "../bytes.ts";\n` : "";
}

function hasBytes(type: FieldType): boolean {
  return isBytes(type) || (type.kind === "array" && hasBytes(type.of));
}

function importLines(structs: Struct[], homeOf: (struct: string) => string, self: string): string {
  const wanted = new Map<string, Set<string>>();
  for (const struct of structs)
    for (const name of struct.fields.flatMap((f) => structNames(f.type))) {
      const home = homeOf(name);
      if (home !== self) wanted.set(home, (wanted.get(home) ?? new Set()).add(name));
    }
  return [...wanted]
    .sort()
    .map(([home, names]) => {
      const list = [...names]
        .sort()
        .flatMap((n) => [`encode${pascal(n)}`, `read${pascal(n)}`, `type ${pascal(n)}`]);
      return `import { ${list.join(", ")} } from "./${home}.ts";\n`;
    })
    .join("");
}

function structNames(type: FieldType): string[] {
  if (type.kind === "array") return structNames(type.of);
  return type.kind === "struct" ? [type.name] : [];
}

function emitEnum(e: Enum): string {
  const prefix = sharedPrefix(e.values.map((v) => v.name));
  const name = pascal(e.name);
  const lines = e.values.map((v) => `  ${v.name.slice(prefix.length)}: ${v.value},\n`);
  return `export const ${name} = {\n${lines.join("")}} as const;
export type ${name} = (typeof ${name})[keyof typeof ${name}];\n`;
}

function emitStruct(s: Struct): string {
  const name = pascal(s.name);
  const size = `${constant(s.name)}_SIZE`;
  const owned = s.fields.filter((f) => !f.name.startsWith("_pad"));
  const members = owned.map((f) => `  ${camel(f.name)}: ${tsType(f.type)};\n`);
  const offsets = owned.map((f) => `  ${camel(f.name)}: ${f.offset},\n`);
  const decodes = owned.map((f) => `    ${camel(f.name)}: ${decodeExpression(f.type, at(f.offset))},\n`);
  const encodes = s.fields.map((f) => encodeField(f));
  return `export interface ${name} {\n${members.join("")}}

export const ${size} = ${s.bytes};
export const ${constant(s.name)}_OFFSETS = {\n${offsets.join("")}} as const;

/** Undefined when fewer than ${s.bytes} bytes are there. */
export function decode${name}(view: DataView, at = 0): ${name} | undefined {
  if (at < 0 || at + ${size} > view.byteLength) return undefined;
  return read${name}(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function read${name}(view: DataView, at: number): ${name} {
  return {\n${decodes.join("")}  };
}

/** Writes all ${s.bytes} bytes, padding as zero; throws RangeError when they don't fit. */
export function encode${name}(value: ${name}, view: DataView, at = 0): void {
${encodes.join("")}}
`;
}

function at(offset: number | string): string {
  return offset === 0 ? "at" : `at + ${offset}`;
}

function tsType(type: FieldType): string {
  switch (type.kind) {
    case "scalar":
      return type.bytes === 8 ? "bigint" : "number";
    case "struct":
      return pascal(type.name);
    case "array":
      return isBytes(type) ? "Uint8Array" : `${tsType(type.of)}[]`;
  }
}

function isBytes(type: FieldType): boolean {
  return type.kind === "array" && type.of.kind === "scalar" && type.of.bytes === 1 && !type.of.signed;
}

function decodeExpression(type: FieldType, where: string, depth = 0): string {
  switch (type.kind) {
    case "scalar":
      return `view.get${accessor(type)}(${where}${type.bytes === 1 ? "" : `, ${!type.bigEndian}`})`;
    case "struct":
      return `read${pascal(type.name)}(view, ${where})`;
    case "array": {
      if (isBytes(type)) return `bytesAt(view, ${where}, ${type.length})`;
      const index = "ijk".charAt(depth);
      const inner = decodeExpression(type.of, `${where} + ${index} * ${bytesOf(type.of)}`, depth + 1);
      return `Array.from({ length: ${type.length} }, (_, ${index}) => ${inner})`;
    }
  }
}

function encodeField(field: Field): string {
  if (field.name.startsWith("_pad"))
    return Array.from(
      { length: bytesOf(field.type) },
      (_, i) => `  view.setUint8(${at(field.offset + i)}, 0);\n`,
    ).join("");
  return encodeStatement(field.type, `value.${camel(field.name)}`, at(field.offset), "  ", 0);
}

function encodeStatement(
  type: FieldType,
  value: string,
  where: string,
  indent: string,
  depth: number,
): string {
  switch (type.kind) {
    case "scalar":
      return `${indent}view.set${accessor(type)}(${where}, ${value}${type.bytes === 1 ? "" : `, ${!type.bigEndian}`});\n`;
    case "struct":
      return `${indent}encode${pascal(type.name)}(${value}, view, ${where});\n`;
    case "array": {
      if (isBytes(type)) return `${indent}putBytes(${value}, view, ${where}, ${type.length});\n`;
      const index = "ijk".charAt(depth);
      const element = `${value}[${index}] as ${tsType(type.of)}`;
      const wrapped = type.of.kind === "scalar" ? element : `(${element})`;
      const inner = encodeStatement(
        type.of,
        wrapped,
        `${where} + ${index} * ${bytesOf(type.of)}`,
        `${indent}  `,
        depth + 1,
      );
      return `${indent}for (let ${index} = 0; ${index} < ${type.length}; ${index}++) {\n${inner}${indent}}\n`;
    }
  }
}

function accessor(type: Scalar): string {
  const big = type.bytes === 8 ? "Big" : "";
  return `${big}${type.signed ? "Int" : "Uint"}${type.bytes * 8}`;
}
