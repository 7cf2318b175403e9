/**
 * Columns of one batch as typed arrays that are written in place and used again for the next batch. The
 * contract's ColumnWriter takes row objects, which is too dear at twenty thousand rows a second; the bytes
 * are the same.
 */
import {
  type ColumnTable,
  type ColumnType,
  type RawColumns,
  type ReadColumns,
  WIDTH,
} from "@millrace/contract/column";

type Wide<T extends ColumnTable> = { [K in keyof T as T[K] extends "b16" ? K : never]: Uint32Array };

export class ColumnBlock<T extends ColumnTable> {
  readonly #table: T;
  readonly #maxRows: number;
  readonly #buffers: Map<keyof T, ArrayBuffer>;
  readonly columns: ReadColumns<T>;
  /** The 16-byte columns as words. */
  readonly words: Wide<T>;
  rows = 0;

  constructor(table: T, maxRows: number) {
    this.#table = table;
    this.#maxRows = maxRows;
    const names = Object.keys(table) as (keyof T & string)[];
    const widthOf = (name: keyof T) => WIDTH[table[name] as ColumnType];
    this.#buffers = new Map(names.map((name) => [name, new ArrayBuffer(widthOf(name) * maxRows)]));
    const bufferOf = (name: keyof T) => this.#buffers.get(name) as ArrayBuffer;
    const views = names.map((name) => [name, viewOf(table[name] as ColumnType, bufferOf(name))]);
    this.columns = Object.fromEntries(views) as ReadColumns<T>;
    const wide = names.filter((name) => table[name] === "b16");
    this.words = Object.fromEntries(wide.map((name) => [name, new Uint32Array(bufferOf(name))])) as Wide<T>;
  }
  get full(): boolean {
    return this.rows >= this.#maxRows;
  }
  /** Views, cut to the rows written: to be sent before the next is written. */
  raw(): RawColumns<T> {
    const out = {} as RawColumns<T>;
    for (const [name, buffer] of this.#buffers)
      out[name] = new Uint8Array(buffer, 0, this.rows * WIDTH[this.#table[name] as ColumnType]);
    return out;
  }
}

function viewOf(type: ColumnType, buffer: ArrayBuffer) {
  if (type === "u16") return new Uint16Array(buffer);
  if (type === "u32") return new Uint32Array(buffer);
  return type === "f64" ? new Float64Array(buffer) : new Uint8Array(buffer);
}
