/**
 * Batches on disk until the server has them, together with the baselines they move: one record, one write.
 * If the write succeeded, the batch will be sent and its increments are never read again; if it did not,
 * neither happened. Not a database: files are only appended to, and removed from the oldest on.
 */
import path from "node:path";
import type { Loss } from "@millrace/contract/batch";
import type { Incarnation } from "@millrace/contract/ids";
import { nodeDisk, type SpoolDisk } from "./disk.ts";
import { lengthOf, type Pieces } from "./frame.ts";
import {
  ackFrame,
  type BatchRecord,
  batchFrame,
  endFrame,
  headerFrame,
  lostFrame,
  mergeLosses,
} from "./record.ts";
import {
  dropUpTo,
  type PendingBatch,
  recover,
  type SegmentFile,
  type StoredBaseline,
  segmentName,
  type Unended,
} from "./recover.ts";

export type SpoolOptions = {
  directory: string;
  incarnation: Incarnation;
  limitBytes: number;
  /** A segment is closed when it has grown to this; the oldest segment is what goes when space is short. */
  segmentBytes?: number;
  disk?: SpoolDisk;
  /** All baselines as they are committed now: what each segment begins with. */
  snapshot: () => Pieces;
};
export type Appended = { ok: true } | { ok: false; reason: string };

export class Spool {
  readonly incarnation: Incarnation;
  readonly #options: SpoolOptions;
  readonly #disk: SpoolDisk;
  readonly #segmentBytes: number;
  #segments: SegmentFile[];
  #pending: PendingBatch[];
  #owed: Loss[];
  #unusable: string[];
  #fd: number | undefined;
  #sequence = 0;
  /** Twice the snapshot at least, so that a large table doesn't make every record a new segment. */
  #fullAt = 0;
  /** The newest batch, kept because it is usually sent at once. */
  #recent: { batch: PendingBatch; payload: Uint8Array } | undefined;
  /** Why the last write failed; undefined when it didn't. */
  failure: string | undefined;
  failures = 0;
  #baseline: StoredBaseline | undefined;
  /** Of the life before this one. */
  readonly unended: Unended | undefined;

  constructor(options: SpoolOptions) {
    this.#options = options;
    this.incarnation = options.incarnation;
    this.#disk = options.disk ?? nodeDisk;
    this.#segmentBytes = options.segmentBytes ?? Math.min(32 << 20, Math.ceil(options.limitBytes / 8));
    const found = recover(this.#disk, options.directory);
    this.#segments = found.segments;
    this.#pending = found.pending;
    this.#owed = found.owed;
    this.#unusable = found.unusable;
    this.#baseline = found.baseline;
    this.unended = found.unended;
  }

  /** What an earlier life had reported, once: with it goes the last segment's whole content. */
  takeBaseline(): StoredBaseline | undefined {
    const taken = this.#baseline;
    this.#baseline = undefined;
    return taken;
  }

  get nextSequence(): number {
    return this.#sequence + 1;
  }
  /** What was thrown away and not yet told: goes into the next batch. */
  get owed(): readonly Loss[] {
    return this.#owed;
  }
  /** Losses from before the first batch; `begin` writes them down. */
  owe(losses: readonly Loss[]): void {
    this.#owed = mergeLosses(this.#owed, losses);
  }
  get segments(): readonly SegmentFile[] {
    return this.#segments;
  }
  get oldest(): PendingBatch | undefined {
    return this.#pending[0];
  }
  stats(): { batches: number; bytes: number; limitBytes: number; oldestMs: number | null } {
    return {
      batches: this.#pending.length,
      bytes: this.#segments.reduce((sum, segment) => sum + segment.bytes, 0),
      limitBytes: this.#options.limitBytes,
      oldestMs: this.#pending[0]?.atMs ?? null,
    };
  }

  /** Puts the baselines on disk as they are now: the first thing a new life does. */
  begin(): Appended {
    return this.#attempt(() => this.#rotate());
  }

  /** The batch must carry `nextSequence` and all of `owed`. On failure nothing has changed. */
  append(
    batch: Omit<BatchRecord, "incarnation" | "sequence">,
    payload: Uint8Array,
    changes: Pieces,
  ): Appended {
    const head: BatchRecord = { ...batch, incarnation: this.incarnation, sequence: this.nextSequence };
    const bytes = batchFrame(head, changes, payload);
    const written = this.#write(bytes);
    if (!written.ok) return written;
    this.#sequence++;
    this.#owed = [];
    const segment = this.#segments.at(-1) as SegmentFile;
    const offset = segment.bytes - payload.byteLength;
    const pending = { ...head, file: segment.file, offset, bytes: payload.byteLength };
    this.#pending.push(pending);
    this.#recent = { batch: pending, payload };
    this.#makeRoom();
    return { ok: true };
  }

  payload(batch: PendingBatch): Uint8Array {
    if (this.#recent?.batch === batch) return this.#recent.payload;
    return this.#disk.readAt(batch.file, batch.offset, batch.bytes);
  }

  /** The server has stored this batch. That it could not be written down costs a resend after a restart. */
  acknowledge(batch: PendingBatch): void {
    const dropped = dropUpTo(this.#pending, batch);
    if (dropped.length === 0) return;
    this.#recent = undefined;
    const { incarnation, sequence } = batch;
    if (this.#fd !== undefined) this.#write(ackFrame({ incarnation, sequence }));
    this.#sweep();
  }

  /** The server will never take this batch: counted as lost, with all that it was to report. */
  reject(batch: PendingBatch): void {
    if (this.#pending[0] === batch) this.#giveUp([batch]);
  }

  /** All that was counted is in here: the next life need not fear for more. */
  end(): void {
    this.#write(endFrame({ incarnation: this.incarnation }));
  }

  close(): void {
    if (this.#fd !== undefined) this.#disk.close(this.#fd);
    this.#fd = undefined;
  }

  #write(bytes: Pieces): Appended {
    return this.#attempt(() => {
      const current = this.#segments.at(-1);
      if (this.#fd === undefined || !current || current.bytes >= this.#fullAt) this.#rotate();
      this.#put(bytes);
    });
  }

  #attempt(write: () => void): Appended {
    try {
      write();
      this.failure = undefined;
      return { ok: true };
    } catch (error) {
      this.failure = `the spool can't be written: ${(error as Error).message}`;
      this.failures++;
      return { ok: false, reason: this.failure };
    }
  }

  /** All or nothing: what a full disk took of a record is cut off again. */
  #put(bytes: Pieces): void {
    const length = lengthOf(bytes);
    const segment = this.#segments.at(-1) as SegmentFile;
    const fd = this.#fd as number;
    let written = 0;
    try {
      written = this.#disk.write(fd, bytes);
      if (written < length) throw new Error(`only ${written} of ${length} bytes fit`);
      segment.bytes += length;
      segment.empty = false;
    } catch (error) {
      this.#cutOff(fd, segment.bytes);
      throw error;
    }
  }

  /** A tail that can't be cut off closes the segment: its reader stops there, and the next begins anew. */
  #cutOff(fd: number, length: number): void {
    try {
      this.#disk.truncate(fd, length);
    } catch {
      this.#disk.close(fd);
      this.#fd = undefined;
    }
  }

  #rotate(): void {
    const number = (this.#segments.at(-1)?.number ?? 0) + 1;
    const file = path.join(this.#options.directory, segmentName(number));
    const pieces = headerFrame({ v: 1, lost: [...this.#owed] }, this.#options.snapshot());
    const bytes = lengthOf(pieces);
    this.#clearTorn();
    const fd = this.#disk.create(file);
    try {
      const written = this.#disk.write(fd, pieces);
      if (written < bytes) throw new Error(`only ${written} of ${bytes} bytes fit`);
    } catch (error) {
      this.#disk.close(fd);
      // One that can't be removed either bears the name that the next try needs: it goes first then.
      if (!this.#remove(file)) this.#unusable.push(file);
      throw error;
    }
    this.close();
    this.#fd = fd;
    this.#segments = this.#segments.filter((segment) => !segment.empty || !this.#remove(segment.file));
    this.#segments.push({ file, number, bytes, empty: true });
    this.#fullAt = Math.max(this.#segmentBytes, 2 * bytes);
    this.#sweep();
  }

  /** Half-made segments of an earlier life; one of them may bear the name we need. */
  #clearTorn(): void {
    this.#unusable = this.#unusable.filter((file) => !this.#remove(file));
  }

  /** Removes segments from the oldest on, while nothing in them is waited for. Never the newest. */
  #sweep(): void {
    const needed = this.#pending[0]?.file ?? this.#segments.at(-1)?.file;
    while (this.#segments.length > 1 && this.#segments[0]?.file !== needed) {
      if (!this.#remove((this.#segments[0] as SegmentFile).file)) return;
      this.#segments.shift();
    }
  }

  /** race: killed between the record and the removal, the next life finds the record and sweeps. */
  #makeRoom(): void {
    while (this.#segments.length > 1 && this.stats().bytes > this.#options.limitBytes) {
      const oldest = (this.#segments[0] as SegmentFile).file;
      const batches = this.#pending.filter((batch) => batch.file === oldest);
      const before = this.#segments.length;
      if (batches.length > 0) this.#giveUp(batches);
      else this.#sweep();
      if (this.#segments.length >= before) return;
    }
  }

  #giveUp(batches: PendingBatch[]): void {
    const last = batches.at(-1) as PendingBatch;
    const lost = batches.reduce((sum, batch) => mergeLosses(sum, this.#lossOf(batch)), [] as Loss[]);
    const { incarnation, sequence } = last;
    if (!this.#write(lostFrame({ incarnation, sequence, lost })).ok) return;
    dropUpTo(this.#pending, last);
    this.#owed = mergeLosses(this.#owed, lost);
    this.#recent = undefined;
    this.#sweep();
  }

  #lossOf(batch: PendingBatch): Loss[] {
    const ours = batch.incarnation === this.incarnation ? batch.sequence : null;
    const range = { firstSequence: ours, lastSequence: ours };
    const rows: Loss[] = batch.flowRows ? [{ what: "flow-updates", count: batch.flowRows, ...range }] : [];
    return mergeLosses([{ what: "batches", count: 1, ...range }, ...rows], batch.lost);
  }

  #remove(file: string): boolean {
    try {
      this.#disk.remove(file);
      return true;
    } catch {
      return false; // tried again at the next sweep
    }
  }
}
