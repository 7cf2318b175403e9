/**
 * Columns instead of rows: a table of records as one typed array per field. This file is the form and its
 * writer; what the columns are stands in batch.ts, how they travel in batch-wire.ts.
 */
export type ColumnType = keyof Arrays;
export type ColumnTable = Readonly<Record<string, ColumnType>>;
export type ColumnValue<T extends ColumnType> = T extends "b16" ? Uint8Array : number;
export type ColumnRow<T extends ColumnTable> = { [K in keyof T]: ColumnValue<T[K]> };

type Arrays = { u8: Uint8Array; u16: Uint16Array; u32: Uint32Array; f64: Float64Array; b16: Uint8Array };
export type Columns<T extends ColumnTable> = { [K in keyof T]: Arrays[T[K]] };

/** Grows by doubling up to `maxRows`. */
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
  /** Cut to the rows written. Views: to be read before appending again. */
  columns(): Columns<T> {
    const cut = ([name, column]: [keyof T, Arrays[ColumnType]]) => {
      const width = this.#table[name] === "b16" ? 16 : 1;
      return [name, column.subarray(0, this.rows * width)];
    };
    return Object.fromEntries([...this.#columns].map(cut)) as Columns<T>;
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

export function allocate(type: ColumnType, rows: number): Arrays[ColumnType] {
  if (type === "u8") return new Uint8Array(rows);
  if (type === "u16") return new Uint16Array(rows);
  if (type === "u32") return new Uint32Array(rows);
  if (type === "f64") return new Float64Array(rows);
  return new Uint8Array(rows * 16);
}
