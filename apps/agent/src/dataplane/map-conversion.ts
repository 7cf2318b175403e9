/**
 * How a struct of another version becomes ours, by the types that both bring along: each member's bytes go where its namesake
 * stands. What only the other version knows is left out; what only ours knows is zero, which means what was before it.
 */
import type { BtfMember, BtfType, BtfTypes } from "@millrace/native/native";
import { isBigEndian, isNamesake, isPadding } from "./map-types.ts";

/** So many bytes, from there to there. */
export type Span = { from: number; to: number; bytes: number };

/** Throws an Error that names the member for which there is no way. */
export function spansOf(name: string, pinned: BtfTypes, declared: BtfTypes): Span[] {
  const [was, is] = [pinned.structs[name], declared.structs[name]];
  if (!was || !is) throw new Error(`struct ${name} is unknown to ${was ? "this agent" : "the map"}`);
  return joined(spansIn(was.members, is.members, { name, pinned, declared, from: 0, to: 0 }));
}

/** Of a key or value that is no struct. */
export const wholeSpan = (bytes: number): Span[] => [{ from: 0, to: 0, bytes }];

export function convert(spans: readonly Span[], from: Uint8Array, to: Uint8Array, at: Places): void {
  for (const span of spans)
    to.set(from.subarray(at.from + span.from, at.from + span.from + span.bytes), at.to + span.to);
}
type Places = { from: number; to: number };

type At = Places & { name: string; pinned: BtfTypes; declared: BtfTypes };

function spansIn(was: readonly BtfMember[], is: readonly BtfMember[], at: At): Span[] {
  return is
    .filter((member) => !isPadding(member))
    .flatMap((member) => {
      const other = was.find((one) => isNamesake(one, member));
      return other ? spansBetween(other, member, at) : [];
    });
}

function spansBetween(was: BtfMember, is: BtfMember, at: At): Span[] {
  const place = { ...at, from: at.from + was.offset, to: at.to + is.offset };
  const spans = was.bitSize || is.bitSize ? undefined : spansOfType(was.type, is.type, place);
  if (!spans) throw new Error(`struct ${at.name}: ${is.name || "a union"} is of another type`);
  return spans;
}

/** undefined: one can't become the other. */
function spansOfType(was: BtfType, is: BtfType, at: At): Span[] | undefined {
  if (was.kind === "array" && is.kind === "array") return spansOfArray(was, is, at);
  if (was.kind !== is.kind || isBigEndian(was) !== isBigEndian(is)) return undefined;
  if ("members" in was && "members" in is) return spansIn(was.members ?? [], is.members ?? [], at);
  if (was.kind === "struct" && is.kind === "struct") return spansOfStruct(was.name, is.name, at);
  // A wider number of ours, low byte first, has zeros above.
  const fits = was.size === is.size || (was.kind === "int" && was.size < is.size && !isBigEndian(was));
  return fits ? [{ from: at.from, to: at.to, bytes: was.size }] : undefined;
}

type ArrayType = Extract<BtfType, { kind: "array" }>;

/** A longer one of ours ends in zeros; a shorter one would lose something. */
function spansOfArray(was: ArrayType, is: ArrayType, at: At): Span[] | undefined {
  if (is.length < was.length) return undefined;
  const spans: Span[] = [];
  for (let n = 0; n < was.length; n++) {
    const place = { ...at, from: at.from + n * was.element.size, to: at.to + n * is.element.size };
    const element = spansOfType(was.element, is.element, place);
    if (!element) return undefined;
    spans.push(...element);
  }
  return spans;
}

function spansOfStruct(was: string, is: string, at: At): Span[] | undefined {
  const [from, to] = [at.pinned.structs[was], at.declared.structs[is]];
  return was === is && from && to ? spansIn(from.members, to.members, { ...at, name: is }) : undefined;
}

/** Those beside each other on both sides are one. */
function joined(spans: readonly Span[]): Span[] {
  const all: Span[] = [];
  for (const span of [...spans].sort((a, b) => a.to - b.to)) {
    const last = all.at(-1);
    if (last && last.from + last.bytes === span.from && last.to + last.bytes === span.to)
      last.bytes += span.bytes;
    else all.push({ ...span });
  }
  return all;
}
