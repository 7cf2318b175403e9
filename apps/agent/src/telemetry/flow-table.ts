/**
 * The kernel's flow table as bytes, read by word. A view over reused buffers: valid until the next read.
 * The layout is the generated one; nothing here knows what the numbers are for.
 */
import {
  FLOW_KEY_SIZE,
  FLOW_PATH_OFFSETS,
  FLOW_RECORD_OFFSETS,
  FLOW_RECORD_SIZE,
} from "@millrace/abi/generated/flow";
import { aligned } from "./flow-baseline.ts";

export const KEY_WORDS = FLOW_KEY_SIZE / 4;
const RECORD_WORDS = FLOW_RECORD_SIZE / 4;
const TWO_32 = 0x1_0000_0000;

/** Words of a key, and of a record. */
export const KEY = { local: 0, remote: 4, ports: 8, protocol: 9, endpoint: 10 } as const;
export const RECORD = {
  counters: FLOW_RECORD_OFFSETS.counters / 4,
  firstSeen: FLOW_RECORD_OFFSETS.firstSeenNs / 4,
  lastSeen: FLOW_RECORD_OFFSETS.lastSeenNs / 4,
  cgroup: FLOW_RECORD_OFFSETS.cgroupId / 4,
  drops: FLOW_RECORD_OFFSETS.drops / 4,
  dropReason: FLOW_RECORD_OFFSETS.dropReason / 4,
  rtt: FLOW_RECORD_OFFSETS.rttUs / 4,
  rttMin: FLOW_RECORD_OFFSETS.rttMinUs / 4,
  retransmits: FLOW_RECORD_OFFSETS.retransmits / 4,
  isn: FLOW_RECORD_OFFSETS.isn / 4,
  opens: FLOW_RECORD_OFFSETS.opens / 4,
  lifecycle: FLOW_RECORD_OFFSETS.lifecycle / 4,
  tcp: FLOW_RECORD_OFFSETS.tcpFlags / 4,
  /** Verdict, kind and reason of its path, a byte each. */
  verdict: (FLOW_RECORD_OFFSETS.path + FLOW_PATH_OFFSETS.verdict) / 4,
  generation: (FLOW_RECORD_OFFSETS.path + FLOW_PATH_OFFSETS.generation) / 4,
  rule: (FLOW_RECORD_OFFSETS.path + FLOW_PATH_OFFSETS.rule) / 4,
  revision: (FLOW_RECORD_OFFSETS.path + FLOW_PATH_OFFSETS.revision) / 4,
  slowPackets: (FLOW_RECORD_OFFSETS.path + FLOW_PATH_OFFSETS.slowPackets) / 4,
  /** In the low half. */
  wirePort: (FLOW_RECORD_OFFSETS.path + FLOW_PATH_OFFSETS.wirePort) / 4,
  natAddress: (FLOW_RECORD_OFFSETS.path + FLOW_PATH_OFFSETS.natAddress) / 4,
  /** In the low half. */
  natPort: (FLOW_RECORD_OFFSETS.path + FLOW_PATH_OFFSETS.natPort) / 4,
  natDst: (FLOW_RECORD_OFFSETS.path + FLOW_PATH_OFFSETS.natDst) / 4,
  /** In the low half. */
  natDstPort: (FLOW_RECORD_OFFSETS.path + FLOW_PATH_OFFSETS.natDstPort) / 4,
} as const;

export type FlowBytes = { count: number; keys: Uint8Array; values: Uint8Array };

export class FlowTable {
  readonly count: number;
  readonly keys: Uint32Array;
  readonly values: Uint32Array;

  constructor(bytes: FlowBytes) {
    this.count = bytes.count;
    this.keys = aligned(bytes.keys.subarray(0, bytes.count * FLOW_KEY_SIZE));
    this.values = aligned(bytes.values.subarray(0, bytes.count * FLOW_RECORD_SIZE));
  }
  /** First word of entry `i`'s key. */
  keyAt(i: number): number {
    return i * KEY_WORDS;
  }
  key(i: number, word: number): number {
    return this.keys[i * KEY_WORDS + word] as number;
  }
  protocol(i: number): number {
    return this.key(i, KEY.protocol) & 0xff;
  }
  vlan(i: number): number {
    return this.key(i, KEY.protocol) >>> 16;
  }
  record(i: number, word: number): number {
    return this.values[i * RECORD_WORDS + word] as number;
  }
  /** 64 bits as a double: exact to 2^53, which is 104 days in nanoseconds and off by one after that. */
  wide(i: number, word: number): number {
    const at = i * RECORD_WORDS + word;
    return (this.values[at + 1] as number) * TWO_32 + (this.values[at] as number);
  }
  /** Packets, segments, bytes of egress, then of ingress. */
  counter(i: number, which: number): number {
    return this.wide(i, RECORD.counters + which * 2);
  }
  egressFlags(i: number): number {
    return this.record(i, RECORD.tcp) & 0xff;
  }
  ingressFlags(i: number): number {
    return (this.record(i, RECORD.tcp) >>> 8) & 0xff;
  }
  tcpState(i: number): number {
    return (this.record(i, RECORD.tcp) >>> 16) & 0xff;
  }
  /** The dataplane's own: enum verdict. */
  verdict(i: number): number {
    return this.record(i, RECORD.verdict) & 0xff;
  }
  /** enum path_kind. */
  pathKind(i: number): number {
    return (this.record(i, RECORD.verdict) >>> 8) & 0xff;
  }
  /** enum path_reason. */
  pathReason(i: number): number {
    return (this.record(i, RECORD.verdict) >>> 16) & 0xff;
  }
  /** By our dataplane: it has decided, or counted the flow's first packet on the slow path while it asked. */
  isCarried(i: number): boolean {
    return this.record(i, RECORD.generation) !== 0 || this.record(i, RECORD.slowPackets) !== 0;
  }
  opener(i: number): number {
    return this.record(i, RECORD.tcp) >>> 24;
  }
  /** Where our dataplane translates the flow, by masquerading, to a service's backend, or to a port of its own: its tuple beyond its endpoint's link, into `out`. */
  translated(i: number, out: Uint32Array): boolean {
    const source = this.record(i, RECORD.natPort) & 0xffff;
    const destination = this.record(i, RECORD.natDstPort) & 0xffff;
    if (source === 0 && destination === 0) return false;
    const ports = this.key(i, KEY.ports);
    const own = this.record(i, RECORD.wirePort) & 0xffff || ports & 0xffff;
    for (let word = 0; word < 4; word++) {
      out[KEY.local + word] = source
        ? this.record(i, RECORD.natAddress + word)
        : this.key(i, KEY.local + word);
      out[KEY.remote + word] = destination
        ? this.record(i, RECORD.natDst + word)
        : this.key(i, KEY.remote + word);
    }
    out[KEY.ports] = (((destination || ports >>> 16) << 16) | (source || own)) >>> 0;
    return true;
  }
}
