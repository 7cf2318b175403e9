/** Runs the program that marks flows RETIRED, as many keys at a time as it takes. Deletes nothing. */
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
  const batch = new Uint8Array(FLOW_RETIRE_BATCH_SIZE);
  const ctx = new Uint8Array(FLOW_RETIRE_REQUEST_SIZE);
  const { keys, quietSinceNs } = request;
  let retired = 0;
  for (let at = 0; at < request.count; at += FlowLimit.RETIRE_BATCH) {
    const count = Math.min(FlowLimit.RETIRE_BATCH, request.count - at);
    batch.set(keys.subarray(at * FLOW_KEY_SIZE, (at + count) * FLOW_KEY_SIZE));
    map.update(u32(0), batch);
    encodeFlowRetireRequest({ quietSinceNs, count }, new DataView(ctx.buffer));
    retired += program.testRun({ ctx }).retval;
  }
  return retired;
}
