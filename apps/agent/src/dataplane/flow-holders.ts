/** The kernel's count of each endpoint's flows, read. Who counts them is packages/bpf's. */
import { FLOW_HOLDER_SIZE, readFlowHolder } from "@millrace/abi/generated/endpoint";
import type { FlowHolder, TableBytes } from "./dataplane.ts";

const KEY_BYTES = 4;

export function flowHolders({ count, keys, values }: TableBytes): FlowHolder[] {
  const ids = new DataView(keys.buffer, keys.byteOffset, count * KEY_BYTES);
  const holders = new DataView(values.buffer, values.byteOffset, count * FLOW_HOLDER_SIZE);
  return Array.from({ length: count }, (_, i) => ({
    endpointId: ids.getUint32(i * KEY_BYTES, true),
    flows: readFlowHolder(holders, i * FLOW_HOLDER_SIZE).flows,
  }));
}
