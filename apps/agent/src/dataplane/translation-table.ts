/** Runs the programs that take translations out of the kernel's table: with their flows, and those without one. */
import {
  encodeFlowRetireRequest,
  FLOW_KEY_SIZE,
  FLOW_RETIRE_BATCH_SIZE,
  FLOW_RETIRE_REQUEST_SIZE,
  FlowLimit,
} from "@millrace/abi/generated/flow";
import {
  encodeTranslationSweep,
  readTranslationSweep,
  TRANSLATION_SWEEP_SIZE,
} from "@millrace/abi/generated/nat";
import type { BpfMap, BpfProgram } from "@millrace/native/native";
import { u32 } from "./trace-object.ts";

/** A port may be claimed a moment before its flow says so; seconds are more than enough. */
const GRACE_S = 10;

/** Those of RETIRED flows that are about to be deleted: afterwards nobody knows which they were. */
export function endTranslations(map: BpfMap, program: BpfProgram, keys: Uint8Array, count: number): void {
  const batch = new Uint8Array(FLOW_RETIRE_BATCH_SIZE);
  const ctx = new Uint8Array(FLOW_RETIRE_REQUEST_SIZE);
  for (let at = 0; at < count; at += FlowLimit.RETIRE_BATCH) {
    const some = Math.min(FlowLimit.RETIRE_BATCH, count - at);
    batch.set(keys.subarray(at * FLOW_KEY_SIZE, (at + some) * FLOW_KEY_SIZE));
    map.update(u32(0), batch);
    encodeFlowRetireRequest({ quietSinceNs: 0n, count: some }, new DataView(ctx.buffer));
    program.testRun({ ctx });
  }
}

/** How many there were, and how many of those belonged to no flow and are gone. */
export function sweepTranslations(program: BpfProgram): { found: number; removed: number } {
  const ctx = new Uint8Array(TRANSLATION_SWEEP_SIZE);
  encodeTranslationSweep({ graceS: GRACE_S, found: 0, removed: 0 }, new DataView(ctx.buffer));
  const { ctxOut } = program.testRun({ ctx });
  const view = new DataView(ctxOut.buffer, ctxOut.byteOffset, ctxOut.byteLength);
  const { found, removed } = readTranslationSweep(view, 0);
  return { found, removed };
}
