/**
 * Columns of one batch as typed arrays that are written in place and used again for the next batch. The
 * contract's ColumnWriter takes row objects, which is too dear at twenty thousand rows a second.
 */
import { allocate, type Columns, type ColumnTable, type ColumnType } from "@millrace/contract/column";

type Wide<T extends ColumnTable> = { [K in keyof T as T[K] extends "b16" ? K : never]: Uint32Array };

export class ColumnBlock<T extends ColumnTable> {
  readonly #maxRows: number;
  readonly columns: Columns<T>;
  /** The 16-byte columns as words. */
  readonly words: Wide<T>;
  rows = 0;

  constructor(table: T, maxRows: number) {
    this.#maxRows = maxRows;
    const names = Object.keys(table) as (keyof T & string)[];
    const arrays = names.map((name) => [name, allocate(table[name] as ColumnType, maxRows)] as const);
    this.columns = Object.fromEntries(arrays) as Columns<T>;
    const wide = arrays.filter(([name]) => table[name] === "b16");
    this.words = Object.fromEntries(
      wide.map(([name, array]) => [name, new Uint32Array(array.buffer)]),
    ) as Wide<T>;
  }
  get full(): boolean {
    return this.rows >= this.#maxRows;
  }
}
