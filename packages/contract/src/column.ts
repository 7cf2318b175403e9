/**
 * Columns instead of rows: a table of records crosses the wire as one byte string per field. This file is
 * the form (widths, writer, checked reader); what the columns are stands in batch.ts. No serializer here.
 */
export const WIDTH = { u8: 1, u16: 2, u32: 4, f64: 8, b16: 16 } as const;
export type ColumnType = keyof typeof WIDTH;
export type ColumnTable = Readonly<Record<string, ColumnType>>;
export type ColumnValue<T extends ColumnType> = T extends "b16" ? Uint8Array : number;
export type ColumnRow<T extends ColumnTable> = { [K in keyof T]: ColumnValue<T[K]> };
export type RawColumns<T extends ColumnTable> = { [K in keyof T]: Uint8Array };

type Arrays = { u8: Uint8Array; u16: Uint16Array; u32: Uint32Array; f64: Float64Array; b16: Uint8Array };
export type ReadColumns<T extends ColumnTable> = { [K in keyof T]: Arrays[T[K]] };

/** Grows by doubling up to `maxRows`; numbers are little endian as both ends' typed arrays are. */
export class ColumnWriter<T extends ColumnTable> {
  readonly #table: T;
  readonly #maxRows: number;
  #capacity: number;
  #columns: Map<keyof T, Arrays[ColumnType]>;
  rows = 0;

  constructor(table: T, options: { maxRows: number; capacity?: number }) {
    this.#table = table;
    this.#maxRows = options.maxRows;
    this.#capacity = Math.min(options.capacity ?? 256, options.maxRows);
    this.#columns = this.#allocate(this.#capacity);
  }
  get full(): boolean {
    return this.rows >= this.#maxRows;
  }
  append(row: ColumnRow<T>): void {
    if (this.full) throw new RangeError(`more than ${this.#maxRows} rows in one batch`);
    if (this.rows === this.#capacity) this.#grow();
    for (const [name, column] of this.#columns) {
      const value = row[name];
      if (typeof value === "number") column[this.rows] = value;
      else (column as Uint8Array).set(value, this.rows * 16);
    }
    this.rows++;
  }
  /** The columns' bytes, cut to the rows written. Views: send before appending again. */
  raw(): RawColumns<T> {
    const out = {} as RawColumns<T>;
    for (const [name, column] of this.#columns)
      out[name] = new Uint8Array(column.buffer, 0, this.rows * WIDTH[this.#table[name] as ColumnType]);
    return out;
  }
  #allocate(capacity: number): Map<keyof T, Arrays[ColumnType]> {
    return new Map(Object.entries(this.#table).map(([name, type]) => [name, allocate(type, capacity)]));
  }
  #grow(): void {
    const capacity = Math.min(this.#capacity * 2, this.#maxRows);
    const grown = this.#allocate(capacity);
    for (const [name, column] of this.#columns) (grown.get(name) as Uint8Array).set(column as Uint8Array);
    this.#columns = grown;
    this.#capacity = capacity;
  }
}

function allocate(type: ColumnType, rows: number): Arrays[ColumnType] {
  if (type === "u8") return new Uint8Array(rows);
  if (type === "u16") return new Uint16Array(rows);
  if (type === "u32") return new Uint32Array(rows);
  if (type === "f64") return new Float64Array(rows);
  return new Uint8Array(rows * 16);
}

/** Checks presence and length of every column; says which is wrong. Copies for alignment. */
export function readColumns<T extends ColumnTable>(
  table: T,
  raw: unknown,
  rows: number,
): { ok: true; columns: ReadColumns<T> } | { ok: false; reason: string } {
  if (raw === null || typeof raw !== "object") return { ok: false, reason: "columns are missing" };
  const columns = {} as Record<string, Arrays[ColumnType]>;
  for (const [name, type] of Object.entries(table)) {
    const bytes = (raw as Record<string, unknown>)[name];
    if (!(bytes instanceof Uint8Array)) return { ok: false, reason: `column ${name} is missing` };
    if (bytes.byteLength !== rows * WIDTH[type])
      return {
        ok: false,
        reason: `column ${name} has ${bytes.byteLength} bytes, not ${rows} × ${WIDTH[type]}`,
      };
    columns[name] = view(type, bytes);
  }
  return { ok: true, columns: columns as ReadColumns<T> };
}

function view(type: ColumnType, bytes: Uint8Array): Arrays[ColumnType] {
  if (type === "u8" || type === "b16") return bytes;
  const copy = new Uint8Array(bytes).buffer; // a Buffer's own slice() would be a view, not a copy
  if (type === "u16") return new Uint16Array(copy);
  if (type === "u32") return new Uint32Array(copy);
  return new Float64Array(copy);
}
