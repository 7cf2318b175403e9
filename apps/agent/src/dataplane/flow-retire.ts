/** Runs the programs that mark flows RETIRED and that delete them, as many keys at a time as they take. */
import {
  encodeFlowRetireRequest,
  FLOW_KEY_SIZE,
  FLOW_RETIRE_BATCH_SIZE,
  FLOW_RETIRE_REQUEST_SIZE,
  FlowLimit,
} from "@millrace/abi/generated/flow";
import type { BpfMap, BpfProgram } from "@millrace/native/native";
import { u32 } from "./trace-object.ts";

export type RetireRequest = { keys: Uint8Array; count: number; quietSinceNs: bigint };

/** How many are RETIRED now. */
export function retireFlows(map: BpfMap, program: BpfProgram, request: RetireRequest): number {
  let retired = 0;
  for (const ctx of contexts(map, request)) retired += program.testRun({ ctx }).retval;
  return retired;
}

/** Runs all of the programs over some of the flows before the next: the last of them takes the flows out. */
export function deleteFlows(
  map: BpfMap,
  programs: readonly BpfProgram[],
  keys: Uint8Array,
  count: number,
): void {
  for (const ctx of contexts(map, { keys, count, quietSinceNs: 0n }))
    for (const program of programs) program.testRun({ ctx });
}

/** With the keys that each is about in the map. */
function* contexts(map: BpfMap, request: RetireRequest): Generator<Uint8Array> {
  const batch = new Uint8Array(FLOW_RETIRE_BATCH_SIZE);
  const ctx = new Uint8Array(FLOW_RETIRE_REQUEST_SIZE);
  const { keys, quietSinceNs } = request;
  for (let at = 0; at < request.count; at += FlowLimit.RETIRE_BATCH) {
    const count = Math.min(FlowLimit.RETIRE_BATCH, request.count - at);
    batch.set(keys.subarray(at * FLOW_KEY_SIZE, (at + count) * FLOW_KEY_SIZE));
    map.update(u32(0), batch);
    encodeFlowRetireRequest({ quietSinceNs, count }, new DataView(ctx.buffer));
    yield ctx;
  }
}
