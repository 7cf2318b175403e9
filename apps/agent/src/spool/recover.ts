/**
 * Reads what an earlier life left in the spool: the last whole snapshot, the changes after it, the batches
 * nobody acknowledged, the losses still owed. Reads only; what is useless is named, not removed.
 */
import path from "node:path";
import type { Loss } from "@millrace/contract/batch";
import type { SpoolDisk } from "./disk.ts";
import { FrameKind, readFrames } from "./frame.ts";
import { type BatchRecord, mergeLosses, readRecord, type SpoolRecord } from "./record.ts";

export type PendingBatch = BatchRecord & { file: string; offset: number; bytes: number };
export type SegmentFile = {
  file: string;
  number: number;
  bytes: number;
  /** Nothing but its snapshot: of no use once there is a newer one. */
  empty: boolean;
};
/** Views of a segment's content. */
export type StoredBaseline = { snapshot: Buffer; changes: Buffer[] };
/** When its last batch was stored. */
export type Unended = { lastBatchMs: number | undefined };
export type Recovered = {
  segments: SegmentFile[];
  /** In the order they were written, which is the order to send them in. */
  pending: PendingBatch[];
  owed: Loss[];
  /** Absent when there is no usable segment: nothing is known of what was reported. */
  baseline: StoredBaseline | undefined;
  /** The last life didn't say that it ended: it may have counted more than it stored. */
  unended: Unended | undefined;
  /** Files without a whole header: their agent died while making them. */
  unusable: string[];
};

const SEGMENT = /^segment-(\d{10})\.spool$/;
export const segmentName = (number: number): string => `segment-${String(number).padStart(10, "0")}.spool`;

export function recover(disk: SpoolDisk, directory: string): Recovered {
  const out: Recovered = {
    ...{ segments: [], pending: [], owed: [], unusable: [] },
    ...{ baseline: undefined, unended: undefined },
  };
  const files = disk
    .list(directory)
    .filter((file) => SEGMENT.test(path.basename(file)))
    .sort();
  for (const file of files) {
    const bytes = disk.read(file);
    const { frames } = readFrames(bytes);
    const records = frames.map(readRecord);
    const usable = records[0]?.kind === "header";
    const number = Number(SEGMENT.exec(path.basename(file))?.[1]);
    if (usable) out.segments.push({ file, number, bytes: bytes.length, empty: records.length === 1 });
    else out.unusable.push(file);
    for (const [i, record] of records.entries()) {
      if (usable && record) replay(out, file, record);
      else if (frames[i]?.kind === FrameKind.BATCH) out.owed = mergeLosses(out.owed, STRANGE_BATCH);
    }
  }
  // Sequence numbers of an earlier life mean nothing beside the ones to come.
  out.owed = out.owed.map((loss) => ({ ...loss, firstSequence: null, lastSequence: null }));
  return out;
}

/** Whole and yet not to be sent: another version's, or in a file whose beginning is another version's. */
const STRANGE_BATCH: Loss[] = [{ what: "batches", count: 1, firstSequence: null, lastSequence: null }];

function replay(out: Recovered, file: string, record: SpoolRecord): void {
  if (record.kind === "header") {
    out.baseline = { snapshot: record.snapshot, changes: [] };
    out.unended ??= { lastBatchMs: undefined };
    out.owed = record.header.lost;
  } else if (record.kind === "batch") {
    out.baseline?.changes.push(record.changes);
    out.pending.push({ ...record.head, file, offset: record.payloadOffset, bytes: record.payloadBytes });
    out.unended = { lastBatchMs: record.head.atMs };
    out.owed = [];
  } else if (record.kind === "end") {
    out.unended = undefined;
  } else if (record.kind === "ack") {
    dropUpTo(out.pending, record.ack);
  } else {
    dropUpTo(out.pending, record.lost);
    out.owed = mergeLosses(out.owed, record.lost.lost);
  }
}

/** Batches go in order, so what is known of one holds for all before it. */
export function dropUpTo(
  pending: PendingBatch[],
  batch: { incarnation: string; sequence: number },
): PendingBatch[] {
  const at = pending.findIndex((p) => p.incarnation === batch.incarnation && p.sequence === batch.sequence);
  return at < 0 ? [] : pending.splice(0, at + 1);
}
