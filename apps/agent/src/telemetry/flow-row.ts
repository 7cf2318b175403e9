/**
 * One row of a batch from one entry of the flow table and its baseline: deltas, turned so that the source
 * comes first. The row object is reused; the batch copies its values at once.
 */
import { FlowOpener } from "@millrace/abi/generated/flow";
import type { FLOW_COLUMNS } from "@millrace/contract/batch";
import type { ColumnRow } from "@millrace/contract/column";
import { VERDICT_NUMBER } from "@millrace/contract/verdict";
import type { BatchBuilder } from "./batch.ts";
import type { DropReasons } from "./drop-reasons.ts";
import { DOUBLE, ENTRY_BYTES, FLAG_REVERSED, type FlowBaseline, WORD } from "./flow-baseline.ts";
import { type FlowTable, KEY, RECORD } from "./flow-table.ts";
import type { Identities } from "./identities.ts";
import { localPort, remotePort } from "./orientation.ts";
import type { WallClock } from "./time.ts";

const ENTRY_DOUBLES = ENTRY_BYTES / 8;
const LOCAL_IS_SOURCE = 0; // index of OBSERVERS
const LOCAL_IS_DESTINATION = 1;
const INGRESS_PACKETS = 3;

export type FlowRowSources = {
  baseline: FlowBaseline;
  batch: BatchBuilder;
  identities: Identities;
  clock: WallClock;
  reasons: DropReasons;
};

/** The columns' row, to be written to. */
type FlowRowValue = { -readonly [K in keyof typeof FLOW_COLUMNS]: ColumnRow<typeof FLOW_COLUMNS>[K] };

const words4 = () => {
  const words = new Uint32Array(4);
  return { words, bytes: new Uint8Array(words.buffer) };
};

export class FlowRow {
  readonly #sources: FlowRowSources;
  readonly #local = words4();
  readonly #remote = words4();
  readonly #id = words4();
  readonly value: FlowRowValue;

  constructor(sources: FlowRowSources) {
    this.#sources = sources;
    const none = this.#id.bytes;
    this.value = {
      ...{ flowId: none, firstSeen: 0, lastSeen: 0, src: none, dst: none, srcPort: 0, dstPort: 0 },
      ...{ proto: 0, vlan: 0, observer: 0, openerKnown: 0, verdict: 0, dropReason: 0, drops: 0 },
      ...{ fwdPackets: 0, fwdSegments: 0, fwdBytes: 0, revPackets: 0, revSegments: 0, revBytes: 0 },
      ...{ fwdFlags: 0, revFlags: 0, tcpState: 0, rttUs: 0, rttMinUs: 0, retransmits: 0, opens: 0 },
      ...{ isn: 0, srcWorkload: 0, dstWorkload: 0, endpoint: 0, final: 0 },
    };
  }

  /** `slot` is the flow's baseline or -1; `entry` its new baseline, by first word in the changes. */
  fill(table: FlowTable, i: number, slot: number, entry: number): void {
    const changes = this.#sources.batch.flowChanges;
    const reversed = ((changes.words[entry + WORD.flags] as number) & FLAG_REVERSED) !== 0;
    for (let word = 0; word < 4; word++)
      this.#id.words[word] = changes.words[entry + WORD.id + word] as number;
    this.value.flowId = this.#id.bytes;
    this.#fillEnds(table, i, reversed);
    this.#fillCounters(table, i, slot, reversed);
    this.#fillSocket(table, i, slot);
    this.#fillTimes(table, i, changes.doubles[entry / 2 + DOUBLE.firstSeenUs] as number);
    this.#fillVerdict(table, i, slot);
  }

  #fillEnds(table: FlowTable, i: number, reversed: boolean): void {
    const { batch, identities } = this.#sources;
    const row = this.value;
    for (let word = 0; word < 4; word++) {
      this.#local.words[word] = table.key(i, KEY.local + word);
      this.#remote.words[word] = table.key(i, KEY.remote + word);
    }
    const k = table.keyAt(i);
    const own = batch.workload(
      identities.local(
        table.key(i, KEY.endpoint),
        table.record(i, RECORD.cgroup),
        table.record(i, RECORD.cgroup + 1),
      ),
    );
    const other = batch.workload(identities.remote(table.keys, k + KEY.remote));
    row.src = reversed ? this.#remote.bytes : this.#local.bytes;
    row.dst = reversed ? this.#local.bytes : this.#remote.bytes;
    row.srcPort = reversed ? remotePort(table.keys, k) : localPort(table.keys, k);
    row.dstPort = reversed ? localPort(table.keys, k) : remotePort(table.keys, k);
    row.srcWorkload = reversed ? other : own;
    row.dstWorkload = reversed ? own : other;
    row.observer = reversed ? LOCAL_IS_DESTINATION : LOCAL_IS_SOURCE;
    row.openerKnown = table.opener(i) === FlowOpener.UNKNOWN ? 0 : 1;
    row.proto = table.protocol(i);
    row.vlan = table.vlan(i);
  }

  #fillCounters(table: FlowTable, i: number, slot: number, reversed: boolean): void {
    const row = this.value;
    const forward = reversed ? INGRESS_PACKETS : 0;
    const backward = INGRESS_PACKETS - forward;
    row.fwdPackets = this.#delta(table, i, slot, forward);
    row.fwdSegments = this.#delta(table, i, slot, forward + 1);
    row.fwdBytes = this.#delta(table, i, slot, forward + 2);
    row.revPackets = this.#delta(table, i, slot, backward);
    row.revSegments = this.#delta(table, i, slot, backward + 1);
    row.revBytes = this.#delta(table, i, slot, backward + 2);
    row.fwdFlags = reversed ? table.ingressFlags(i) : table.egressFlags(i);
    row.revFlags = reversed ? table.egressFlags(i) : table.ingressFlags(i);
  }

  #fillSocket(table: FlowTable, i: number, slot: number): void {
    const row = this.value;
    row.tcpState = table.tcpState(i);
    row.rttUs = measured(table.record(i, RECORD.rtt));
    row.rttMinUs = measured(table.record(i, RECORD.rttMin));
    row.retransmits = this.#wordDelta(table.record(i, RECORD.retransmits), slot, WORD.retransmits);
    row.opens = Math.min(0xffff, this.#wordDelta(table.record(i, RECORD.opens), slot, WORD.opens));
    row.isn = table.record(i, RECORD.isn);
  }

  /** The last packet's time is a timer tick coarse, and so may lie before the first one's. */
  #fillTimes(table: FlowTable, i: number, firstSeenUs: number): void {
    const lastSeenUs = this.#sources.clock.us(
      table.record(i, RECORD.lastSeen),
      table.record(i, RECORD.lastSeen + 1),
    );
    this.value.firstSeen = firstSeenUs;
    this.value.lastSeen = Math.max(firstSeenUs, lastSeenUs);
  }

  /** Only what was seen is claimed: what the endpoint received has been forwarded to it. */
  #fillVerdict(table: FlowTable, i: number, slot: number): void {
    const row = this.value;
    row.drops = this.#wordDelta(table.record(i, RECORD.drops), slot, WORD.drops);
    row.dropReason = row.drops ? this.#reason(table.record(i, RECORD.dropReason)) : 0;
    const received = table.counter(i, INGRESS_PACKETS) > 0;
    row.verdict = VERDICT_NUMBER[row.drops ? "dropped" : received ? "forwarded" : "unknown"];
  }

  #reason(reason: number): number {
    return this.#sources.batch.reason(this.#sources.reasons.of(reason).name);
  }
  #delta(table: FlowTable, i: number, slot: number, counter: number): number {
    const at = slot * ENTRY_DOUBLES + DOUBLE.counters + counter;
    const before = slot < 0 ? 0 : (this.#sources.baseline.doubles[at] as number);
    return table.counter(i, counter) - before;
  }
  #wordDelta(now: number, slot: number, word: number): number {
    return (now - (slot < 0 ? 0 : this.#sources.baseline.wordAt(slot, word))) >>> 0;
  }
}

/** The kernel's smallest RTT starts out as all ones. */
const measured = (us: number): number => (us > 0x7fff_ffff ? 0 : us);
