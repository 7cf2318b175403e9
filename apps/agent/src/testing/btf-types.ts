/** Types of a map as its BTF tells them, to be written down in a test. */
import type { BtfMember, BtfType, BtfTypes } from "@millrace/native/native";

export type Parts = readonly (readonly [name: string, type: BtfType])[];
type Struct = BtfTypes["structs"][string];

export const int = (bytes: number, ...typedefs: string[]): BtfType => ({
  ...{ kind: "int", name: "unsigned", size: bytes, signed: false, bool: false },
  ...(typedefs.length > 0 ? { typedefs } : {}),
});
export const array = (element: BtfType, length: number): BtfType => ({
  ...{ kind: "array", size: element.size * length, length, element },
});
export const structNamed = (name: string, size: number): BtfType => ({ kind: "struct", name, size });

/** Members one after the other. */
export function layout(name: string, parts: Parts): Struct {
  let size = 0;
  const members = parts.map(([part, type]): BtfMember => {
    const member = { name: part, offset: size, bitOffset: size * 8, bitSize: 0, size: type.size, type };
    size += type.size;
    return member;
  });
  return { kind: "struct", name, size, members };
}
export const types = (...structs: Struct[]): BtfTypes => ({
  ...{ enums: {}, anonymousEnums: [], typedefs: {}, sections: {} },
  structs: Object.fromEntries(structs.map((one) => [one.name, one])),
});
