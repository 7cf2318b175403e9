/** The kernel's count of each endpoint's flows, read. Who counts them is packages/bpf's. */
import { FLOW_HOLDER_SIZE, readFlowHolder } from "@millrace/abi/generated/endpoint";
import { FLOW_KEY_OFFSETS, FLOW_KEY_SIZE } from "@millrace/abi/generated/flow";
import type { BpfMap } from "@millrace/native/native";
import type { FlowHolder, TableBytes } from "./dataplane.ts";
import { u32 } from "./trace-object.ts";

const KEY_BYTES = 4;

/**
 * Each has as many as there are, where an earlier life may have left it with more. race: what is opened or deleted meanwhile is
 * missed, by so few the share is another.
 */
export function recountHolders(map: (name: string) => BpfMap): void {
  const { count, keys } = map("flows").readAll();
  const flows = new DataView(keys.buffer, keys.byteOffset, keys.byteLength);
  const held = new Map<number, number>();
  for (let i = 0; i < count; i++) {
    const id = flows.getUint32(i * FLOW_KEY_SIZE + FLOW_KEY_OFFSETS.endpointId, true);
    held.set(id, (held.get(id) ?? 0) + 1);
  }
  const holders = map("flow_holders");
  for (const { endpointId } of flowHolders(holders.readAll()))
    holders.update(u32(endpointId), u32(held.get(endpointId) ?? 0));
}

export function flowHolders({ count, keys, values }: TableBytes): FlowHolder[] {
  const ids = new DataView(keys.buffer, keys.byteOffset, count * KEY_BYTES);
  const holders = new DataView(values.buffer, values.byteOffset, count * FLOW_HOLDER_SIZE);
  return Array.from({ length: count }, (_, i) => ({
    endpointId: ids.getUint32(i * KEY_BYTES, true),
    flows: readFlowHolder(holders, i * FLOW_HOLDER_SIZE).flows,
  }));
}
