/**
 * Packets that wait for something to be known: the kernel hands them up, they are kept by the address that is asked for,
 * and put back when the answer is there and they can be judged. Bounded in number, bytes and time, what outsiders bring apart from what
 * pods send; what is given up is counted by why.
 */
import { type HeldPacket, readHeld } from "./held-packet.ts";

const RECORD_HEADER_BYTES = 8;
const MOST = { packets: 1024, bytes: 4 << 20 };
/** To ports of this host's own, and in tunnels of hosts that nobody knows. */
const MOST_OUTSIDE = { packets: 512, bytes: 1 << 20 };
const PATIENCE_MS = 3000;

export type PuntedCounts = {
  taken: number;
  putBack: number;
  /** Nobody has the address. */
  absent: number;
  /** No answer in time. */
  late: number;
  /** Too many waited. */
  overflowed: number;
  /** No IP packet, or the device took no more. */
  failed: number;
  /** In a tunnel from another host than the one its sender is on. */
  forged: number;
};

/** `host`: whose tunnel may speak for the address. */
export type Release = {
  host: string | null;
  isReady: (packet: HeldPacket) => boolean;
  write: (packet: Uint8Array) => boolean;
};

/** How much waits of one kind. */
class Room {
  readonly #most: { packets: number; bytes: number };
  #packets = 0;
  #bytes = 0;

  constructor(most: { packets: number; bytes: number }) {
    this.#most = most;
  }
  has(bytes: number): boolean {
    return this.#packets < this.#most.packets && this.#bytes + bytes <= this.#most.bytes;
  }
  take(bytes: number, packets = 1): void {
    this.#packets += packets;
    this.#bytes += bytes;
  }
}

export type PuntedOptions = {
  /** What must be known before a packet can go on: an address, in whatever form. */
  questionOf: (held: HeldPacket) => string;
  /** Whether that is asked because of somebody outside. */
  isOutside: (question: string) => boolean;
  isOwn: (address: string) => boolean;
};

export class Punted {
  readonly counts: PuntedCounts = {
    taken: 0,
    putBack: 0,
    absent: 0,
    late: 0,
    overflowed: 0,
    failed: 0,
    forged: 0,
  };
  readonly #waiting = new Map<string, { sinceMs: number; packets: HeldPacket[] }>();
  readonly #o: PuntedOptions;
  readonly #pods = new Room(MOST);
  readonly #outside = new Room(MOST_OUTSIDE);

  constructor(options: PuntedOptions) {
    this.#o = options;
  }

  /** Records as the device hands them over; what nobody waited for until now. */
  take(batch: Uint8Array, tunnelPort: number, nowMs: number): string[] {
    const fresh: string[] = [];
    for (const packet of packetsIn(batch)) {
      this.counts.taken++;
      const held = readHeld(packet, tunnelPort, this.#o.isOwn);
      if (held === undefined) {
        this.counts.failed++;
        continue;
      }
      const question = this.#o.questionOf(held);
      if (!this.#roomOf(question).has(packet.length)) this.counts.overflowed++;
      else if (this.#keep(question, held, nowMs)) fresh.push(question);
    }
    return fresh;
  }

  /** The address is known to be behind that host, or known not to be anywhere: null. Who can't be judged yet waits on. */
  release(address: string, at: Release | null): void {
    const sinceMs = this.#waiting.get(address)?.sinceMs ?? 0;
    for (const held of this.#forget(address)) {
      if (at === null) this.counts.absent++;
      else if (held.tunnelFrom !== undefined && held.tunnelFrom !== at.host) this.counts.forged++;
      else if (!at.isReady(held)) this.#keep(address, held, sinceMs);
      else if (at.write(held.bytes)) this.counts.putBack++;
      else this.counts.failed++;
    }
  }
  expire(nowMs: number): void {
    for (const [address, { sinceMs }] of this.#waiting)
      if (nowMs - sinceMs >= PATIENCE_MS) this.counts.late += this.#forget(address).length;
  }
  addresses(): string[] {
    return [...this.#waiting.keys()];
  }

  #keep(address: string, held: HeldPacket, nowMs: number): boolean {
    const known = this.#waiting.get(address);
    const entry = known ?? { sinceMs: nowMs, packets: [] };
    entry.packets.push({ ...held, bytes: Uint8Array.from(held.bytes) });
    this.#roomOf(address).take(held.bytes.length);
    if (!known) this.#waiting.set(address, entry);
    return !known;
  }
  #forget(address: string): HeldPacket[] {
    const packets = this.#waiting.get(address)?.packets ?? [];
    this.#waiting.delete(address);
    const bytes = packets.reduce((sum, held) => sum + held.bytes.length, 0);
    this.#roomOf(address).take(-bytes, -packets.length);
    return packets;
  }
  #roomOf(question: string): Room {
    return this.#o.isOutside(question) ? this.#outside : this.#pods;
  }
}

function* packetsIn(batch: Uint8Array): Generator<Uint8Array> {
  const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength);
  for (let at = 0; at + RECORD_HEADER_BYTES <= batch.length; ) {
    const length = view.getUint32(at, true);
    at += RECORD_HEADER_BYTES;
    yield batch.subarray(at, at + length);
    at += Math.ceil(length / 8) * 8;
  }
}
