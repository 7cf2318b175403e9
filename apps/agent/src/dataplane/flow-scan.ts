/**
 * Runs the programs that hand out changed flows (scan.bpf.c) and gives what they put into `flow_changes` as
 * tables. What is handed out once is not handed out again until it changes.
 */
import {
  encodeFlowScanRequest,
  FLOW_CHUNK_OFFSETS,
  FLOW_CHUNK_SIZE,
  FLOW_KEY_SIZE,
  FLOW_RETIRE_BATCH_SIZE,
  FLOW_SCAN_REQUEST_SIZE,
  FlowLimit,
  readFlowScanRequest,
} from "@millrace/abi/generated/flow";
import type { BpfMap, BpfProgram } from "@millrace/native/native";
import type { TableBytes } from "./dataplane.ts";
import { u32 } from "./trace-object.ts";

/** Read from the kernel at a time: 168 KB. */
const CHUNKS = 16;

export class FlowScan {
  readonly #map: (name: string) => BpfMap;
  readonly #batch = new Uint8Array(FLOW_RETIRE_BATCH_SIZE);

  constructor(map: (name: string) => BpfMap) {
    this.#map = map;
  }

  /** Those of the given flows that changed. */
  *collect(program: BpfProgram, keys: Uint8Array, count: number): Generator<TableBytes> {
    for (let at = 0; at < count; at += FlowLimit.RETIRE_BATCH) {
      const some = Math.min(FlowLimit.RETIRE_BATCH, count - at);
      this.#batch.set(keys.subarray(at * FLOW_KEY_SIZE, (at + some) * FLOW_KEY_SIZE));
      this.#map("retire_batch").update(u32(0), this.#batch);
      yield* this.#tables(this.#run(program, some).found);
    }
  }
  /** Those of the whole table that changed. Returns how many flows there are. */
  *scan(program: BpfProgram): Generator<TableBytes, number> {
    for (;;) {
      const { found, total } = this.#run(program, 0);
      yield* this.#tables(found);
      if (found < this.#room()) return total;
    }
  }

  #room(): number {
    return this.#map("flow_changes").maxEntries * FlowLimit.CHUNK;
  }
  #run(program: BpfProgram, count: number): { found: number; total: number } {
    const ctx = new Uint8Array(FLOW_SCAN_REQUEST_SIZE);
    const request = { count, room: this.#room(), found: 0, total: 0 };
    encodeFlowScanRequest(request, new DataView(ctx.buffer));
    const { ctxOut } = program.testRun({ ctx });
    return readFlowScanRequest(new DataView(ctxOut.buffer, ctxOut.byteOffset, ctxOut.byteLength), 0);
  }

  *#tables(found: number): Generator<TableBytes> {
    const changes = this.#map("flow_changes");
    let cursor: Buffer | undefined;
    for (let left = found; left > 0; ) {
      const wanted = Math.min(CHUNKS, Math.ceil(left / FlowLimit.CHUNK));
      const chunk = changes.lookupBatch({ max: wanted, ...(cursor ? { cursor } : {}) });
      cursor = chunk.cursor;
      for (let i = 0; i < chunk.count && left > 0; i++, left -= FlowLimit.CHUNK)
        yield tableOf(chunk.values, i * FLOW_CHUNK_SIZE, Math.min(left, FlowLimit.CHUNK));
    }
  }
}

function tableOf(chunks: Uint8Array, at: number, count: number): TableBytes {
  return {
    count,
    keys: chunks.subarray(at + FLOW_CHUNK_OFFSETS.keys, at + FLOW_CHUNK_OFFSETS.records),
    values: chunks.subarray(at + FLOW_CHUNK_OFFSETS.records, at + FLOW_CHUNK_SIZE),
  };
}
