/**
 * The observer's events as they come from the ring: counted by kind, and their flows remembered as moved.
 * What flows counted is in the table; nothing is taken from an event but its key.
 */
import { EventKind } from "@millrace/abi/generated/event";
import { decodeEventServiceAsked } from "@millrace/abi/generated/service";
import { addressText } from "../endpoint/address.ts";
import type { EventCounts } from "./dataplane.ts";
import { MovedFlows } from "./moved-flows.ts";
import { eachRecord } from "./record-batch.ts";

export class ObserverEvents {
  readonly moved = new MovedFlows();
  #ringLost = 0;
  readonly #counts: EventCounts = { opened: 0, moved: 0, closed: 0, drops: 0, lost: 0 };
  /** Called when flows have opened or were dropped for a new reason. */
  onFresh: () => void = () => {};
  /** Called with each virtual address that nobody has told this host of. */
  onServiceAsked: (address: string) => void = () => {};

  take(batch: Uint8Array, lost: bigint): void {
    const before = this.#counts.opened + this.#counts.drops;
    this.#counts.lost += Number(lost);
    if (lost > 0n) this.moved.miss();
    eachRecord(batch, (record) => this.#one(record));
    if (this.#counts.opened + this.#counts.drops > before) this.onFresh();
  }
  /** True when movements were lost since the last call; `ringLost`: what the ring had no room for, so far. */
  missed(ringLost: number): boolean {
    if (ringLost !== this.#ringLost) this.moved.miss();
    this.#ringLost = ringLost;
    return this.moved.takeMissed();
  }
  counts(): EventCounts {
    return { ...this.#counts };
  }

  #one(record: DataView): void {
    const kind = record.byteLength >= 4 ? record.getUint32(0, true) : 0;
    if (kind === EventKind.FLOW_OPENED) this.#counts.opened++;
    else if (kind === EventKind.FLOW_MOVED) this.#counts.moved++;
    else if (kind === EventKind.DROP) this.#counts.drops++;
    else if (kind === EventKind.FLOW_CLOSED) this.#counts.closed++;
    else if (kind === EventKind.SERVICE_ASKED) this.#asked(record);
    else return;
    if (kind !== EventKind.FLOW_CLOSED && kind !== EventKind.SERVICE_ASKED) this.moved.add(record);
  }
  #asked(record: DataView): void {
    const event = decodeEventServiceAsked(record);
    if (event) this.onServiceAsked(addressText(event.key.address));
  }
}
