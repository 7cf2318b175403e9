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
  srcWorkload: Latest;
  dstWorkload: Latest;
  /** The newest update that met the search's witness; what history is ordered by. */
  keyUs: number | null;
};

/** Verdict numbers from harmless to worst: the worst of its updates is the flow's. */
export const BADNESS = [3, 0, 2, 1] as const;
const BADNESS_SQL = "(array[1,3,2,0])[u.verdict + 1]";

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
    ...["reason_id", "tcp_state", "rtt_us", "src_workload", "dst_workload"].map(latest),
    key === "true" ? microseconds("max(u.ts)") : `${microseconds(`max(u.ts) filter (where ${key})`)}`,
  ].join(", ");

/** A row of `memberColumns`, read with rowMode "array". */
export function memberOf(row: readonly unknown[]): Member {
  const at = { column: 0 };
  const next = <T>(): T => row[at.column++] as T;
  const latest = (): Latest => {
    const both = next<string | null>();
    if (both === null) return null;
    const packed = BigInt(both);
    return [Number(packed >> 32n), Number(packed & 0xffff_ffffn)];
  };
  const nat = (): Tuple | null => {
    const [src, dst] = [next<string | null>(), next<string | null>()];
    const [srcPort, dstPort] = [next<number>(), next<number>()];
    return src === null || dst === null ? null : { src, dst, srcPort, dstPort };
  };
  const direction = (): Counts => ({
    packets: next<number>(),
    segments: next<number>(),
    bytes: next<number>(),
    flags: next<number>(),
  });
  return {
    ...{ flowId: next<string>(), pairKey: next<string>(), hostId: next<number>() },
    ...{ endpointId: next<number>(), observer: next<number>() },
    ...{ counted: next<boolean>(), openerKnown: next<boolean>() },
    ...{ firstSeenUs: next<number>(), lastSeenUs: next<number>() },
    ...{ src: next<string>(), dst: next<string>(), srcPort: next<number>(), dstPort: next<number>() },
    ...{ proto: next<number>(), vlan: next<number>(), nat: nat(), isn: next<number>() },
    ...{ badness: next<number>(), drops: next<number>(), forward: direction(), reverse: direction() },
    ...{ retransmits: next<number>(), rttMinUs: next<number | null>() },
    ...{ reason: latest(), tcpState: latest(), rtt: latest() },
    ...{ srcWorkload: latest(), dstWorkload: latest(), keyUs: next<number | null>() },
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
    reason: later(a.reason, b.reason),
    tcpState: later(a.tcpState, b.tcpState),
    rtt: later(a.rtt, b.rtt),
    srcWorkload: later(a.srcWorkload, b.srcWorkload),
    dstWorkload: later(a.dstWorkload, b.dstWorkload),
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
const greatest = (a: number | null, b: number | null) =>
  a === null || b === null ? (a ?? b) : Math.max(a, b);

export function later(a: Latest, b: Latest): Latest {
  if (a === null || b === null) return a ?? b;
  if (a[0] !== b[0]) return a[0] > b[0] ? a : b;
  return a[1] >= b[1] ? a : b;
}
