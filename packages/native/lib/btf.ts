// Type information of a kernel, a file or an object, put together from the addon's single types: structs with byte
// offsets, enumerations, and everything at once for a generator. Says nothing about the bytes of a given record.
import * as args from "./args.ts";
import { binding, type NativeBtf, type RawType } from "./binding.ts";
import type { BpfObject } from "./object.ts";

export type BtfType = { typedefs?: string[] } & (
  | { kind: "int"; name: string; size: number; signed: boolean; bool: boolean }
  | { kind: "float"; name: string; size: number }
  | { kind: "ptr"; size: number; to: string }
  | { kind: "array"; size: number; length: number; element: BtfType }
  /** Named: see `structs`. Without a name the members are here. */
  | { kind: "struct" | "union"; name: string; size: number; members?: BtfMember[] }
  | { kind: "enum"; name: string; size: number; signed: boolean; values?: BtfEnumValue[] }
  | { kind: "void" | "fwd" | "func" | "unknown"; name: string; size: 0 }
);

export interface BtfMember {
  name: string;
  /** In bytes, rounded down for a bit field. */
  offset: number;
  bitOffset: number;
  /** 0 for what isn't a bit field. */
  bitSize: number;
  size: number;
  type: BtfType;
}

export interface BtfEnumValue {
  name: string;
  value: bigint;
}

export interface BtfStruct {
  kind: "struct" | "union";
  name: string;
  size: number;
  members: BtfMember[];
}

export interface BtfEnum {
  name: string;
  size: number;
  signed: boolean;
  values: BtfEnumValue[];
}

export interface BtfVariable {
  name: string;
  offset: number;
  size: number;
  type: BtfType;
}

/** All of an object's types. Maps by name; what has no name stands where it is used, enumerations also in a list. */
export interface BtfTypes {
  structs: Record<string, BtfStruct>;
  enums: Record<string, BtfEnum>;
  anonymousEnums: BtfEnum[];
  typedefs: Record<string, BtfType>;
  sections: Record<string, { size: number; variables: BtfVariable[] }>;
}

const POINTER_SIZE = 8;
const QUALIFIERS = new Set(["const", "volatile", "restrict", "type_tag"]);

export class BtfView {
  readonly #native: NativeBtf;
  // A kernel's BTF has 100 thousand types; what was looked at once stays.
  readonly #raw = new Map<number, RawType>();

  constructor(handle: NativeBtf) {
    this.#native = handle;
  }

  static vmlinux(): BtfView {
    return new BtfView(binding.openVmlinuxBtf());
  }

  /** An ELF object with a .BTF section, or raw BTF. */
  static file(path: string): BtfView {
    return new BtfView(binding.openBtfFile(args.text(path, "BtfView.file path")));
  }

  static object(object: BpfObject): BtfView {
    return object.btf();
  }

  enumValues(name: string): BtfEnumValue[] | undefined {
    const id = this.#find(name, "enum") ?? this.#find(name, "enum64");
    return id === undefined ? undefined : this.#type(id).values;
  }

  /** Members of anonymous structs and unions inside are listed in their place, as C lets one write them. */
  struct(name: string):
    | {
        size: number;
        members: { name: string; offset: number; bitOffset: number; size: number; type: string }[];
      }
    | undefined {
    const id = this.#find(name, "struct") ?? this.#find(name, "union");
    if (id === undefined) return undefined;
    const members = flatten(this.#members(this.#type(id)), 0).map((m) => ({
      name: m.name,
      offset: m.offset,
      bitOffset: m.bitOffset,
      size: m.size,
      type: typeText(m.type),
    }));
    return { size: this.#type(id).size ?? 0, members };
  }

  hasFunction(name: string): boolean {
    return this.#find(name, "func") !== undefined;
  }

  /** A function's parameters in order, or undefined when there is no such function. */
  functionParameters(name: string): { name: string; type: BtfType }[] | undefined {
    const id = this.#find(name, "func");
    if (id === undefined) return undefined;
    const prototype = this.#type(this.#type(id).typeId ?? 0);
    return (prototype.parameters ?? []).map((p) => ({ name: p.name, type: this.#resolve(p.typeId) }));
  }

  typeJson(): BtfTypes {
    const out: BtfTypes = { structs: {}, enums: {}, anonymousEnums: [], typedefs: {}, sections: {} };
    const count = this.#native.typeCount();
    for (let id = 1; id < count; id++) this.#collect(this.#type(id), out);
    return out;
  }

  close(): void {
    this.#raw.clear();
    this.#native.close();
  }

  #collect(raw: RawType, out: BtfTypes): void {
    const size = raw.size ?? 0;
    if (raw.kind === "struct" || raw.kind === "union") {
      if (raw.name)
        out.structs[raw.name] = { kind: raw.kind, name: raw.name, size, members: this.#members(raw) };
    } else if (raw.kind === "enum" || raw.kind === "enum64") {
      const entry = { name: raw.name, size, signed: raw.signed ?? false, values: raw.values ?? [] };
      if (raw.name) out.enums[raw.name] = entry;
      else out.anonymousEnums.push(entry);
    } else if (raw.kind === "typedef") {
      out.typedefs[raw.name] = this.#resolve(raw.typeId ?? 0);
    } else if (raw.kind === "datasec") {
      out.sections[raw.name] = { size, variables: (raw.variables ?? []).map((v) => this.#variable(v)) };
    }
  }

  #variable(raw: { typeId: number; offset: number; size: number }): BtfVariable {
    const variable = this.#type(raw.typeId);
    return {
      name: variable.name,
      offset: raw.offset,
      size: raw.size,
      type: this.#resolve(variable.typeId ?? 0),
    };
  }

  #find(name: string, kind: string): number | undefined {
    return this.#native.find(args.text(name, "name"), kind);
  }

  #type(id: number): RawType {
    let raw = this.#raw.get(id);
    if (raw === undefined) {
      raw = this.#native.type(id);
      this.#raw.set(id, raw);
    }
    return raw;
  }

  #members(raw: RawType): BtfMember[] {
    return (raw.members ?? []).map((m) => {
      const type = this.#resolve(m.typeId);
      return {
        name: m.name,
        offset: Math.floor(m.bitOffset / 8),
        bitOffset: m.bitOffset,
        bitSize: m.bitSize,
        size: type.size,
        type,
      };
    });
  }

  /** Follows typedefs and qualifiers to what has a layout; the typedefs' names are kept, the outermost first. */
  #resolve(typeId: number): BtfType {
    const typedefs: string[] = [];
    let raw = this.#type(typeId);
    while (raw.kind === "typedef" || QUALIFIERS.has(raw.kind)) {
      if (raw.kind === "typedef") typedefs.push(raw.name);
      raw = this.#type(raw.typeId ?? 0);
    }
    const type = this.#layout(raw);
    return typedefs.length > 0 ? { ...type, typedefs } : type;
  }

  #layout(raw: RawType): BtfType {
    const { name, size = 0 } = raw;
    switch (raw.kind) {
      case "int":
        return { kind: "int", name, size, signed: raw.signed ?? false, bool: raw.bool ?? false };
      case "float":
        return { kind: "float", name, size };
      case "ptr":
        return { kind: "ptr", size: POINTER_SIZE, to: this.#name(raw.typeId ?? 0) };
      case "array": {
        const element = this.#resolve(raw.typeId ?? 0);
        const length = raw.length ?? 0;
        return { kind: "array", size: element.size * length, length, element };
      }
      case "struct":
      case "union":
        return name
          ? { kind: raw.kind, name, size }
          : { kind: raw.kind, name, size, members: this.#members(raw) };
      case "enum":
      case "enum64": {
        const type = { kind: "enum" as const, name, size, signed: raw.signed ?? false };
        return name ? type : { ...type, values: raw.values ?? [] };
      }
      case "void":
      case "fwd":
      case "func":
        return { kind: raw.kind, name, size: 0 };
      default:
        return { kind: "unknown", name: raw.kind, size: 0 };
    }
  }

  /** What a pointer points at, in C's words; not resolved, since types refer to themselves. */
  #name(typeId: number): string {
    const raw = this.#type(typeId);
    if (raw.kind === "ptr") return `${this.#name(raw.typeId ?? 0)} *`;
    if (raw.kind === "const" || raw.kind === "volatile") return `${raw.kind} ${this.#name(raw.typeId ?? 0)}`;
    if (QUALIFIERS.has(raw.kind)) return this.#name(raw.typeId ?? 0);
    if (raw.kind === "struct" || raw.kind === "union" || raw.kind === "enum")
      return `${raw.kind} ${raw.name}`.trim();
    if (raw.kind === "array") return `${this.#name(raw.typeId ?? 0)}[${raw.length}]`;
    return raw.kind === "func_proto" ? "function" : raw.name || raw.kind;
  }
}

function flatten(members: BtfMember[], bits: number): BtfMember[] {
  return members.flatMap((m) => {
    const bitOffset = bits + m.bitOffset;
    const inner = "members" in m.type ? m.type.members : undefined;
    if (m.name === "" && inner !== undefined) return flatten(inner, bitOffset);
    return [{ ...m, bitOffset, offset: Math.floor(bitOffset / 8) }];
  });
}

function typeText(type: BtfType): string {
  const alias = type.typedefs?.[0];
  if (alias !== undefined) return alias;
  if (type.kind === "ptr") return `${type.to} *`;
  if (type.kind === "array") return `${typeText(type.element)}[${type.length}]`;
  if (type.kind === "struct" || type.kind === "union" || type.kind === "enum")
    return `${type.kind} ${type.name}`.trim();
  return type.kind === "void" ? "void" : type.name;
}
