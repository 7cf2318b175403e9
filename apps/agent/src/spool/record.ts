/**
 * What the spool's records say, and their bytes. A batch record carries the batch as it will be sent and
 * the baseline changes it stands for; the spool understands neither. Heads are JSON: small, and readable
 * in a hex dump when somebody has to.
 */
import { type Loss, Loss as LossSchema } from "@millrace/contract/batch";
import { Incarnation } from "@millrace/contract/ids";
import { z } from "zod";
import {
  FRAME_HEADER_BYTES,
  type Frame,
  FrameKind,
  frame,
  joinParts,
  type Pieces,
  splitParts,
} from "./frame.ts";

/** Opens every segment, with a snapshot of all baselines behind it. */
export const SegmentHeader = z.object({ v: z.literal(1), lost: z.array(LossSchema) });
export type SegmentHeader = z.infer<typeof SegmentHeader>;

/** How a batch's payload is compressed, as HTTP names it. */
export const Compression = z.literal([false, "br"]);
export type Compression = z.infer<typeof Compression>;

export const BatchRecord = z.object({
  incarnation: Incarnation,
  sequence: z.int().positive(),
  atMs: z.number(),
  flowRows: z.int().nonnegative(),
  /** Losses this batch reports: should it be thrown away itself, they have to be reported again. */
  lost: z.array(LossSchema),
  compressed: Compression,
});
export type BatchRecord = z.infer<typeof BatchRecord>;

/** Everything up to and including this batch is stored at the server. */
export const AckRecord = z.object({ incarnation: Incarnation, sequence: z.int().positive() });
export type AckRecord = z.infer<typeof AckRecord>;

/** Everything up to and including this batch was thrown away; the losses are owed to the server. */
export const LostRecord = AckRecord.extend({ lost: z.array(LossSchema) });
export type LostRecord = z.infer<typeof LostRecord>;

/** The last word of a life that read all counters once more before it ended. */
export const EndRecord = z.object({ incarnation: Incarnation });
export type EndRecord = z.infer<typeof EndRecord>;

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

export const headerFrame = (header: SegmentHeader, snapshot: Pieces): Pieces =>
  frame(FrameKind.HEADER, joinParts([[json(header)], snapshot]));
/** The payload stands last, at `payloadOffset` bytes before the frame's end. */
export const batchFrame = (head: BatchRecord, changes: Pieces, payload: Uint8Array): Pieces =>
  frame(FrameKind.BATCH, joinParts([[json(head)], changes, [payload]]));
export const ackFrame = (ack: AckRecord): Pieces => frame(FrameKind.ACK, [json(ack)]);
export const lostFrame = (lost: LostRecord): Pieces => frame(FrameKind.LOST, [json(lost)]);

export const endFrame = (end: EndRecord): Pieces => frame(FrameKind.END, [json(end)]);

export type SpoolRecord =
  | { kind: "header"; header: SegmentHeader; snapshot: Buffer }
  | { kind: "batch"; head: BatchRecord; changes: Buffer; payloadOffset: number; payloadBytes: number }
  | { kind: "ack"; ack: AckRecord }
  | { kind: "lost"; lost: LostRecord }
  | { kind: "end"; end: EndRecord };

function parse<T>(schema: z.ZodType<T>, bytes: Buffer | undefined): T | undefined {
  if (!bytes) return undefined;
  try {
    return schema.safeParse(JSON.parse(bytes.toString())).data;
  } catch {
    return undefined; // not JSON: the same as not ours
  }
}

/** Undefined when the frame is whole but says nothing we know: a newer agent wrote it. */
export function readRecord(record: Frame): SpoolRecord | undefined {
  const { kind, payload } = record;
  if (kind === FrameKind.HEADER) {
    const [head, snapshot] = splitParts(payload, 2) ?? [];
    const header = parse(SegmentHeader, head);
    return header && snapshot ? { kind: "header", header, snapshot } : undefined;
  }
  if (kind === FrameKind.BATCH) {
    const [first, changes, batch] = splitParts(payload, 3) ?? [];
    const head = parse(BatchRecord, first);
    if (!head || !changes || !batch) return undefined;
    const payloadOffset = record.offset + FRAME_HEADER_BYTES + payload.length - batch.length;
    return { kind: "batch", head, changes, payloadOffset, payloadBytes: batch.length };
  }
  if (kind === FrameKind.ACK) {
    const ack = parse(AckRecord, payload);
    return ack && { kind: "ack", ack };
  }
  if (kind === FrameKind.LOST) {
    const lost = parse(LostRecord, payload);
    return lost && { kind: "lost", lost };
  }
  if (kind === FrameKind.END) {
    const end = parse(EndRecord, payload);
    return end && { kind: "end", end };
  }
  return undefined;
}

/** Adds up losses of the same kind, so that the list stays short however long the outage. */
export function mergeLosses(a: readonly Loss[], b: readonly Loss[]): Loss[] {
  const merged = new Map<Loss["what"], Loss>();
  for (const loss of [...a, ...b]) {
    const known = merged.get(loss.what);
    merged.set(loss.what, known ? mergeLoss(known, loss) : loss);
  }
  return [...merged.values()];
}

function mergeLoss(a: Loss, b: Loss): Loss {
  return {
    what: a.what,
    count: a.count + b.count,
    firstSequence: pick(Math.min, a.firstSequence, b.firstSequence),
    lastSequence: pick(Math.max, a.lastSequence, b.lastSequence),
  };
}
const pick = (choose: (a: number, b: number) => number, a: number | null, b: number | null): number | null =>
  a === null ? b : b === null ? a : choose(a, b);
