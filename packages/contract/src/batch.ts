/**
 * A telemetry batch: what one agent counted in one interval. It travels as one msgpack map of this head and
 * its columns (batch-wire.ts) through tRPC's octet input. Counters are deltas since the previous batch of the same flow, so a batch
 * must count exactly once: its key is (host, incarnation, sequence).
 */
import { z } from "zod";
import type { ColumnTable } from "./column.ts";
import { Incarnation } from "./ids.ts";

export const BATCH_VERSION = 2;
export const BATCH_MAX_ROWS = 5000;
export const BATCH_MAX_BYTES = 4 << 20;

/**
 * A column that is younger than BATCH_VERSION is absent from the batches of older agents and reads as zeros: zero must
 * say that nothing is known. Times are microseconds since 1970. `…Workload` and `dropReason` index the dictionaries, from 1; 0 is none. */
export const FLOW_COLUMNS = {
  flowId: "b16",
  firstSeen: "f64",
  lastSeen: "f64",
  src: "b16", // IPv4 as ::ffff:a.b.c.d
  dst: "b16",
  srcPort: "u16",
  dstPort: "u16",
  proto: "u8",
  vlan: "u16",
  observer: "u8", // index of OBSERVERS
  openerKnown: "u8",
  verdict: "u8", // VERDICT_NUMBER
  dropReason: "u16",
  drops: "u32",
  fwdPackets: "f64",
  fwdSegments: "f64",
  fwdBytes: "f64",
  revPackets: "f64",
  revSegments: "f64",
  revBytes: "f64",
  fwdFlags: "u8",
  revFlags: "u8",
  tcpState: "u8", // index of TCP_STATES
  rttUs: "u32", // 0: not measured
  rttMinUs: "u32",
  retransmits: "u32",
  opens: "u16",
  isn: "u32", // 0: opening not seen, or told by another update: the first, each that opens, and one in about 16 s
  srcWorkload: "u16",
  dstWorkload: "u16",
  endpoint: "u16", // index of `endpoints`, from 0: whose interface saw it
  carried: "u8", // 1: by Millrace's dataplane, which alone knows the following
  way: "u8", // index of WAYS
  slowPackets: "u32", // of the packets of both directions those that took the slow path
  rule: "u32", // that decided (policy.ts: ruleNumber); 0: none did
  revision: "u32", // of the policy that the rule is of
  final: "u8", // 1: the flow has left the table; one with nothing new to tell leaves without a row
} as const satisfies ColumnTable;

export const DROP_COLUMNS = {
  src: "b16",
  dst: "b16",
  srcPort: "u16",
  dstPort: "u16",
  proto: "u8",
  reason: "u16",
  place: "u16", // index of `places`
  class: "u8", // 0 loss, 1 ordinary end
  direction: "u8", // 0 egress, 1 ingress, of the endpoint
  srcWorkload: "u16",
  dstWorkload: "u16",
  packets: "f64",
  bytes: "f64",
  firstSeen: "f64",
  lastSeen: "f64",
} as const satisfies ColumnTable;

/**
 * Flows that a NAT of their host changes, by their row: the tuple as it is on the other side, where the flow's other
 * observer may stand. A table of its own, since most batches have none. An update without a row here has no other
 * side, or the agent can't know it.
 */
export const TRANSLATION_COLUMNS = {
  row: "u16", // of the flows; rising
  src: "b16",
  dst: "b16",
  srcPort: "u16",
  dstPort: "u16",
} as const satisfies ColumnTable;

/**
 * Flows whose source asked for a service, by their row: the virtual address and port, while `dst` or its translation is
 * the backend. A table of its own, as the one before; agents before it send none.
 */
export const SERVICE_COLUMNS = {
  row: "u16", // of the flows; rising
  address: "b16",
  port: "u16",
} as const satisfies ColumnTable;

const text = z.string().max(253);
/** Identity of a flow's end as the agent knew it. */
export const Workload = z.object({
  kind: z.enum(["pod", "host", "external"]),
  namespace: text.nullable(),
  pod: text.nullable(),
  container: text.nullable(),
  service: text.nullable(),
  labels: z.record(z.string().max(63), z.string().max(253)),
  runtime: text.nullable(),
  /** Why a name is missing, in words for the operator. */
  unknown: z.string().max(200).nullable(),
});
export type Workload = z.infer<typeof Workload>;

const counter = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
const Counters = z.object({ packets: counter, segments: counter, bytes: counter });
export const EndpointClasses = z.object({
  total: Counters,
  notIp: Counters,
  truncated: Counters,
  tableFull: Counters,
  flowRetired: Counters,
  otherHost: Counters,
  /** Sent with somebody else's source address, and dropped. Agents that carry no packets had no such class. */
  spoofed: Counters.default({ packets: 0, segments: 0, bytes: 0 }),
  /** In no flow, since the endpoint holds as many as one may. Agents without budgets had no such class. */
  overBudget: Counters.default({ packets: 0, segments: 0, bytes: 0 }),
});
/** One interface of one container namespace: deltas of the totals, apart from the flows. */
export const EndpointReport = z.object({
  /** Stable for the life of the namespace: boot id, namespace cookie, ifindex. */
  uid: z.string().max(100),
  workload: z.int().nonnegative(),
  interface: z.string().max(15),
  addresses: z.array(z.string().max(64)).max(64),
  egress: EndpointClasses,
  ingress: EndpointClasses,
  notes: z.record(z.string().max(40), counter),
  /** The interface's own counters since the attach, as deltas: what flows must add up to. */
  device: z.object({
    txPackets: counter,
    txBytes: counter,
    rxPackets: counter,
    rxBytes: counter,
    txDropped: counter,
    rxDropped: counter,
  }),
});
export type EndpointReport = z.infer<typeof EndpointReport>;

/** What this agent could not deliver, by name. Counted once, in the first batch written after the loss. */
export const Loss = z.object({
  what: z.enum([
    "batches", // thrown out of a full spool
    "flow-updates", // rows of those
    "ring-events",
    "drop-aggregates",
    "trace-events",
    "conntrack-entries",
    "left-behind-packets", // in kernel maps that a later agent could not take up, after their last report
    "left-behind-bytes",
  ]),
  count: counter,
  firstSequence: counter.nullable(),
  lastSequence: counter.nullable(),
});
export type Loss = z.infer<typeof Loss>;

/** The batch without its columns: checked by zod, columns by readBatchColumns. On the wire: BatchHead & PackedBatch. */
export const BatchHead = z.object({
  v: z.literal(BATCH_VERSION),
  incarnation: Incarnation,
  sequence: z.int().positive(),
  /** The interval, µs since 1970. */
  from: z.number().int().nonnegative(),
  to: z.number().int().nonnegative(),
  workloads: z.array(Workload).max(BATCH_MAX_ROWS * 2),
  reasons: z.array(z.string().max(80)).max(500),
  places: z.array(z.string().max(120)).max(5000),
  endpoints: z.array(EndpointReport).max(4096),
  lost: z.array(Loss).max(16),
  flowRows: z.int().min(0).max(BATCH_MAX_ROWS),
  dropRows: z.int().min(0).max(BATCH_MAX_ROWS),
  translationRows: z.int().min(0).max(BATCH_MAX_ROWS),
  serviceRows: z.int().min(0).max(BATCH_MAX_ROWS).default(0),
});
export type BatchHead = z.infer<typeof BatchHead>;

export const PushOutput = z.object({
  /** The highest sequence of this incarnation below which everything is stored or was said to be lost. */
  acknowledged: z.int().nonnegative(),
  duplicate: z.boolean(),
  /** Back-pressure: wait this long before the next push. */
  pauseMs: z.int().nonnegative(),
});
export type PushOutput = z.infer<typeof PushOutput>;
