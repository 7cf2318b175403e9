/*
 * The agent's side of taking flows out, as tests need it: one call of flow_retire for a list of keys.
 */
import {
  encodeFlowKey,
  encodeFlowRetireRequest,
  FLOW_KEY_SIZE,
  FLOW_RETIRE_BATCH_OFFSETS,
  FLOW_RETIRE_BATCH_SIZE,
  FLOW_RETIRE_REQUEST_SIZE,
  type FlowKey,
} from "@millrace/abi/generated/flow";
import { type Observer, u32, viewOf } from "./observer.ts";

/** Later than any packet: whatever is asked for counts as quiet. */
export const NOW = 1n << 62n;

export function retire(
  observer: Pick<Observer, "object">,
  keys: FlowKey[],
  quietSinceNs: bigint,
): { retired: number; outcome: number[] } {
  const batch = Buffer.alloc(FLOW_RETIRE_BATCH_SIZE);
  keys.forEach((key, i) => {
    encodeFlowKey(key, viewOf(batch), i * FLOW_KEY_SIZE);
  });
  const map = observer.object.map("retire_batch");
  map.update(u32(0), batch);
  const ctx = Buffer.alloc(FLOW_RETIRE_REQUEST_SIZE);
  encodeFlowRetireRequest({ quietSinceNs, count: keys.length }, viewOf(ctx));
  const retired = observer.object.program("flow_retire").testRun({ ctx }).retval;
  const after = map.lookup(u32(0)) as Buffer;
  return { retired, outcome: [...after.subarray(FLOW_RETIRE_BATCH_OFFSETS.outcome)].slice(0, keys.length) };
}
