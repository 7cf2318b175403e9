/**
 * A push's body: read and unpacked, never beyond the largest batch. A few compressed bytes that would
 * become gigabytes are stopped at the limit. What the bytes mean is decode.ts's.
 */
import { promisify } from "node:util";
import { brotliDecompress } from "node:zlib";
import { BATCH_MAX_BYTES } from "@millrace/contract/batch";
import { AppError } from "@millrace/contract/error";

const unpacked = promisify(brotliDecompress);

export async function readBody(
  stream: ReadableStream<Uint8Array>,
  encoding: string | undefined,
): Promise<Buffer> {
  const bytes = await collect(stream);
  if (encoding === undefined || encoding === "identity") return bytes;
  if (encoding !== "br")
    throw new AppError("BAD_REQUEST", `content-encoding ${encoding.slice(0, 40)}`, {
      publicMessage: "content-encoding must be br or absent",
    });
  try {
    return await unpacked(bytes, { maxOutputLength: BATCH_MAX_BYTES });
  } catch (error) {
    if ((error as { code?: string }).code === "ERR_BUFFER_TOO_LARGE") throw tooLarge();
    throw new AppError("BAD_REQUEST", "the body is not br", {
      publicMessage: "the body is not br",
      cause: error,
    });
  }
}

async function collect(stream: ReadableStream<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream as unknown as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > BATCH_MAX_BYTES) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

function tooLarge(): AppError {
  const message = `a batch is at most ${BATCH_MAX_BYTES} bytes, unpacked`;
  return new AppError("TOO_LARGE", message, { publicMessage: message });
}
