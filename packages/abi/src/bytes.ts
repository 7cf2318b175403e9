/*
 * Fixed byte arrays in and out of a DataView, for the generated decoders. Nothing about any one layout.
 */

/** A copy: records are decoded from buffers that the reader reuses. */
export function bytesAt(view: DataView, at: number, length: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + at, length).slice();
}

/** A shorter value is filled up with zeros; a longer one is a mistake of the caller. */
export function putBytes(value: Uint8Array, view: DataView, at: number, length: number): void {
  if (value.length > length) throw new RangeError(`${value.length} bytes for a field of ${length}`);
  const field = new Uint8Array(view.buffer, view.byteOffset + at, length);
  field.fill(0);
  field.set(value);
}
