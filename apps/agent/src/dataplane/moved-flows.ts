/**
 * The flows of which the kernel said that they opened or moved, by key, and which of them have to be looked
 * at: the kernel says so once in an epoch, so a flow is looked at until that epoch is over. Bounded; what it
 * could not take, or the ring lost, is made good for by a look at the whole table. Reads nothing itself.
 */
import { FLOW_KEY_SIZE, FlowLimit } from "@millrace/abi/generated/flow";

const KEY_WORDS = FLOW_KEY_SIZE / 4;
/** Of the event's header: kind, CPU, time; the flow's key follows in every kind of event. */
const TIME_AT = 8;
const KEY_AT = 16;
const MOST = 262_144;
const EPOCH_NS = 2n ** BigInt(FlowLimit.EPOCH_BITS);
/** A flow's time is that of the latest timer tick, at most 10 ms old; here twice that. */
const TICK_NS = 20_000_000n;

export class MovedFlows {
  #words = new Uint32Array(256 * KEY_WORDS);
  #epochs = new Float64Array(256);
  #count = 0;
  #missed = false;

  get count(): number {
    return this.#count;
  }
  /** One event, as the ring had it. */
  add(event: DataView): void {
    if (event.byteLength < KEY_AT + FLOW_KEY_SIZE) return;
    if (this.#count >= MOST) {
      this.miss();
      return;
    }
    if (this.#count === this.#epochs.length) this.#grow();
    const from = this.#count * KEY_WORDS;
    for (let i = 0; i < KEY_WORDS; i++) this.#words[from + i] = event.getUint32(KEY_AT + i * 4, true);
    const high = event.getUint32(TIME_AT + 4, true);
    this.#epochs[this.#count++] =
      high * 2 ** (32 - FlowLimit.EPOCH_BITS) + (event.getUint32(TIME_AT, true) >>> FlowLimit.EPOCH_BITS);
  }
  /** Some event is known to be lost. */
  miss(): void {
    this.#missed = true;
  }
  /** True when events were lost since the last call. */
  takeMissed(): boolean {
    const missed = this.#missed;
    this.#missed = false;
    return missed;
  }
  /** A view, to be used before the next event. */
  keys(): Uint8Array {
    return new Uint8Array(this.#words.buffer, 0, this.#count * FLOW_KEY_SIZE);
  }
  /** All were looked at; `sinceNs` is when that began. */
  looked(sinceNs: bigint): void {
    const now = Number((sinceNs - TICK_NS) / EPOCH_NS);
    let kept = 0;
    for (let i = 0; i < this.#count; i++) {
      if ((this.#epochs[i] as number) < now) continue;
      this.#words.copyWithin(kept * KEY_WORDS, i * KEY_WORDS, (i + 1) * KEY_WORDS);
      this.#epochs[kept++] = this.#epochs[i] as number;
    }
    this.#count = kept;
  }

  #grow(): void {
    const words = new Uint32Array(this.#words.length * 2);
    words.set(this.#words);
    this.#words = words;
    const epochs = new Float64Array(this.#epochs.length * 2);
    epochs.set(this.#epochs);
    this.#epochs = epochs;
  }
}
