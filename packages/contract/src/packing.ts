/**
 * A table's columns as they travel: each as numbers.ts writes it, after what can be foretold of a value has been
 * taken away. A column that its rule doesn't fit travels as it is, so packing loses nothing. What the columns are and
 * mean stands in batch.ts; nothing here is specific to flows but RULES' names.
 */
import { AddressBook, addressesOf, type PackedAddresses } from "./addresses.ts";
import type { Columns, ColumnTable, ColumnType } from "./column.ts";
import { AS_PLANNED, coarseRank, ofCoarseRank, packNumbers, unpackNumbers } from "./numbers.ts";

/** Values by row; of addresses, their numbers in the batch's book. */
type Column = ArrayLike<number>;
type Values = Readonly<Record<string, Column>>;
/** What stands for a column's values, row by row. */
type Coder = {
  /** Into `to`; false when something can't be told so. */
  code(column: Column, to: Float64Array): boolean;
  /** And back, in place; NaN for what no code could stand for. */
  decode(codes: Float64Array): void;
};
type Batch = { readonly rows: number; readonly toUs: number };
type Rule = (values: Values, batch: Batch) => Coder;
export type Rules = Readonly<Record<string, Rule | undefined>>;

const CONTEXTS = 0x1_0000;
const NO_CONTEXT = -1;
const NOTHING = new Uint8Array();
/** A flow may be seen after the interval's end was taken. */
const LATE_US = 1_024_000;
const columnOf = (values: Values, name: string): Column => values[name] as Column;

/** Nothing when it is what it was in the last row of the same context. */
const like =
  (contextsOf: (values: Values, rows: number) => Column): Rule =>
  (values, { rows }) => {
    const contexts = contextsOf(values, rows);
    const last = new Float64Array(roomFor(contexts, rows));
    return {
      code(column, to) {
        for (let row = 0; row < rows; row++) {
          const value = column[row] as number;
          const context = contexts[row] as number;
          const isSame = last[context] === value;
          if (!isSame && value === Number.MAX_SAFE_INTEGER) return false;
          to[row] = isSame ? 0 : value + 1;
          if (context >= 0 && context < last.length) last[context] = value;
        }
        return true;
      },
      decode(codes) {
        for (let row = 0; row < rows; row++) {
          const code = codes[row] as number;
          const context = contexts[row] as number;
          const isKept = context >= 0 && context < last.length;
          const value = code > 0 ? code - 1 : isKept ? (last[context] as number) : Number.NaN;
          codes[row] = value;
          if (isKept) last[context] = value;
        }
      },
    };
  };
/** Contexts at and beyond CONTEXTS get none. */
function roomFor(contexts: Column, rows: number): number {
  let most = NO_CONTEXT;
  for (let row = 0; row < rows; row++) {
    const context = contexts[row] as number;
    if (context > most && context < CONTEXTS) most = context;
  }
  return most + 1;
}
const likeColumn = (name: string): Rule => like((values) => columnOf(values, name));
/** By endpoint, where it is this end that stands there. */
const likeEndpoint = (observer: number): Rule =>
  like((values, rows) => {
    const [endpoints, observers] = [columnOf(values, "endpoint"), columnOf(values, "observer")];
    const contexts = new Float64Array(rows).fill(NO_CONTEXT);
    for (let row = 0; row < rows; row++)
      if (observers[row] === observer) contexts[row] = endpoints[row] as number;
    return contexts;
  });

/** By the address that isn't the endpoint's: one peer is reached one way, and mostly judged by one rule. */
const likePeer: Rule = like((values, rows) => {
  const [src, dst, observers] = ["src", "dst", "observer"].map((name) => columnOf(values, name)) as [
    Column,
    Column,
    Column,
  ];
  return Float64Array.from({ length: rows }, (_, row) => (observers[row] === 1 ? src : dst)[row] as number);
});

/** What a row's code has to do with other rows': nothing. */
const rowByRow = (
  codeOf: (value: number, row: number) => number | undefined,
  back: (code: number, row: number) => number | undefined,
): Coder => ({
  code(column, to) {
    for (let row = 0; row < to.length; row++) {
      const code = codeOf(column[row] as number, row);
      if (code === undefined) return false;
      to[row] = code;
    }
    return true;
  },
  decode(codes) {
    for (let row = 0; row < codes.length; row++) codes[row] = back(codes[row] as number, row) ?? Number.NaN;
  },
});
const above =
  (name: string): Rule =>
  (values) => {
    const least = columnOf(values, name);
    return rowByRow(
      (value, row) => notNegative(value - (least[row] as number)),
      (code, row) => code + (least[row] as number),
    );
  };
const measured: Rule = () => rowByRow(coarseRank, ofCoarseRank);
const measuredBelow =
  (name: string): Rule =>
  (values) => {
    const column = columnOf(values, name);
    const most = (row: number) => coarseRank(column[row] as number);
    return rowByRow(
      (value, row) => difference(most(row), coarseRank(value)),
      (code, row) => {
        const rank = difference(most(row), code);
        return rank === undefined ? undefined : ofCoarseRank(rank);
      },
    );
  };
const timed: Rule = (_, { toUs }) =>
  rowByRow(
    (value) => notNegative(toUs + LATE_US - value),
    (code) => toUs + LATE_US - code,
  );
/** Nothing when it is the first time, else in milliseconds. */
const timedAfter =
  (name: string): Rule =>
  (values, { toUs }) => {
    const first = columnOf(values, name);
    return rowByRow(
      (value, row) => {
        if (value === first[row]) return 0;
        const ms = (toUs + LATE_US - value) / 1000;
        return Number.isInteger(ms) && ms >= 0 ? ms + 1 : undefined;
      },
      (code, row) => (code === 0 ? (first[row] as number) : toUs + LATE_US - (code - 1) * 1000),
    );
  };

const notNegative = (n: number): number | undefined => (n >= 0 ? n : undefined);
const difference = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined || a < b ? undefined : a - b;

/** When a time is told in milliseconds: so many before an interval's end that `timedAfter` can say it. */
export const wholeMilliseconds = (us: number, toUs: number): number =>
  toUs + LATE_US - Math.floor((toUs + LATE_US - us) / 1000) * 1000;

/**
 * In this order: a rule may ask only for columns before its own, which are here without one when they have none.
 * Other columns follow.
 */
export const FLOW_RULES: Rules = {
  endpoint: undefined,
  observer: likeColumn("endpoint"),
  src: likeEndpoint(0),
  dst: likeEndpoint(1),
  srcWorkload: likeColumn("src"),
  dstWorkload: likeColumn("dst"),
  dstPort: likeColumn("dst"),
  proto: likeColumn("dstPort"),
  fwdPackets: undefined,
  fwdSegments: above("fwdPackets"),
  revPackets: undefined,
  revSegments: above("revPackets"),
  rttUs: measured,
  rttMinUs: measuredBelow("rttUs"),
  firstSeen: timed,
  lastSeen: timedAfter("firstSeen"),
  way: likePeer,
  rule: likePeer,
  revision: likeColumn("rule"),
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
  /** Columns of zeros are left out. */
  pack<T extends ColumnTable>(
    table: T,
    columns: Columns<T>,
    rows: number,
    rules: Rules,
  ): Record<string, Uint8Array> {
    const out: Record<string, Uint8Array> = {};
    const values: Record<string, Column> = { ...(columns as unknown as Values) };
    const batch = { rows, toUs: this.#toUs };
    const codes = new Float64Array(rows);
    for (const name of Object.keys(table))
      if (table[name] === "b16") values[name] = this.#numbers(columns[name] as Uint8Array, rows);
    for (const name of namesOf(table, rules)) {
      const bytes = packColumn(columnOf(values, name), codes, rules[name]?.(values, batch));
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

/** A column of zeros is nothing at all, whatever its rule would make of it. */
function packColumn(column: Column, codes: Float64Array, coder: Coder | undefined): Uint8Array {
  const rows = codes.length;
  if (isZero(column, rows)) return NOTHING;
  const planned = coder?.code(column, codes) ?? false;
  if (!planned) for (let row = 0; row < rows; row++) codes[row] = column[row] as number;
  return packNumbers(codes, rows, planned ? AS_PLANNED : 0);
}

function isZero(column: Column, rows: number): boolean {
  for (let row = 0; row < rows; row++) if (column[row] !== 0) return false;
  return true;
}

const MOST = { u8: 0xff, u16: 0xffff, u32: 0xffff_ffff, f64: Number.MAX_SAFE_INTEGER, b16: 0xffff_ffff };
export type Packed = { columns: unknown; rows: number; addresses: PackedAddresses; toUs: number };
export type Unpacked<T extends ColumnTable> =
  | { ok: true; columns: Columns<T> }
  | { ok: false; reason: string };

/** Checked to the last byte: hostile columns give a reason. */
export function unpackColumns<T extends ColumnTable>(
  table: T,
  rules: Rules,
  { columns: raw, rows, addresses, toUs }: Packed,
): Unpacked<T> {
  if (raw === null || typeof raw !== "object") return { ok: false, reason: "columns are missing" };
  const values: Record<string, Column> = {};
  const out: Record<string, Column> = {};
  const numbers = new Float64Array(rows); // of one column after the other
  for (const name of namesOf(table, rules)) {
    const type = table[name] as ColumnType;
    const bytes = (raw as Record<string, unknown>)[name];
    const reason = unpackColumn(bytes, numbers, MOST[type], rules[name]?.(values, { rows, toUs }));
    if (reason !== undefined) return { ok: false, reason: `column ${name} ${reason}` };
    const column = type === "b16" ? addressesOf(numbers, addresses) : typedOf(type, numbers);
    if (!column) return { ok: false, reason: `column ${name} has an address that isn't there` };
    values[name] = type === "b16" ? numbers.slice() : column;
    out[name] = column;
  }
  return { ok: true, columns: out as Columns<T> };
}

/** Into `numbers`; why not, or undefined. */
function unpackColumn(bytes: unknown, numbers: Float64Array, most: number, coder: Coder | undefined) {
  if (bytes !== undefined && !(bytes instanceof Uint8Array)) return "is no bytes";
  const read = unpackNumbers(bytes, numbers);
  if (!read.ok) return read.reason;
  if (read.planned && !coder) return "has no rule";
  if (read.planned) coder?.decode(numbers);
  for (let row = 0; row < numbers.length; row++) {
    const value = numbers[row] as number;
    if (!(value >= 0 && value <= most)) return `[${row}] is ${value}, not from 0 to ${most}`;
  }
  return undefined;
}

function typedOf(type: Exclude<ColumnType, "b16">, numbers: Float64Array) {
  if (type === "u8") return new Uint8Array(numbers);
  if (type === "u16") return new Uint16Array(numbers);
  if (type === "u32") return new Uint32Array(numbers);
  return numbers.slice();
}
