// Batches of records from a BPF ring buffer, read on a thread of its own. Each batch: records back to back, each u32
// length (little-endian), u32 zero, payload, padding to 8. What is in a record is the ABI's part.
import * as args from "./args.ts";
import { binding, type NativeRingReader, native, type RingStats } from "./binding.ts";
import type { BpfMap } from "./map.ts";

export interface RingReaderOptions {
  /** A batch is handed over when it has this many bytes … */
  maxBytes?: number;
  /** … or its oldest record waited this long. */
  tickMs?: number;
  /** Batches that may wait for JavaScript; beyond them records are read, dropped and counted. */
  maxInFlight?: number;
}

/** Records that were read from the ring and dropped since the batch before; bytes are payload. */
export interface RingLoss {
  records: bigint;
  bytes: bigint;
}

const MIN_BATCH_BYTES = 4096;
const MAX_BATCH_BYTES = 64 << 20;

export class RingReader {
  /** The open ones: without it the collector would silently end a reader that nobody else holds. */
  static readonly #open = new Set<RingReader>();
  readonly #native: NativeRingReader;
  #closed: Promise<void> | undefined;

  /** Reads until close(), and keeps the process alive as long. */
  constructor(map: BpfMap, onBatch: (batch: Uint8Array, lost: RingLoss) => void, opts?: RingReaderOptions) {
    const where = "RingReader";
    if (map.type !== "ringbuf")
      throw new TypeError(`${where} map: ${map.name} is a ${map.type}, not a ringbuf`);
    args.callback(onBatch, `${where} onBatch`);
    const given = args.options(opts, where, ["maxBytes", "maxInFlight", "tickMs"]);
    this.#native = new binding.RingReader(
      map[native],
      (batch, records, bytes) => deliver(() => onBatch(batch, { records, bytes })),
      args.integer(given.maxBytes ?? 1 << 20, `${where} maxBytes`, MIN_BATCH_BYTES, MAX_BATCH_BYTES),
      args.integer(given.maxInFlight ?? 8, `${where} maxInFlight`, 1, 1024),
      args.integer(given.tickMs ?? 50, `${where} tickMs`, 1, 60_000),
    );
    RingReader.#open.add(this);
  }

  /** Totals since the start, readable after close() too: handed over, and lost on this side of the ring. */
  stats(): RingStats {
    return this.#native.stats();
  }

  /** Stops after what was in the ring has been handed over. */
  close(): Promise<void> {
    this.#closed ??= this.#native.close().finally(() => RingReader.#open.delete(this));
    return this.#closed;
  }
}

/** An exception of the callback is the program's bug and not the addon's: it becomes an uncaught exception. */
export function deliver(call: () => void): void {
  try {
    call();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
