/**
 * Whether pinned maps hold what this object means by them, by the types that both bring along: the same members at the
 * same places. What one knows and the other has as padding fits too, since padding is always written as zero; so a
 * version with a further member goes on with the maps of the one before, and back.
 */
import type { BtfMember, BtfType, BtfTypes } from "@millrace/native/native";

/** Names of the structs that are keys and values, by map. Of other types the size says enough. */
export function structsOfMaps({ sections, structs }: BtfTypes): Map<string, MapStructs> {
  const variables = sections[".maps"]?.variables ?? [];
  return new Map(
    variables.map(({ name, type }) => {
      const members = "members" in type ? (type.members ?? []) : [];
      const named = members.flatMap(({ name: part, type: to }) => {
        const struct = to.kind === "ptr" ? to.to.replace(/^struct /, "") : "";
        return (part === "key" || part === "value") && struct in structs ? [[part, struct]] : [];
      });
      return [name, Object.fromEntries(named) as MapStructs];
    }),
  );
}
export type MapStructs = { key?: string; value?: string };

/** What of a struct isn't as it was pinned; undefined: it fits. */
export function differenceOf(name: string, pinned: BtfTypes, declared: BtfTypes): string | undefined {
  const [was, is] = [pinned.structs[name], declared.structs[name]];
  if (!was || !is) return `struct ${name} is unknown to ${was ? "this agent" : "the map"}`;
  if (was.size !== is.size) return `struct ${name} has ${was.size} bytes, wanted ${is.size}`;
  const problem = differenceIn(was.members, is.members, { pinned, declared });
  return problem && `struct ${name}: ${problem}`;
}

type Members = readonly BtfMember[];
type Sides = { pinned: BtfTypes; declared: BtfTypes };

function differenceIn(was: Members, is: Members, sides: Sides): string | undefined {
  for (const [members, others] of [
    [is, was],
    [was, is],
  ] as const)
    for (const member of members.filter((one) => !isPadding(one))) {
      const other = others.find((one) => isNamesake(one, member));
      const problem = other ? differenceBetween(member, other, sides) : misplaced(member, others);
      if (problem) return `${member.name || "a union"} ${problem}`;
    }
  return undefined;
}

export const isPadding = ({ name }: BtfMember): boolean => name.startsWith("_pad");
/** What has no name is known by its place. */
export const isNamesake = (a: BtfMember, b: BtfMember): boolean =>
  a.name === b.name && (a.name !== "" || a.offset === b.offset);

/** Of a member that the other side hasn't: it may stand where there is padding. */
function misplaced(member: BtfMember, others: Members): string | undefined {
  let at = member.offset;
  for (const pad of others.filter(isPadding))
    if (pad.offset <= at && at < pad.offset + pad.size) at = pad.offset + pad.size;
  return at >= member.offset + member.size ? undefined : "stands where there is something else";
}

function differenceBetween(member: BtfMember, other: BtfMember, sides: Sides): string | undefined {
  if (member.offset !== other.offset) return `is at ${other.offset} and at ${member.offset}`;
  const [a, b] = [innermost(member.type), innermost(other.type)];
  if (member.size !== other.size || a.kind !== b.kind || isBigEndian(a) !== isBigEndian(b))
    return "is of another type";
  if ("members" in a && "members" in b) return differenceIn(b.members ?? [], a.members ?? [], sides);
  if (a.kind !== "struct" || b.kind !== "struct") return undefined;
  return a.name === b.name ? differenceOf(a.name, sides.pinned, sides.declared) : "is another struct";
}

const innermost = (type: BtfType): BtfType => (type.kind === "array" ? innermost(type.element) : type);
export const isBigEndian = ({ typedefs = [] }: BtfType): boolean =>
  typedefs.some((name) => name.startsWith("__be"));
