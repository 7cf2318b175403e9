/**
 * PostgreSQL's binary COPY format, written value by value into one growing buffer: no object and no string
 * a row. It knows the format only; which columns a table has is rows.ts's.
 * The format: https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format".
 */
const SIGNATURE = Buffer.from("PGCOPY\n\xff\r\n\0", "latin1");
const HEADER_BYTES = SIGNATURE.length + 8; // flags, length of the extension: both 0
const TWO_TO_32 = 4_294_967_296;
/** Microseconds between 1970 and 2000, where Postgres' timestamps begin. */
const POSTGRES_EPOCH_US = 946_684_800_000_000;
const FAMILY_V4 = 2;
const FAMILY_V6 = 3;
const INT8_OID = 20;
/** No single value is larger, arrays of int8 up to 200 elements included. */
const LARGEST_VALUE = 4096;

export class CopyWriter {
  #bytes: Buffer;
  #view: DataView;
  #at = HEADER_BYTES;

  constructor(expectedBytes: number) {
    this.#bytes = Buffer.allocUnsafe(HEADER_BYTES + expectedBytes + LARGEST_VALUE);
    this.#view = viewOf(this.#bytes);
    SIGNATURE.copy(this.#bytes);
    this.#bytes.fill(0, SIGNATURE.length, HEADER_BYTES);
  }

  row(fields: number): void {
    this.#reserve();
    this.#view.setInt16(this.#at, fields);
    this.#at += 2;
  }
  absent(): void {
    this.#reserve();
    this.#view.setInt32(this.#at, -1);
    this.#at += 4;
  }
  bool(value: number): void {
    this.#length(1);
    this.#bytes[this.#at++] = value ? 1 : 0;
  }
  int2(value: number): void {
    this.#length(2);
    this.#view.setInt16(this.#at, value);
    this.#at += 2;
  }
  int4(value: number): void {
    this.#length(4);
    this.#view.setInt32(this.#at, value);
    this.#at += 4;
  }
  /** A safe integer. */
  int8(value: number): void {
    this.#length(8);
    this.#put8(value);
  }
  /** The two halves of what doesn't fit a number. */
  int8Halves(high: number, low: number): void {
    this.#length(8);
    this.#view.setUint32(this.#at, high);
    this.#view.setUint32(this.#at + 4, low);
    this.#at += 8;
  }
  timestamptz(us: number): void {
    this.#length(8);
    this.#put8(us - POSTGRES_EPOCH_US);
  }
  uuid(column: Uint8Array, row: number): void {
    this.#length(16);
    this.#take(column, row * 16, 16);
  }
  /** 16 bytes; IPv4 as ::ffff:a.b.c.d, stored as IPv4. */
  inet(column: Uint8Array, row: number): void {
    const at = row * 16;
    const v4 = isMapped(column, at);
    const size = v4 ? 4 : 16;
    this.#length(4 + size);
    this.#bytes[this.#at++] = v4 ? FAMILY_V4 : FAMILY_V6;
    this.#bytes[this.#at++] = size * 8; // prefix length
    this.#bytes[this.#at++] = 0; // no cidr
    this.#bytes[this.#at++] = size;
    this.#take(column, at + 16 - size, size);
  }
  int8Array(values: readonly number[]): void {
    this.#length(20 + values.length * 12);
    this.#view.setInt32(this.#at, 1); // dimensions
    this.#view.setInt32(this.#at + 4, 0); // no nulls
    this.#view.setInt32(this.#at + 8, INT8_OID);
    this.#view.setInt32(this.#at + 12, values.length);
    this.#view.setInt32(this.#at + 16, 1); // first index
    this.#at += 20;
    for (const value of values) {
      this.#view.setInt32(this.#at, 8);
      this.#at += 4;
      this.#put8(value);
    }
  }
  /** The whole message. The writer is not used after it. */
  finish(): Buffer {
    this.#reserve();
    this.#view.setInt16(this.#at, -1);
    return this.#bytes.subarray(0, this.#at + 2);
  }

  #length(bytes: number): void {
    this.#reserve();
    this.#view.setInt32(this.#at, bytes);
    this.#at += 4;
  }
  #put8(value: number): void {
    const high = Math.floor(value / TWO_TO_32);
    this.#view.setInt32(this.#at, high);
    this.#view.setUint32(this.#at + 4, value - high * TWO_TO_32);
    this.#at += 8;
  }
  #take(from: Uint8Array, at: number, size: number): void {
    for (let i = 0; i < size; i++) this.#bytes[this.#at + i] = from[at + i] as number;
    this.#at += size;
  }
  #reserve(): void {
    if (this.#at + LARGEST_VALUE <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(this.#bytes.length * 2);
    this.#bytes.copy(grown, 0, 0, this.#at);
    this.#bytes = grown;
    this.#view = viewOf(grown);
  }
}

const viewOf = (bytes: Buffer): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** True for ::ffff:0:0/96, the form of IPv4 addresses in our columns. */
export function isMapped(column: Uint8Array, at: number): boolean {
  for (let i = 0; i < 10; i++) if (column[at + i] !== 0) return false;
  return column[at + 10] === 0xff && column[at + 11] === 0xff;
}
