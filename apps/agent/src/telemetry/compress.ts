/**
 * A batch's bytes made small for spool and wire. Brotli's low qualities find as much in packed columns as gzip
 * does and cost a third; the better one is for batches small enough that it doesn't matter.
 */
import { brotliCompressSync, constants } from "node:zlib";
import type { Compression } from "../spool/record.ts";

const FROM_BYTES = 512;
const LARGE_BYTES = 128 << 10;
const QUALITY = { small: 4, large: 2 };

export function compress(bytes: Uint8Array): { payload: Uint8Array; compressed: Compression } {
  if (bytes.byteLength < FROM_BYTES) return { payload: bytes, compressed: false };
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: bytes.byteLength < LARGE_BYTES ? QUALITY.small : QUALITY.large,
    [constants.BROTLI_PARAM_SIZE_HINT]: bytes.byteLength,
    [constants.BROTLI_PARAM_LGWIN]: 18, // 256 KB: the encoder's memory goes by it
  };
  return { payload: brotliCompressSync(bytes, { params }), compressed: "br" };
}
