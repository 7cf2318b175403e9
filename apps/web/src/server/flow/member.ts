/**
 * One observer's account of a flow: its updates summed up, in SQL for history and in memory for the live
 * stream, which must agree. Two accounts of the same flow are joined in pair.ts.
 */
import { microseconds } from "../sql.ts";

export type Counts = { packets: number; segments: number; bytes: number; flags: number };
/**
 * The latest value of a field that updates may leave out, with the second it was said in. Within a second the
 * greater one counts: it makes both one number, and a maximum of numbers is what SQL sums up fastest.
 */
export type Latest = readonly [atS: number, value: number] | null;

/**
 * By what rule: of the flow's worst verdict, and of several of those the latest. Compared from the first to the last,
 * here and in SQL.
 */
export type Decision = readonly [badness: number, atS: number, rule: number, revision: number];

export type Tuple = { src: string; dst: string; srcPort: number; dstPort: number };

export type Member = {
  flowId: string;
  pairKey: string;
  hostId: number;
  endpointId: number;
  /** Index of OBSERVERS. */
  observer: number;
  counted: boolean;
  openerKnown: boolean;
  firstSeenUs: number;
  lastSeenUs: number;
  src: string;
  dst: string;
  srcPort: number;
  dstPort: number;
  proto: number;
  vlan: number;
  /** The tuple on the other side of the NAT that the observer's host does. */
  nat: Tuple | null;
  isn: number;
  /** Worst first: index of WORST_FIRST. */
  badness: number;
  drops: number;
  forward: Counts;
  reverse: Counts;
  retransmits: number;
  rttMinUs: number | null;
  reason: Latest;
  tcpState: Latest;
  rtt: Latest;
  /** Of what our dataplane carries; null where another does. */
  slowPackets: number | null;
  decision: Decision | null;
  way: Latest;
  srcWorkload: Latest;
  dstWorkload: Latest;
  /** The service that its source asked for. */
  asked: Latest;
  /** The newest update that met the search's witness; what history is ordered by. */
  keyUs: number | null;
};

/** Verdict numbers from harmless to worst: the worst of its updates is the flow's. */
export const BADNESS = [3, 0, 2, 1] as const;
const BADNESS_SQL = "(array[1,3,2,0])[u.verdict + 1]";

/** Over updates `u` of one flow; null where another carries it. */
export const DECISION_SQL = `max(array[${BADNESS_SQL}, floor(date_part('epoch', u.ts)), coalesce(u.rule, 0),
  coalesce(u.revision, 0)]::float8[]) filter (where u.slow_packets is not null)`;

const latest = (column: string): string =>
  `max((floor(date_part('epoch', u.ts))::bigint << 32) | u.${column}::bigint) filter (where u.${column} is not null)`;
const counts = (way: "fwd" | "rev"): string =>
  `sum(u.${way}_packets)::float8, sum(u.${way}_segments)::float8, sum(u.${way}_bytes)::float8, bit_or(u.${way}_flags)`;

/** To be grouped by u.flow_id, which keeps tuple and observer the same. `key` is a SQL condition over u. */
export const memberColumns = (key: string): string =>
  [
    "u.flow_id::text, min(u.pair_key)::text, min(u.host_id), min(u.endpoint_id), min(u.observer)",
    "bool_or(u.counted), bool_or(u.opener_known)",
    `${microseconds("min(u.first_seen)")}, ${microseconds("max(u.last_seen)")}`,
    "host(min(u.src)), host(min(u.dst)), min(u.src_port), min(u.dst_port), min(u.proto), min(u.vlan)",
    "host(min(u.nat_src)), host(min(u.nat_dst)), min(u.nat_src_port), min(u.nat_dst_port)",
    "max(u.isn)::float8",
    `max(${BADNESS_SQL}), sum(u.drops)::float8`,
    counts("fwd"),
    counts("rev"),
    "sum(u.retransmits)::float8, min(u.rtt_min_us)",
    `sum(u.slow_packets)::float8, ${DECISION_SQL}`,
    ...["reason_id", "tcp_state", "rtt_us", "way", "src_workload", "dst_workload", "asked_service"].map(
      latest,
    ),
    key === "true" ? microseconds("max(u.ts)") : `${microseconds(`max(u.ts) filter (where ${key})`)}`,
  ].join(", ");

/** The columns of a row one after the other. */
class Columns {
  readonly #row: readonly unknown[];
  #at = 0;

  constructor(row: readonly unknown[]) {
    this.#row = row;
  }
  next<T>(): T {
    return this.#row[this.#at++] as T;
  }
  latest(): Latest {
    const both = this.next<string | null>();
    if (both === null) return null;
    const packed = BigInt(both);
    return [Number(packed >> 32n), Number(packed & 0xffff_ffffn)];
  }
  tuple(): Tuple | null {
    const [src, dst] = [this.next<string | null>(), this.next<string | null>()];
    const [srcPort, dstPort] = [this.next<number>(), this.next<number>()];
    return src === null || dst === null ? null : { src, dst, srcPort, dstPort };
  }
  counts(): Counts {
    const [packets, segments] = [this.next<number>(), this.next<number>()];
    return { packets, segments, bytes: this.next<number>(), flags: this.next<number>() };
  }
}

/** A row of `memberColumns`, read with rowMode "array". One literal: put together of several it takes 30 times as long. */
export function memberOf(row: readonly unknown[]): Member {
  const c = new Columns(row);
  return {
    flowId: c.next(),
    pairKey: c.next(),
    hostId: c.next(),
    endpointId: c.next(),
    observer: c.next(),
    counted: c.next(),
    openerKnown: c.next(),
    firstSeenUs: c.next(),
    lastSeenUs: c.next(),
    src: c.next(),
    dst: c.next(),
    srcPort: c.next(),
    dstPort: c.next(),
    proto: c.next(),
    vlan: c.next(),
    nat: c.tuple(),
    isn: c.next(),
    badness: c.next(),
    drops: c.next(),
    forward: c.counts(),
    reverse: c.counts(),
    retransmits: c.next(),
    rttMinUs: c.next(),
    slowPackets: c.next(),
    decision: c.next(),
    reason: c.latest(),
    tcpState: c.latest(),
    rtt: c.latest(),
    way: c.latest(),
    srcWorkload: c.latest(),
    dstWorkload: c.latest(),
    asked: c.latest(),
    keyUs: c.next(),
  };
}

/** Two sums over disjoint updates of the same flow make the sum over both, in either order. */
export function combine(a: Member, b: Member): Member {
  return {
    ...a,
    counted: a.counted || b.counted,
    openerKnown: a.openerKnown || b.openerKnown,
    firstSeenUs: Math.min(a.firstSeenUs, b.firstSeenUs),
    lastSeenUs: Math.max(a.lastSeenUs, b.lastSeenUs),
    isn: Math.max(a.isn, b.isn),
    badness: Math.max(a.badness, b.badness),
    drops: a.drops + b.drops,
    forward: added(a.forward, b.forward),
    reverse: added(a.reverse, b.reverse),
    retransmits: a.retransmits + b.retransmits,
    rttMinUs: least(a.rttMinUs, b.rttMinUs),
    slowPackets: total(a.slowPackets, b.slowPackets),
    decision: weightier(a.decision, b.decision),
    reason: later(a.reason, b.reason),
    tcpState: later(a.tcpState, b.tcpState),
    rtt: later(a.rtt, b.rtt),
    way: later(a.way, b.way),
    srcWorkload: later(a.srcWorkload, b.srcWorkload),
    dstWorkload: later(a.dstWorkload, b.dstWorkload),
    asked: later(a.asked, b.asked),
    keyUs: greatest(a.keyUs, b.keyUs),
  };
}

const added = (a: Counts, b: Counts): Counts => ({
  packets: a.packets + b.packets,
  segments: a.segments + b.segments,
  bytes: a.bytes + b.bytes,
  flags: a.flags | b.flags,
});
const least = (a: number | null, b: number | null) => (a === null || b === null ? (a ?? b) : Math.min(a, b));
const total = (a: number | null, b: number | null) => (a === null || b === null ? (a ?? b) : a + b);
const greatest = (a: number | null, b: number | null) =>
  a === null || b === null ? (a ?? b) : Math.max(a, b);

export function later(a: Latest, b: Latest): Latest {
  if (a === null || b === null) return a ?? b;
  if (a[0] !== b[0]) return a[0] > b[0] ? a : b;
  return a[1] >= b[1] ? a : b;
}

function weightier(a: Decision | null, b: Decision | null): Decision | null {
  if (a === null || b === null) return a ?? b;
  const at = a.findIndex((value, i) => value !== b[i]);
  return at < 0 || (a[at] as number) > (b[at] as number) ? a : b;
}
