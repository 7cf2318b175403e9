/**
 * The three telemetry tables as COPY takes them: which column of a batch goes where. The order here is the
 * order of each column list; a test compares both with the database. The format is copy.ts's.
 */
import type { EndpointClasses } from "@millrace/contract/batch";
import type { z } from "zod";
import { CopyWriter } from "./copy.ts";
import type { Batch } from "./decode.ts";
import type { Names } from "./enrich.ts";

/** What a row has from its batch. */
export type Stamp = { readonly batchId: number; readonly hostId: number };

export const FLOW_TABLE = [
  ...[
    "ts",
    "batch_id",
    "host_id",
    "flow_id",
    "first_seen",
    "last_seen",
    "pair_key",
    "src",
    "dst",
    "src_port",
  ],
  ...["dst_port", "proto", "vlan", "observer", "opener_known", "counted", "verdict", "reason_id", "drops"],
  ...["fwd_packets", "fwd_segments", "fwd_bytes", "rev_packets", "rev_segments", "rev_bytes", "fwd_flags"],
  ...["rev_flags", "tcp_state", "rtt_us", "rtt_min_us", "retransmits", "opens", "isn", "src_workload"],
  ...["dst_workload", "endpoint_id", "final", "counted_src", "counted_dst"],
  ...["nat_src", "nat_dst", "nat_src_port", "nat_dst_port", "way", "slow_packets", "rule", "revision"],
  "asked_service",
];
const FLOW_BYTES = 400;

/** By row, ids of rollup_names. */
export type CountedNames = { readonly src: Int32Array; readonly dst: Int32Array };

export function flowRows(batch: Batch, names: Names, countedNames: CountedNames, stamp: Stamp): Buffer {
  const { head, flows, translations, services } = batch;
  let translation = 0;
  let service = 0;
  const to = new CopyWriter(head.flowRows * FLOW_BYTES);
  for (let row = 0; row < head.flowRows; row++) {
    to.row(FLOW_TABLE.length);
    to.timestamptz(head.to);
    to.int8(stamp.batchId);
    to.int4(stamp.hostId);
    to.uuid(flows.flowId, row);
    to.timestamptz(flows.firstSeen[row] as number);
    to.timestamptz(flows.lastSeen[row] as number);
    to.int8Halves(names.pairKeys.high[row] as number, names.pairKeys.low[row] as number);
    to.inet(flows.src, row);
    to.inet(flows.dst, row);
    to.int4(flows.srcPort[row] as number);
    to.int4(flows.dstPort[row] as number);
    to.int2(flows.proto[row] as number);
    to.int2(flows.vlan[row] as number);
    to.int2(flows.observer[row] as number);
    to.bool(flows.openerKnown[row] as number);
    to.bool(names.counted[row] as number);
    to.int2(flows.verdict[row] as number);
    idOrAbsent2(to, names.reasonIds[(flows.dropReason[row] as number) - 1]);
    flowCounters(to, batch, row);
    idOrAbsent4(to, names.flowSrc[row]);
    idOrAbsent4(to, names.flowDst[row]);
    to.int4(names.endpointIds[flows.endpoint[row] as number] as number);
    to.bool(flows.final[row] as number);
    idOrAbsent4(to, countedNames.src[row]);
    idOrAbsent4(to, countedNames.dst[row]);
    if (translations.row[translation] === row) otherSide(to, batch, translation++);
    else for (let i = 0; i < 4; i++) to.absent();
    path(to, batch, row);
    idOrAbsent4(to, services.row[service] === row ? names.serviceIds[service++] : undefined);
  }
  return to.finish();
}

function otherSide(to: CopyWriter, { translations }: Batch, at: number): void {
  to.inet(translations.src, at);
  to.inet(translations.dst, at);
  to.int4(translations.srcPort[at] as number);
  to.int4(translations.dstPort[at] as number);
}

/** What only our dataplane knows. */
function path(to: CopyWriter, { flows }: Batch, row: number): void {
  idOrAbsent2(to, flows.way[row]);
  if (flows.carried[row]) to.int8(flows.slowPackets[row] as number);
  else to.absent();
  idOrAbsent8(to, flows.rule[row]);
  idOrAbsent8(to, flows.revision[row]);
}

function flowCounters(to: CopyWriter, { flows }: Batch, row: number): void {
  to.int8(flows.drops[row] as number);
  to.int8(flows.fwdPackets[row] as number);
  to.int8(flows.fwdSegments[row] as number);
  to.int8(flows.fwdBytes[row] as number);
  to.int8(flows.revPackets[row] as number);
  to.int8(flows.revSegments[row] as number);
  to.int8(flows.revBytes[row] as number);
  to.int2(flows.fwdFlags[row] as number);
  to.int2(flows.revFlags[row] as number);
  to.int2(flows.tcpState[row] as number);
  idOrAbsent4(to, flows.rttUs[row]);
  idOrAbsent4(to, flows.rttMinUs[row]);
  to.int8(flows.retransmits[row] as number);
  to.int4(flows.opens[row] as number);
  to.int8(flows.isn[row] as number);
}

export const DROP_TABLE = [
  ...["ts", "batch_id", "host_id", "src", "dst", "src_port", "dst_port", "proto", "reason_id", "place_id"],
  ...["class", "direction", "src_workload", "dst_workload", "packets", "bytes", "first_seen", "last_seen"],
];
const DROP_BYTES = 240;

export function dropRows({ head, drops }: Batch, names: Names, stamp: Stamp): Buffer {
  const to = new CopyWriter(head.dropRows * DROP_BYTES);
  for (let row = 0; row < head.dropRows; row++) {
    to.row(DROP_TABLE.length);
    to.timestamptz(head.to);
    to.int8(stamp.batchId);
    to.int4(stamp.hostId);
    to.inet(drops.src, row);
    to.inet(drops.dst, row);
    to.int4(drops.srcPort[row] as number);
    to.int4(drops.dstPort[row] as number);
    to.int2(drops.proto[row] as number);
    to.int2(names.reasonIds[(drops.reason[row] as number) - 1] as number);
    to.int4(names.placeIds[(drops.place[row] as number) - 1] as number);
    to.int2(drops.class[row] as number);
    to.int2(drops.direction[row] as number);
    idOrAbsent4(to, names.dropSrc[row]);
    idOrAbsent4(to, names.dropDst[row]);
    to.int8(drops.packets[row] as number);
    to.int8(drops.bytes[row] as number);
    to.timestamptz(drops.firstSeen[row] as number);
    to.timestamptz(drops.lastSeen[row] as number);
  }
  return to.finish();
}

export const ENDPOINT_TABLE = [
  ...["ts", "batch_id", "host_id", "endpoint_id", "egress", "ingress", "device_tx_packets"],
  ...["device_tx_bytes", "device_rx_packets", "device_rx_bytes", "device_tx_dropped", "device_rx_dropped"],
];
const ENDPOINT_BYTES = 640;

type Classes = z.infer<typeof EndpointClasses>;
/** The classes' order in the database, then packets, segments, bytes of each. */
const CLASS_ORDER = [
  "total",
  "notIp",
  "truncated",
  "tableFull",
  "flowRetired",
  "otherHost",
  "spoofed",
  "overBudget",
] as const;
export const classCounts = (classes: Classes): number[] =>
  CLASS_ORDER.flatMap((name) => [classes[name].packets, classes[name].segments, classes[name].bytes]);

/** Endpoints that counted nothing in the interval leave no row: a missing row is a row of zeros. */
export function endpointRows({ head }: Batch, names: Names, stamp: Stamp): { bytes: Buffer; rows: number } {
  const to = new CopyWriter(head.endpoints.length * ENDPOINT_BYTES);
  let rows = 0;
  for (const [at, endpoint] of head.endpoints.entries()) {
    const egress = classCounts(endpoint.egress);
    const ingress = classCounts(endpoint.ingress);
    const device = endpoint.device;
    const counts = [device.txPackets, device.txBytes, device.rxPackets, device.rxBytes];
    counts.push(device.txDropped, device.rxDropped);
    if (![...egress, ...ingress, ...counts].some((count) => count > 0)) continue;
    rows++;
    to.row(ENDPOINT_TABLE.length);
    to.timestamptz(head.to);
    to.int8(stamp.batchId);
    to.int4(stamp.hostId);
    to.int4(names.endpointIds[at] as number);
    to.int8Array(egress);
    to.int8Array(ingress);
    for (const count of counts) to.int8(count);
  }
  return { bytes: to.finish(), rows };
}

/** Ids and measurements begin at 1: 0 is none. */
function idOrAbsent8(to: CopyWriter, value: number | undefined): void {
  if (value) to.int8(value);
  else to.absent();
}
function idOrAbsent4(to: CopyWriter, value: number | undefined): void {
  if (value) to.int4(value);
  else to.absent();
}
function idOrAbsent2(to: CopyWriter, value: number | undefined): void {
  if (value) to.int2(value);
  else to.absent();
}
