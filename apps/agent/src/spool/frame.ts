/**
 * How a record lies in a spool file: kind, length, checksum, bytes. A frame that is not whole or whose
 * checksum is wrong ends the file for its reader: whatever follows was being written when the agent died.
 * Knows nothing of what records mean.
 */
import { crc32 } from "node:zlib";

export const FRAME_HEADER_BYTES = 16;
const MAGIC = 0x3153_524d; // "MRS1"

/** The numbers are on disk: append only. */
export const FrameKind = { HEADER: 1, BATCH: 2, ACK: 3, LOST: 4, END: 5 } as const;
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

export type Frame = { kind: number; payload: Buffer; offset: number };

/** Bytes in pieces, written by one call: a large piece is never copied to stand beside a small one. */
export type Pieces = readonly Uint8Array[];
export const lengthOf = (pieces: Pieces): number => pieces.reduce((sum, piece) => sum + piece.byteLength, 0);

export function frame(kind: FrameKind, pieces: Pieces): Pieces {
  const header = Buffer.allocUnsafe(FRAME_HEADER_BYTES);
  header.writeUInt32LE(MAGIC, 0);
  header.writeUInt32LE(kind, 4);
  header.writeUInt32LE(lengthOf(pieces), 8);
  header.writeUInt32LE(checksum(kind, pieces), 12);
  return [header, ...pieces];
}

/** The whole frames from the start; `end` is where the first doubtful byte stands. */
export function readFrames(file: Buffer): { frames: Frame[]; end: number } {
  const frames: Frame[] = [];
  let at = 0;
  while (at + FRAME_HEADER_BYTES <= file.length) {
    const kind = file.readUInt32LE(at + 4);
    const length = file.readUInt32LE(at + 8);
    const start = at + FRAME_HEADER_BYTES;
    if (file.readUInt32LE(at) !== MAGIC || start + length > file.length) break;
    const payload = file.subarray(start, start + length);
    if (file.readUInt32LE(at + 12) !== checksum(kind, [payload])) break;
    frames.push({ kind, payload, offset: at });
    at = start + length;
  }
  return { frames, end: at };
}

/** Of nothing, zlib forgets what it was given to begin with. */
const checksum = (kind: number, pieces: Pieces): number =>
  pieces.reduce((sum, piece) => (piece.byteLength > 0 ? crc32(piece, sum) : sum), kind);

/** Byte strings, each in pieces, with their lengths in front, so that a payload can hold several. */
export function joinParts(parts: readonly Pieces[]): Pieces {
  return parts.flatMap((pieces) => {
    const length = Buffer.allocUnsafe(4);
    length.writeUInt32LE(lengthOf(pieces));
    return [length, ...pieces];
  });
}

/** However many parts follow; undefined when there is no first one. */
export function splitFirst(payload: Buffer): Buffer | undefined {
  if (payload.length < 4) return undefined;
  const end = 4 + payload.readUInt32LE(0);
  return end <= payload.length ? payload.subarray(4, end) : undefined;
}

/** Undefined when the lengths don't add up to the payload. */
export function splitParts(payload: Buffer, count: number): Buffer[] | undefined {
  const parts: Buffer[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + 4 > payload.length) return undefined;
    const length = payload.readUInt32LE(at);
    if (at + 4 + length > payload.length) return undefined;
    parts.push(payload.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return at === payload.length ? parts : undefined;
}
