/**
 * One row of a batch from one entry of the flow table and its baseline: deltas, turned so that the source
 * comes first. Written straight into the batch's columns.
 */
import { FlowOpener, PathKind, PathLimit, Verdict } from "@millrace/abi/generated/flow";
import { coarse } from "@millrace/contract/numbers";
import { wholeMilliseconds } from "@millrace/contract/packing";
import {
  type Verdict as FlowVerdict,
  VERDICT_NUMBER,
  WAY_NUMBER,
  type Way,
} from "@millrace/contract/verdict";
import type { FlowTranslations } from "../translation/flow-translations.ts";
import { TUPLE_WORDS, turnTuple } from "../translation/tuple.ts";
import type { BatchBuilder } from "./batch.ts";
import type { DropReasons } from "./drop-reasons.ts";
import { DOUBLE, ENTRY_BYTES, FLAG_REVERSED, FLAG_TIERED, type FlowBaseline, WORD } from "./flow-baseline.ts";
import { type FlowTable, KEY, RECORD } from "./flow-table.ts";
import type { Identities } from "./identities.ts";
import { destinationPort, sourcePort } from "./orientation.ts";
import type { SocketSample, SocketSamples } from "./socket-samples.ts";
import type { WallClock } from "./time.ts";

const ENTRY_DOUBLES = ENTRY_BYTES / 8;
const LOCAL_IS_SOURCE = 0; // index of OBSERVERS
const LOCAL_IS_DESTINATION = 1;
const INGRESS_PACKETS = 3;
const ISN_SECONDS = 15;

/** In people's words; a way of the kernel's that has none here doesn't compile. */
const WAYS: Record<keyof typeof PathKind, Way> = {
  NONE: "none",
  LOCAL: "local",
  DIRECT: "direct",
  OVERLAY: "overlay",
  HOST: "host",
  MASQUERADE: "masquerade",
  PUNT: "none",
};
const WAY_OF_KIND: ReadonlyMap<number, number> = new Map(
  (Object.keys(PathKind) as (keyof typeof PathKind)[]).map((kind) => [
    PathKind[kind],
    WAY_NUMBER[WAYS[kind]],
  ]),
);

export type FlowRowSources = {
  baseline: FlowBaseline;
  batch: BatchBuilder;
  identities: Identities;
  clock: WallClock;
  reasons: DropReasons;
  sockets: SocketSamples;
  translations: FlowTranslations;
};

export class FlowRow {
  readonly #sources: FlowRowSources;
  readonly #turned = new Uint32Array(TUPLE_WORDS);

  constructor(sources: FlowRowSources) {
    this.#sources = sources;
  }

  /** `slot` is the flow's baseline or -1; `entry` its new baseline, by first word in the changes. */
  fill(table: FlowTable, i: number, slot: number, entry: number): void {
    const { flowChanges: changes, flows } = this.#sources.batch;
    const reversed = ((changes.words[entry + WORD.flags] as number) & FLAG_REVERSED) !== 0;
    const sample = this.#sample(table, i);
    copyWords(flows.words.flowId, flows.rows, changes.words, entry + WORD.id);
    this.#fillEnds(table, i, reversed, sample);
    this.#fillCounters(table, i, slot, reversed);
    this.#fillSocket(table, i, slot, sample);
    this.#fillTimes(table, i, changes.doubles[entry / 2 + DOUBLE.firstSeenUs] as number);
    this.#fillVerdict(table, i, slot);
    this.#fillPath(table, i, slot);
    this.#fillOtherSide(changes.words[entry + WORD.translation] as number, reversed);
    this.#fillService(changes.words[entry + WORD.asked] as number);
  }
  #fillOtherSide(translation: number, reversed: boolean): void {
    const { batch, translations } = this.#sources;
    const tuple = translation === 0 ? undefined : translations.get(translation);
    if (!tuple) return;
    if (reversed) turnTuple(this.#turned, 0, tuple, 0);
    batch.addTranslation(reversed ? this.#turned : tuple);
  }
  #fillService(asked: number): void {
    const { batch, translations } = this.#sources;
    const tuple = asked === 0 ? undefined : translations.get(asked);
    if (tuple) batch.addService(tuple);
  }
  /** Only a flow that was met mid-stream has a socket older than its endpoint's attach. */
  #sample(table: FlowTable, i: number): SocketSample | undefined {
    const { sockets } = this.#sources;
    if (sockets.size === 0 || table.opener(i) !== FlowOpener.UNKNOWN) return undefined;
    return sockets.find(table, i);
  }
  /** Completes the row. */
  end(endpoint: number, final: boolean): void {
    const { flows } = this.#sources.batch;
    flows.columns.endpoint[flows.rows] = endpoint;
    flows.columns.final[flows.rows] = final ? 1 : 0;
    flows.rows++;
  }

  #fillEnds(table: FlowTable, i: number, reversed: boolean, sample: SocketSample | undefined): void {
    const { batch, identities } = this.#sources;
    const { columns, rows, words } = batch.flows;
    const k = table.keyAt(i);
    const low = table.record(i, RECORD.cgroup) || (sample?.cgroupLow ?? 0);
    const high = table.record(i, RECORD.cgroup + 1) || (sample?.cgroupHigh ?? 0);
    const own = batch.workload(identities.local(table.key(i, KEY.endpoint), low, high));
    const other = batch.workload(identities.remote(table.keys, k + KEY.remote));
    copyWords(words.src, rows, table.keys, k + (reversed ? KEY.remote : KEY.local));
    copyWords(words.dst, rows, table.keys, k + (reversed ? KEY.local : KEY.remote));
    columns.srcPort[rows] = sourcePort(table.keys, k, reversed);
    columns.dstPort[rows] = destinationPort(table.keys, k, reversed);
    columns.srcWorkload[rows] = reversed ? other : own;
    columns.dstWorkload[rows] = reversed ? own : other;
    columns.observer[rows] = reversed ? LOCAL_IS_DESTINATION : LOCAL_IS_SOURCE;
    columns.openerKnown[rows] = table.opener(i) === FlowOpener.UNKNOWN ? 0 : 1;
    columns.proto[rows] = table.protocol(i);
    columns.vlan[rows] = table.vlan(i);
  }

  #fillCounters(table: FlowTable, i: number, slot: number, reversed: boolean): void {
    const { columns, rows } = this.#sources.batch.flows;
    const forward = reversed ? INGRESS_PACKETS : 0;
    const backward = INGRESS_PACKETS - forward;
    columns.fwdPackets[rows] = this.#delta(table, i, slot, forward);
    columns.fwdSegments[rows] = this.#delta(table, i, slot, forward + 1);
    columns.fwdBytes[rows] = this.#delta(table, i, slot, forward + 2);
    columns.revPackets[rows] = this.#delta(table, i, slot, backward);
    columns.revSegments[rows] = this.#delta(table, i, slot, backward + 1);
    columns.revBytes[rows] = this.#delta(table, i, slot, backward + 2);
    columns.fwdFlags[rows] = reversed ? table.ingressFlags(i) : table.egressFlags(i);
    columns.revFlags[rows] = reversed ? table.egressFlags(i) : table.ingressFlags(i);
  }

  #fillSocket(table: FlowTable, i: number, slot: number, sample: SocketSample | undefined): void {
    const { columns, rows } = this.#sources.batch.flows;
    columns.tcpState[rows] = table.tcpState(i);
    columns.rttUs[rows] = measured(table.record(i, RECORD.rtt) || (sample?.rttUs ?? 0));
    columns.rttMinUs[rows] = measured(table.record(i, RECORD.rttMin) || (sample?.rttMinUs ?? 0));
    columns.retransmits[rows] = this.#wordDelta(table.record(i, RECORD.retransmits), slot, WORD.retransmits);
    const opens = this.#wordDelta(table.record(i, RECORD.opens), slot, WORD.opens);
    columns.opens[rows] = Math.min(0xffff, opens);
    columns.isn[rows] = slot < 0 || opens > 0 || this.#isTimeFor(table, i) ? table.record(i, RECORD.isn) : 0;
  }

  /** In one second of sixteen, another for each flow: four random bytes are too dear to be told each time. */
  #isTimeFor(table: FlowTable, i: number): boolean {
    const second = Math.floor(this.#sources.batch.toUs / 1e6);
    return ((table.record(i, RECORD.isn) + second) & ISN_SECONDS) === 0;
  }

  /** The last packet's time is a timer tick coarse: it may lie before the first one's, and is told in ms. */
  #fillTimes(table: FlowTable, i: number, firstSeenUs: number): void {
    const { columns, rows } = this.#sources.batch.flows;
    const lastSeenUs = this.#sources.clock.us(
      table.record(i, RECORD.lastSeen),
      table.record(i, RECORD.lastSeen + 1),
    );
    columns.firstSeen[rows] = firstSeenUs;
    columns.lastSeen[rows] =
      lastSeenUs > firstSeenUs ? wholeMilliseconds(lastSeenUs, this.#sources.batch.toUs) : firstSeenUs;
  }

  /** With the dataplane's own reason where it drops and no packet of this interval tells one. */
  #fillVerdict(table: FlowTable, i: number, slot: number): void {
    const { columns, rows } = this.#sources.batch.flows;
    const drops = this.#wordDelta(table.record(i, RECORD.drops), slot, WORD.drops);
    const verdict = verdictOf(table, i, drops);
    const reason = drops ? table.record(i, RECORD.dropReason) : ownReason(table, i);
    columns.drops[rows] = drops;
    columns.dropReason[rows] = reason ? this.#reason(reason) : 0;
    columns.verdict[rows] = VERDICT_NUMBER[verdict];
  }

  /** race: read while it is being decided, parts may be of two decisions; the packet that decides brings another row. */
  #fillPath(table: FlowTable, i: number, slot: number): void {
    const { columns, rows } = this.#sources.batch.flows;
    columns.carried[rows] = table.isCarried(i) ? 1 : 0;
    columns.way[rows] = WAY_OF_KIND.get(table.pathKind(i)) ?? WAY_NUMBER.none;
    columns.slowPackets[rows] = this.#slowPackets(table.record(i, RECORD.slowPackets), slot);
    columns.rule[rows] = table.record(i, RECORD.rule);
    columns.revision[rows] = table.record(i, RECORD.revision);
  }
  /** What an agent without this counter had reported of the flow can't be told apart: from then on. */
  #slowPackets(now: number, slot: number): number {
    const { baseline } = this.#sources;
    const isTold = slot < 0 || (baseline.wordAt(slot, WORD.flags) & FLAG_TIERED) !== 0;
    return isTold ? this.#wordDelta(now, slot, WORD.slowPackets) : 0;
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

/**
 * What our dataplane decided, and a loss that anybody told of. Of a flow that another carries only what was seen is
 * claimed: what the endpoint received has been forwarded to it.
 */
function verdictOf(table: FlowTable, i: number, drops: number): FlowVerdict {
  const decided = table.verdict(i);
  if (drops > 0 || decided === Verdict.DROP) return "dropped";
  if (decided === Verdict.WOULD_DROP) return "would-drop";
  return decided === Verdict.FORWARD || table.counter(i, INGRESS_PACKETS) > 0 ? "forwarded" : "unknown";
}

/** Of our dataplane, when it drops; 0 for none. */
function ownReason(table: FlowTable, i: number): number {
  const reason = table.verdict(i) === Verdict.DROP ? table.pathReason(i) : 0;
  return reason && PathLimit.REASON_BASE + reason;
}

/** The kernel's smallest RTT starts out as all ones. */
const measured = (us: number): number => (us > 0x7fff_ffff ? 0 : coarse(us));

/** An address or an id: four words of `from` to row `row`. */
function copyWords(to: Uint32Array, row: number, from: Uint32Array, at: number): void {
  for (let i = 0; i < 4; i++) to[row * 4 + i] = from[at + i] as number;
}
