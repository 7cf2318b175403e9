/**
 * A table's columns as they travel: each as numbers.ts writes it, after what can be foretold of a value has been
 * taken away. A column that its rule doesn't fit travels as it is, so packing loses nothing. What the columns are and
 * mean stands in batch.ts; nothing here is specific to flows but RULES' names.
 */
import { AddressBook, addressesOf, type PackedAddresses } from "./addresses.ts";
import type { Columns, ColumnTable } from "./column.ts";
import { AS_PLANNED, coarseRank, ofCoarseRank, packNumbers, unpackNumbers } from "./numbers.ts";

/** Values by row; of addresses, their numbers in the batch's book. */
type Values = Record<string, ArrayLike<number>>;
/** What stands for a value; undefined: nothing can. And back. */
type Coder = {
  code(value: number, row: number): number | undefined;
  value(code: number, row: number): number | undefined;
};
type Rule = (values: Values, toUs: number) => Coder;
export type Rules = Readonly<Record<string, Rule>>;

const CONTEXTS = 0x1_0000;
/** A flow may be seen after the interval's end was taken. */
const LATE_US = 1_024_000;
const at = (values: Values, name: string, row: number): number =>
  (values[name] as ArrayLike<number>)[row] as number;

/** Nothing when it is what it was in the last row of the same context; a context below 0 is none. */
const like =
  (context: (values: Values, row: number) => number): Rule =>
  (values) => {
    const last = new Float64Array(CONTEXTS);
    const contextOf = (row: number): number => {
      const found = context(values, row);
      return found < CONTEXTS ? found : -1;
    };
    return {
      code(value, row) {
        const key = contextOf(row);
        if (key >= 0 && last[key] === value) return 0;
        if (key >= 0) last[key] = value;
        return value + 1;
      },
      value(code, row) {
        const key = contextOf(row);
        if (code === 0) return key < 0 ? undefined : last[key];
        if (key >= 0) last[key] = code - 1;
        return code - 1;
      },
    };
  };
const likeColumn = (name: string): Rule => like((values, row) => at(values, name, row));

const above =
  (name: string): Rule =>
  (values) => ({
    code: (value, row) => notNegative(value - at(values, name, row)),
    value: (code, row) => code + at(values, name, row),
  });
const measured: Rule = () => ({ code: coarseRank, value: ofCoarseRank });
const measuredBelow =
  (name: string): Rule =>
  (values) => {
    const most = (row: number) => coarseRank(at(values, name, row));
    return {
      code: (value, row) => difference(most(row), coarseRank(value)),
      value: (code, row) => {
        const rank = difference(most(row), code);
        return rank === undefined ? undefined : ofCoarseRank(rank);
      },
    };
  };
const timed: Rule = (_, toUs) => ({
  code: (value) => notNegative(toUs + LATE_US - value),
  value: (code) => toUs + LATE_US - code,
});
/** Nothing when it is the first time, else in milliseconds. */
const timedAfter =
  (first: string): Rule =>
  (values, toUs) => ({
    code(value, row) {
      if (value === at(values, first, row)) return 0;
      const ms = (toUs + LATE_US - value) / 1000;
      return Number.isInteger(ms) && ms >= 0 ? ms + 1 : undefined;
    },
    value: (code, row) => (code === 0 ? at(values, first, row) : toUs + LATE_US - (code - 1) * 1000),
  });

const notNegative = (n: number): number | undefined => (n >= 0 ? n : undefined);
const difference = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined || a < b ? undefined : a - b;

/** When a time is told in milliseconds: so many before an interval's end that `timedAfter` can say it. */
export const wholeMilliseconds = (us: number, toUs: number): number =>
  toUs + LATE_US - Math.floor((toUs + LATE_US - us) / 1000) * 1000;

/** In this order: a rule may ask only for columns before its own. Other columns follow, without a rule. */
export const FLOW_RULES: Rules = {
  endpoint: () => ({ code: (value) => value, value: (code) => code }),
  observer: likeColumn("endpoint"),
  src: like((values, row) => (at(values, "observer", row) === 0 ? at(values, "endpoint", row) : -1)),
  dst: like((values, row) => (at(values, "observer", row) === 1 ? at(values, "endpoint", row) : -1)),
  srcWorkload: likeColumn("src"),
  dstWorkload: likeColumn("dst"),
  dstPort: likeColumn("dst"),
  proto: likeColumn("dstPort"),
  fwdPackets: () => ({ code: (value) => value, value: (code) => code }),
  fwdSegments: above("fwdPackets"),
  revPackets: () => ({ code: (value) => value, value: (code) => code }),
  revSegments: above("revPackets"),
  rttUs: measured,
  rttMinUs: measuredBelow("rttUs"),
  firstSeen: timed,
  lastSeen: timedAfter("firstSeen"),
};
export const DROP_RULES: Rules = {
  srcWorkload: likeColumn("src"),
  dstWorkload: likeColumn("dst"),
  firstSeen: timed,
  lastSeen: timed,
};

const namesOf = (table: ColumnTable, rules: Rules): string[] => {
  const rest = Object.keys(table).filter((name) => !(name in rules));
  const addresses = rest.filter((name) => table[name] === "b16");
  return [
    ...addresses,
    ...Object.keys(rules).filter((name) => name in table),
    ...rest.filter((n) => table[n] !== "b16"),
  ];
};

export class Packer {
  readonly #book = new AddressBook();
  readonly #toUs: number;

  constructor(toUs: number) {
    this.#toUs = toUs;
  }
  addresses(): PackedAddresses {
    return this.#book.packed();
  }
  /** `left`: columns that travel in another way. Columns of zeros are left out. */
  pack<T extends ColumnTable>(
    table: T,
    columns: Columns<T>,
    rows: number,
    rules: Rules,
    left: readonly string[] = [],
  ): Record<string, Uint8Array> {
    const out: Record<string, Uint8Array> = {};
    const values: Values = { ...(columns as unknown as Values) };
    const codes = new Float64Array(rows);
    for (const name of Object.keys(table))
      if (table[name] === "b16" && !left.includes(name))
        values[name] = this.#numbers(columns[name] as Uint8Array, rows);
    for (const name of namesOf(table, rules)) {
      if (left.includes(name)) continue;
      const bytes = packColumn(values[name] as ArrayLike<number>, codes, rules[name]?.(values, this.#toUs));
      if (bytes.byteLength > 0) out[name] = bytes;
    }
    return out;
  }
  #numbers(bytes: Uint8Array, rows: number): Float64Array {
    const whole = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
    const words = new Uint32Array(whole.buffer, whole.byteOffset, rows * 4);
    return Float64Array.from({ length: rows }, (_, row) => this.#book.number(words, row * 4));
  }
}

function packColumn(values: ArrayLike<number>, codes: Float64Array, coder: Coder | undefined): Uint8Array {
  const rows = codes.length;
  let planned = coder !== undefined;
  for (let row = 0; coder && planned && row < rows; row++) {
    const code = coder.code(values[row] as number, row);
    if (code === undefined || code > Number.MAX_SAFE_INTEGER) planned = false;
    else codes[row] = code;
  }
  if (!planned) for (let row = 0; row < rows; row++) codes[row] = values[row] as number;
  return packNumbers(codes, rows, planned ? AS_PLANNED : 0);
}

const MOST: Record<string, number> = {
  u8: 0xff,
  u16: 0xffff,
  u32: 0xffff_ffff,
  f64: Number.MAX_SAFE_INTEGER,
};
export type Packed = { columns: unknown; rows: number; addresses: PackedAddresses; toUs: number };
export type Unpacked<T extends ColumnTable> =
  | { ok: true; columns: Columns<T> }
  | { ok: false; reason: string };

/** Checked to the last byte: hostile columns give a reason. Those in `left` are zeros. */
export function unpackColumns<T extends ColumnTable>(
  table: T,
  rules: Rules,
  { columns: raw, rows, addresses, toUs }: Packed,
  left: readonly string[] = [],
): Unpacked<T> {
  if (raw === null || typeof raw !== "object") return { ok: false, reason: "columns are missing" };
  const values: Record<string, Float64Array> = {};
  const out: Record<string, unknown> = {};
  for (const name of namesOf(table, rules)) {
    const bytes = left.includes(name) ? undefined : (raw as Record<string, unknown>)[name];
    if (bytes !== undefined && !(bytes instanceof Uint8Array))
      return { ok: false, reason: `column ${name} is no bytes` };
    const most = MOST[table[name] as string] ?? (MOST.u32 as number);
    const read = unpackColumn(bytes, rows, most, rules[name]?.(values, toUs));
    if (!read.ok) return { ok: false, reason: `column ${name} ${read.reason}` };
    values[name] = read.values;
    const typed = typedOf(table[name] as string, read.values, left.includes(name) ? undefined : addresses);
    if (!typed) return { ok: false, reason: `column ${name} has an address that isn't there` };
    out[name] = typed;
  }
  return { ok: true, columns: out as Columns<T> };
}

function unpackColumn(bytes: Uint8Array | undefined, rows: number, most: number, coder: Coder | undefined) {
  const read = unpackNumbers(bytes, rows);
  if (!read.ok) return read;
  const { values, planned } = read;
  if (planned && !coder) return { ok: false as const, reason: "has no rule" };
  for (let row = 0; row < rows; row++) {
    const value = planned && coder ? coder.value(values[row] as number, row) : (values[row] as number);
    if (value === undefined || !(value >= 0 && value <= most))
      return { ok: false as const, reason: `[${row}] is ${value}, not from 0 to ${most}` };
    values[row] = value;
  }
  return { ok: true as const, values };
}

function typedOf(type: string, values: Float64Array, addresses: PackedAddresses | undefined): unknown {
  if (type === "u8") return new Uint8Array(values);
  if (type === "u16") return new Uint16Array(values);
  if (type === "u32") return new Uint32Array(values);
  if (type === "f64") return values;
  return addresses ? addressesOf(values, addresses) : new Uint8Array(values.length * 16);
}
