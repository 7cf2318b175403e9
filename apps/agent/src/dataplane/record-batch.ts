/** The framing of ring batches: u32 length, u32 zero, payload padded to 8. Not the records' own layouts. */

/** Calls with each payload; false when the bytes end in the middle of one. */
export function eachRecord(batch: Uint8Array, call: (payload: DataView) => void): boolean {
  const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength);
  let at = 0;
  while (at + 8 <= view.byteLength) {
    const length = view.getUint32(at, true);
    if (at + 8 + length > view.byteLength) return false;
    call(new DataView(view.buffer, view.byteOffset + at + 8, length));
    at += 8 + ((length + 7) & ~7);
  }
  return at >= view.byteLength;
}
