/**
 * One batch in the making: columns, dictionaries, and the baseline changes that go with its rows. Commit
 * writes both to the spool in one record and only then moves the baselines; when the spool refuses,
 * nothing has happened and the rows will be read again. Knows nothing of the kernel's tables.
 */
import {
  BATCH_MAX_ROWS,
  BATCH_VERSION,
  type BatchHead,
  DROP_COLUMNS,
  type EndpointReport,
  FLOW_COLUMNS,
  type Loss,
  SERVICE_COLUMNS,
  TRANSLATION_COLUMNS,
  type Workload,
} from "@millrace/contract/batch";
import { type BatchColumns, packBatch } from "@millrace/contract/batch-wire";
import { ColumnWriter } from "@millrace/contract/column";
import { Packr } from "msgpackr";
import { mergeLosses } from "../spool/record.ts";
import type { Spool } from "../spool/spool.ts";
import { TUPLE_WORDS } from "../translation/tuple.ts";
import type { Baselines } from "./baselines.ts";
import { ColumnBlock } from "./column-block.ts";
import { compress } from "./compress.ts";
import type { EndpointState } from "./endpoint-baseline.ts";
import { FlowChanges } from "./flow-baseline.ts";

const MAX_PLACES = 5000;
const MAX_REASONS = 500;
/**
 * Workloads and endpoints together, after which a batch is full. At most 2.1 MB of rows, places and reasons come
 * to that, and what one more row brings along (0.2 MB): BATCH_MAX_BYTES is never reached.
 */
const MAX_HEAD_BYTES = 1 << 20;
const packr = new Packr({ useRecords: false });

/** Values with the number they go by in one batch, from 1. */
class Dictionary<T> {
  readonly #numbers = new Map<T, number>();
  readonly values: T[] = [];
  readonly #weigh: (value: T) => number;
  /** What the values come to, as `weigh` has it. */
  bytes = 0;

  constructor(weigh: (value: T) => number = () => 0) {
    this.#weigh = weigh;
  }
  number(value: T, limit = Number.POSITIVE_INFINITY): number {
    const known = this.#numbers.get(value);
    if (known !== undefined) return known;
    if (this.values.length >= limit) return 0;
    const number = this.values.push(value);
    this.bytes += this.#weigh(value);
    this.#numbers.set(value, number);
    return number;
  }
  clear(): void {
    this.#numbers.clear();
    this.values.length = 0;
    this.bytes = 0;
  }
}

export type Interval = { fromUs: number; toUs: number };

export class BatchBuilder {
  readonly flows = new ColumnBlock(FLOW_COLUMNS, BATCH_MAX_ROWS);
  readonly drops = new ColumnWriter(DROP_COLUMNS, { maxRows: BATCH_MAX_ROWS });
  readonly translations = new ColumnBlock(TRANSLATION_COLUMNS, BATCH_MAX_ROWS);
  readonly services = new ColumnBlock(SERVICE_COLUMNS, BATCH_MAX_ROWS);
  readonly flowChanges = new FlowChanges();
  readonly #spool: Spool;
  readonly #baselines: Baselines;
  readonly #nowMs: () => number;
  readonly #workloads = new Dictionary<Workload>(bytesOf);
  readonly #reasons = new Dictionary<string>();
  readonly #places = new Dictionary<string>();
  readonly #endpointAt = new Map<number, number>();
  #endpoints: EndpointReport[] = [];
  #endpointBytes = 0;
  #endpointChanges: EndpointState[] = [];
  #dropChanges: Uint8Array[] = [];
  #lost: Loss[] = [];
  #tallies: Record<string, number> = {};
  #interval: Interval = { fromUs: 0, toUs: 0 };
  /** Since the builder was made. */
  readonly totals = { batches: 0, flowRows: 0, dropRows: 0, bytes: 0 };

  constructor(options: { spool: Spool; baselines: Baselines; nowMs: () => number }) {
    this.#spool = options.spool;
    this.#baselines = options.baselines;
    this.#nowMs = options.nowMs;
  }

  begin(interval: Interval): void {
    this.#interval = interval;
    this.#clear();
  }
  /** When the interval ends, µs since 1970. */
  get toUs(): number {
    return this.#interval.toUs;
  }
  get isEmpty(): boolean {
    const rows = this.flows.rows + this.drops.rows + this.#endpoints.length;
    return rows + this.#lost.length + this.#spool.owed.length === 0;
  }

  /** It must be committed before anything is added. */
  get full(): boolean {
    const headBytes = this.#workloads.bytes + this.#endpointBytes;
    return this.flows.full || this.drops.full || headBytes >= MAX_HEAD_BYTES;
  }

  /** 0: nothing is known of that end. */
  workload(workload: Workload | undefined): number {
    return workload ? this.#workloads.number(workload) : 0;
  }
  reason(name: string): number {
    return this.#reasons.number(name.slice(0, 80), MAX_REASONS);
  }
  place(name: string): number {
    return this.#places.number(name.slice(0, 120), MAX_PLACES);
  }
  /** The endpoint's number in this batch, once `addEndpoint` has put it there. */
  endpointNumber(id: number): number | undefined {
    return this.#endpointAt.get(id);
  }
  addEndpoint(
    change: EndpointState,
    counts: Omit<EndpointReport, "workload" | "uid" | "interface" | "addresses">,
  ): number {
    const number = this.#endpoints.length;
    const { uid, addresses } = change;
    const workload = this.workload(change.workload);
    const report = { uid, workload, interface: change.interface, addresses, ...counts };
    this.#endpoints.push(report);
    this.#endpointBytes += bytesOf(report);
    this.#endpointChanges.push(change);
    this.#endpointAt.set(change.id, number);
    return number;
  }
  /** The other side of the flow row under way, in its direction: source first. */
  addTranslation(tuple: Uint32Array): void {
    const { columns, words, rows } = this.translations;
    columns.row[rows] = this.flows.rows;
    words.src.set(tuple.subarray(0, 4), rows * 4);
    words.dst.set(tuple.subarray(4, 8), rows * 4);
    const ports = tuple[TUPLE_WORDS - 1] as number;
    columns.srcPort[rows] = swap16(ports & 0xffff);
    columns.dstPort[rows] = swap16(ports >>> 16);
    this.translations.rows++;
  }
  /** What the source of the flow row under way asked for: the destination of the tuple. */
  addService(tuple: Uint32Array): void {
    const { columns, words, rows } = this.services;
    columns.row[rows] = this.flows.rows;
    words.address.set(tuple.subarray(4, 8), rows * 4);
    columns.port[rows] = swap16((tuple[TUPLE_WORDS - 1] as number) >>> 16);
    this.services.rows++;
  }
  addDropChange(entry: Uint8Array): void {
    this.#dropChanges.push(entry);
  }
  /** A loss the kernel or we counted; `tally` is the counter as it stands, so that it is told once. */
  addLoss(what: Loss["what"], count: number, tally: { name: string; value: number }): void {
    this.#lost.push({ what, count, firstSequence: null, lastSequence: null });
    this.#tallies[tally.name] = tally.value;
  }

  /** Writes and empties the batch. False: the spool can't be written, nothing has moved. */
  commit(): boolean {
    const lost = mergeLosses(this.#spool.owed, this.#lost);
    const head = this.#head(lost);
    const packed = packr.pack({ ...head, ...packBatch(head, this.#columns()) });
    const { payload, compressed } = compress(packed);
    const changes = {
      flows: this.flowChanges.bytes(),
      drops: Buffer.concat(this.#dropChanges),
      translations: this.#baselines.translations.changes(),
      endpoints: this.#endpointChanges,
      tallies: this.#tallies,
    };
    const written = this.#spool.append(
      { atMs: this.#nowMs(), flowRows: this.flows.rows, lost, compressed },
      payload,
      this.#baselines.encode(changes),
    );
    if (!written.ok) return false;
    this.#baselines.apply(changes);
    this.#baselines.translations.committed();
    this.#count(payload.length);
    this.#clear();
    return true;
  }

  #columns(): BatchColumns {
    const [flows, drops] = [this.flows.columns, this.drops.columns()];
    return { flows, drops, translations: this.translations.columns, services: this.services.columns };
  }
  #head(lost: Loss[]): BatchHead {
    return {
      v: BATCH_VERSION,
      incarnation: this.#spool.incarnation,
      sequence: this.#spool.nextSequence,
      from: this.#interval.fromUs,
      to: this.#interval.toUs,
      workloads: this.#workloads.values,
      reasons: this.#reasons.values,
      places: this.#places.values,
      endpoints: this.#endpoints,
      lost,
      flowRows: this.flows.rows,
      dropRows: this.drops.rows,
      translationRows: this.translations.rows,
      serviceRows: this.services.rows,
    };
  }

  #count(bytes: number): void {
    this.totals.batches++;
    this.totals.flowRows += this.flows.rows;
    this.totals.dropRows += this.drops.rows;
    this.totals.bytes += bytes;
  }

  #clear(): void {
    this.flows.rows = 0;
    this.drops.rows = 0;
    this.translations.rows = 0;
    this.services.rows = 0;
    this.flowChanges.clear();
    for (const dictionary of [this.#workloads, this.#reasons, this.#places]) dictionary.clear();
    this.#endpointAt.clear();
    this.#endpoints = [];
    this.#endpointBytes = 0;
    this.#endpointChanges = [];
    this.#dropChanges = [];
    this.#lost = [];
    this.#tallies = {};
  }
}

/** As JSON, which is never shorter than msgpack. */
const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));
const swap16 = (port: number): number => ((port & 0xff) << 8) | (port >>> 8);
