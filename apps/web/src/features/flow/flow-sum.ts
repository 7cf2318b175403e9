/** Figures of a flow that the table shows and sorts by. */
import type { FlowRow } from "@millrace/contract/flow";

export const totalBytes = (row: FlowRow): number => row.forward.bytes + row.reverse.bytes;
export const totalPackets = (row: FlowRow): number => row.forward.packets + row.reverse.packets;
export const lasted = (row: FlowRow): number => row.lastSeen - row.firstSeen;
