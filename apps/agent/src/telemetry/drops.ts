/**
 * One pass over the kernel's drops: each kind of drop that grew becomes a row, with reason and place in
 * words. Kinds that have been quiet are deleted, so that a new one finds room. Does not talk to the kernel.
 */
import {
  DROP_KEY_OFFSETS,
  DROP_KEY_SIZE,
  DROP_RECORD_OFFSETS,
  DROP_RECORD_SIZE,
} from "@millrace/abi/generated/event";
import { FLOW_KEY_OFFSETS, FlowDirection } from "@millrace/abi/generated/flow";
import type { BatchBuilder } from "./batch.ts";
import { type DropBaseline, type DropCounts, dropCountsAt, dropEntry } from "./drop-baseline.ts";
import type { DropReasons } from "./drop-reasons.ts";
import { aligned } from "./flow-baseline.ts";
import type { FlowBytes } from "./flow-table.ts";
import type { Identities } from "./identities.ts";
import { hasPortOfEachEnd } from "./orientation.ts";
import type { Symbols } from "./place.ts";
import type { WallClock } from "./time.ts";

const QUIET_NS = 60_000_000_000n;
const LOSS = 0;
const ORDINARY = 1;

export type DropPassOptions = {
  baseline: DropBaseline;
  batch: BatchBuilder;
  identities: Identities;
  reasons: DropReasons;
  symbols: Symbols;
  clock: WallClock;
};

export class DropPass {
  readonly #o: DropPassOptions;
  /**
   * Keys of what has been quiet and reported, back to back.
   * race: a drop that comes between the read and the deletion is lost to the drop's row (not to the flow's
   * counters); after a minute of silence that takes a drop in the very same milliseconds.
   */
  quiet: Uint8Array[] = [];

  constructor(options: DropPassOptions) {
    this.#o = options;
  }

  /** False when the spool refused. */
  run(table: FlowBytes, nowNs: bigint): boolean {
    this.quiet = [];
    const values = new DataView(table.values.buffer, table.values.byteOffset, table.values.byteLength);
    for (let i = 0; i < table.count; i++) {
      const key = table.keys.subarray(i * DROP_KEY_SIZE, (i + 1) * DROP_KEY_SIZE);
      const at = i * DROP_RECORD_SIZE;
      const counts = dropCountsAt(values, at);
      const lastNs = values.getBigUint64(at + DROP_RECORD_OFFSETS.lastSeenNs, true);
      const known = this.#o.baseline.find(key);
      const before = known?.firstSeenNs === counts.firstSeenNs ? known : undefined;
      if (before?.packets !== counts.packets) {
        if (!this.#write(key, counts, before, lastNs)) return false;
      } else if (nowNs - lastNs > QUIET_NS) this.quiet.push(new Uint8Array(key));
    }
    return true;
  }

  #write(key: Uint8Array, counts: DropCounts, before: DropCounts | undefined, lastNs: bigint): boolean {
    const { batch, clock } = this.#o;
    if (batch.full && !batch.commit()) return false;
    const view = new DataView(key.buffer, key.byteOffset, DROP_KEY_SIZE);
    const reason = this.#o.reasons.of(view.getUint32(DROP_KEY_OFFSETS.reason, true));
    const place = this.#o.symbols.place(view.getBigUint64(DROP_KEY_OFFSETS.location, true));
    const first = clock.usOf(counts.firstSeenNs);
    batch.drops.append({
      ...this.#ends(key, view),
      reason: batch.reason(reason.name),
      place: batch.place(place),
      class: reason.ordinary ? ORDINARY : LOSS,
      packets: counts.packets - (before?.packets ?? 0),
      bytes: counts.bytes - (before?.bytes ?? 0),
      firstSeen: first,
      lastSeen: Math.max(first, clock.usOf(lastNs)),
    });
    batch.addDropChange(dropEntry(key, counts));
    return true;
  }

  /** Source and destination as the packet had them: the key has the endpoint's own address first. */
  #ends(key: Uint8Array, view: DataView) {
    const { batch, identities } = this.#o;
    const egress = view.getUint32(DROP_KEY_OFFSETS.direction, true) === FlowDirection.EGRESS;
    const words = aligned(key);
    const endpointId = view.getUint32(FLOW_KEY_OFFSETS.endpointId, true);
    const local = {
      address: key.subarray(FLOW_KEY_OFFSETS.saddr, FLOW_KEY_OFFSETS.saddr + 16),
      port: view.getUint16(FLOW_KEY_OFFSETS.sport, false),
      workload: batch.workload(identities.local(endpointId, 0, 0) ?? identities.remote(words, 0)),
    };
    const remote = {
      address: key.subarray(FLOW_KEY_OFFSETS.daddr, FLOW_KEY_OFFSETS.daddr + 16),
      port: view.getUint16(FLOW_KEY_OFFSETS.dport, false),
      workload: batch.workload(identities.remote(words, 4)),
    };
    const [src, dst] = egress ? [local, remote] : [remote, local];
    const proto = view.getUint8(FLOW_KEY_OFFSETS.proto);
    const [from, to] = hasPortOfEachEnd(proto) ? [src, dst] : [local, remote];
    return {
      src: src.address,
      dst: dst.address,
      srcPort: from.port,
      dstPort: to.port,
      proto,
      direction: egress ? 0 : 1,
      srcWorkload: src.workload,
      dstWorkload: dst.workload,
    };
  }
}
