/** History the slow and obvious way, from the very rows that were stored: what search must agree with. */
import { BADNESS, combine, type Decision, type Latest, type Member } from "../flow/member.ts";
import type { UpdateRow } from "./telemetry-rows.ts";

const at = (row: UpdateRow, value: number | null): Latest =>
  value === null ? null : [Math.floor(row.ts / 1e6), value];

const decisionOf = (u: UpdateRow): Decision => [
  (BADNESS as readonly number[]).indexOf(u.verdict),
  Math.floor(u.ts / 1e6),
  u.rule ?? 0,
  u.revision ?? 0,
];

/** One update as an account of its own. */
export const memberOfUpdate = (u: UpdateRow): Member => ({
  ...{ flowId: u.flow_id, pairKey: u.pair_key, hostId: u.host_id, endpointId: u.endpoint_id },
  ...{ observer: u.observer, counted: u.counted, openerKnown: u.opener_known },
  ...{ firstSeenUs: u.first_seen, lastSeenUs: u.last_seen, src: u.src, dst: u.dst },
  ...{ srcPort: u.src_port, dstPort: u.dst_port, proto: u.proto, vlan: u.vlan, isn: u.isn },
  nat:
    u.nat_src === null || u.nat_dst === null
      ? null
      : { src: u.nat_src, dst: u.nat_dst, srcPort: u.nat_src_port ?? 0, dstPort: u.nat_dst_port ?? 0 },
  badness: (BADNESS as readonly number[]).indexOf(u.verdict),
  drops: u.drops,
  forward: { packets: u.fwd_packets, segments: u.fwd_segments, bytes: u.fwd_bytes, flags: u.fwd_flags },
  reverse: { packets: u.rev_packets, segments: u.rev_segments, bytes: u.rev_bytes, flags: u.rev_flags },
  ...{ retransmits: u.retransmits, rttMinUs: u.rtt_min_us },
  slowPackets: u.slow_packets,
  decision: u.slow_packets === null ? null : decisionOf(u),
  way: at(u, u.way),
  reason: at(u, u.reason_id),
  tcpState: at(u, u.tcp_state),
  rtt: at(u, u.rtt_us),
  srcWorkload: at(u, u.src_workload),
  dstWorkload: at(u, u.dst_workload),
  asked: at(u, u.asked_service),
  keyUs: u.ts,
});

export function naiveMembers(updates: readonly UpdateRow[]): Member[] {
  const members = new Map<string, Member>();
  for (const update of updates) {
    const one = memberOfUpdate(update);
    const sum = members.get(update.flow_id);
    members.set(update.flow_id, sum ? combine(one, sum) : one);
  }
  return [...members.values()];
}
