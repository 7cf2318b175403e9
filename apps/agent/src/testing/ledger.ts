/**
 * What a server would have stored: batches once by incarnation and sequence, flows and endpoints summed.
 * Checks each batch as the contract demands. Tests only.
 */
import { brotliDecompressSync } from "node:zlib";
import { BatchHead } from "@millrace/contract/batch";
import { type BatchColumns, readBatchColumns } from "@millrace/contract/batch-wire";
import { formatFlowId } from "@millrace/contract/flow-id";
import { Unpackr } from "msgpackr";
import type { Compression } from "../spool/record.ts";

export type StoredBatch = { head: BatchHead } & BatchColumns;
export type FlowSum = {
  packets: number;
  bytes: number;
  fwdPackets: number;
  revPackets: number;
  drops: number;
  opens: number;
  updates: number;
  finals: number;
};
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: "number" });

export function decodeBatch(payload: Uint8Array, compressed: Compression): StoredBatch {
  const raw = unpackr.unpack(compressed ? brotliDecompressSync(payload) : payload);
  const head = BatchHead.parse(raw);
  const columns = readBatchColumns(head, raw);
  if (!columns.ok) throw new Error(columns.reason);
  const { flows, drops, translations, services } = columns;
  return { head, flows, drops, translations, services };
}

export class Ledger {
  readonly batches = new Map<string, StoredBatch>();
  readonly order: string[] = [];
  duplicates = 0;

  /** As the server would: the second arrival changes nothing. */
  store(
    payload: Uint8Array,
    compressed: Compression,
  ): { acknowledged: number; duplicate: boolean; pauseMs: 0 } {
    const batch = decodeBatch(payload, compressed);
    const { incarnation, sequence } = batch.head;
    const key = `${incarnation}/${sequence}`;
    const duplicate = this.batches.has(key);
    if (duplicate) this.duplicates++;
    else {
      this.batches.set(key, batch);
      this.order.push(key);
    }
    return { acknowledged: sequence, duplicate, pauseMs: 0 };
  }

  flows(): Map<string, FlowSum> {
    const sums = new Map<string, FlowSum>();
    for (const { head, flows } of this.batches.values())
      for (let row = 0; row < head.flowRows; row++) {
        const id = formatFlowId(flows.flowId.subarray(row * 16, row * 16 + 16));
        const sum = sums.get(id) ?? {
          ...{
            packets: 0,
            bytes: 0,
            fwdPackets: 0,
            revPackets: 0,
            drops: 0,
            opens: 0,
            updates: 0,
            finals: 0,
          },
        };
        sum.fwdPackets += flows.fwdPackets[row] as number;
        sum.revPackets += flows.revPackets[row] as number;
        sum.packets = sum.fwdPackets + sum.revPackets;
        sum.bytes += (flows.fwdBytes[row] as number) + (flows.revBytes[row] as number);
        sum.drops += flows.drops[row] as number;
        sum.opens += flows.opens[row] as number;
        sum.finals += flows.final[row] as number;
        sum.updates++;
        sums.set(id, sum);
      }
    return sums;
  }

  /** Of all endpoints, both directions: what the kernel saw, what no flow got, what the interfaces saw. */
  totals() {
    const sum = { packets: 0, bytes: 0, apart: 0, devicePackets: 0, deviceBytes: 0 };
    for (const { head } of this.batches.values())
      for (const { egress, ingress, device } of head.endpoints) {
        for (const way of [egress, ingress]) {
          sum.packets += way.total.packets;
          sum.bytes += way.total.bytes;
          const { notIp, truncated, tableFull, flowRetired, otherHost, overBudget } = way;
          for (const apart of [notIp, truncated, tableFull, flowRetired, otherHost, overBudget])
            sum.apart += apart.packets;
        }
        sum.devicePackets += device.txPackets + device.rxPackets;
        sum.deviceBytes += device.txBytes + device.rxBytes;
      }
    return sum;
  }
  flowPackets(): number {
    return [...this.flows().values()].reduce((sum, flow) => sum + flow.packets, 0);
  }
  drops(): number {
    let sum = 0;
    for (const { drops } of this.batches.values()) for (const packets of drops.packets) sum += packets;
    return sum;
  }
  lost(what: string): number {
    return [...this.batches.values()]
      .flatMap(({ head }) => head.lost)
      .filter((loss) => loss.what === what)
      .reduce((sum, loss) => sum + loss.count, 0);
  }
}
