/**
 * What a pinned map of another layout holds, in the layout of ours that stands in for it. The programs of the other version
 * go on with theirs until each has its successor: so it is read twice, when ours begins and when theirs is nobody's any more.
 */
import type { BpfMap, BtfTypes } from "@millrace/native/native";
import { convert, type Span, spansOf, wholeSpan } from "./map-conversion.ts";
import { differenceOf, isPadding, type MapStructs } from "./map-types.ts";

export type Shape = { name: string; type: string; keySize: number; valueSize: number; maxEntries: number };
export type Rows = { count: number; keys: Uint8Array; values: Uint8Array };
type Types = { pinned: BtfTypes; declared: BtfTypes };

/** A count that goes on in either version's map at once would be right in neither. */
const SHARED = ["flow_holders"];
const MOVABLE = ["hash", "lru_hash", "percpu_hash", "array", "percpu_array", "lpm_trie"];

export class MapMove {
  readonly name: string;
  readonly #from: BpfMap;
  readonly #key: readonly Span[];
  readonly #value: readonly Span[];

  /** Throws an Error that says why the one can't become the other. */
  constructor(from: BpfMap, declared: Shape, structs: MapStructs, types: Types) {
    if (from.type !== declared.type) throw new Error(`type ${from.type}, wanted ${declared.type}`);
    if (!MOVABLE.includes(from.type)) throw new Error(`a ${from.type} can't be moved`);
    if (SHARED.includes(declared.name)) throw new Error("both versions' programs count in it");
    if (from.type.endsWith("array") && from.maxEntries > declared.maxEntries)
      throw new Error(`${from.maxEntries} elements, wanted ${declared.maxEntries}`);
    const check = declared.name === "translations" && differenceOf("flow_key", types.pinned, types.declared);
    if (check) throw new Error(`its checks are over another key: ${check}`);
    this.name = declared.name;
    this.#from = from;
    this.#key = spansOfPart(structs.key, [from.keySize, declared.keySize], types);
    this.#value = spansOfPart(structs.value, [from.valueSize, declared.valueSize], types);
    if (structs.key && bytesOf(this.#key) < bytesOfMembers(structs.key, types.pinned))
      throw new Error(`struct ${structs.key}, a key, would lose a member`);
  }

  /** All that is there now, as `to` has it; a per-CPU map's values one CPU after the other. */
  read(to: BpfMap): Rows {
    const { count, keys, values } = this.#from.readAll();
    const rows = {
      count,
      keys: new Uint8Array(count * to.keySize),
      values: new Uint8Array(count * to.stride),
    };
    const [was, is] = [this.#from.stride / this.#from.cpus, to.stride / to.cpus];
    for (let n = 0; n < count; n++) {
      convert(this.#key, keys, rows.keys, { from: n * this.#from.keySize, to: n * to.keySize });
      for (let cpu = 0; cpu < to.cpus; cpu++)
        convert(this.#value, values, rows.values, {
          ...{ from: n * this.#from.stride + cpu * was, to: n * to.stride + cpu * is },
        });
    }
    return rows;
  }
  close(): void {
    this.#from.close();
  }
}

export const keysOf = ({ count, keys }: Rows, bytes: number): string[] =>
  Array.from({ length: count }, (_, n) =>
    Buffer.from(keys.subarray(n * bytes, (n + 1) * bytes)).toString("latin1"),
  );

function spansOfPart(struct: string | undefined, [was, is]: [number, number], types: Types): readonly Span[] {
  if (struct) return spansOf(struct, types.pinned, types.declared);
  if (was !== is) throw new Error(`${was} bytes, wanted ${is}`);
  return wholeSpan(is);
}
const bytesOf = (spans: readonly Span[]): number => spans.reduce((sum, { bytes }) => sum + bytes, 0);
const bytesOfMembers = (name: string, { structs }: BtfTypes): number =>
  (structs[name]?.members ?? []).reduce((sum, member) => sum + (isPadding(member) ? 0 : member.size), 0);
