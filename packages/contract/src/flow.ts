/**
 * Flows as the operator API gives them: one row is one flow, whoever observed it. Stored updates and the
 * agents' batches have their own shapes (batch.ts).
 */
import { z } from "zod";
import { FlowId, Milliseconds } from "./ids.ts";
import { TCP_STATES, VERDICTS, WAYS } from "./verdict.ts";

/** What stands at one end of a flow, as it was then. */
export const End = z.object({
  ip: z.string(),
  port: z.int(),
  /** pod: a container namespace we cover; host: a machine we manage; external: known to be neither; unknown: can't tell. */
  kind: z.enum(["pod", "host", "external", "unknown"]),
  host: z.string().nullable(),
  namespace: z.string().nullable(),
  pod: z.string().nullable(),
  container: z.string().nullable(),
  service: z.string().nullable(),
  labels: z.record(z.string(), z.string()),
  /** Why names are missing, when they are. */
  unknown: z.string().nullable(),
});
export type End = z.infer<typeof End>;

export const Direction = z.object({
  packets: z.number(),
  segments: z.number(),
  bytes: z.number(),
  /** OR of TCP flags seen. */
  tcpFlags: z.int(),
});

/** A policy's rule on a flow, by the number that the policy goes by. Place 0: the policy isolates, and no rule allowed it. */
export const FlowRule = z.object({ policy: z.int(), place: z.int(), revision: z.int() });
export type FlowRule = z.infer<typeof FlowRule>;

/** A service as a flow's source asked for it. Names are null where the control plane knew none. */
export const AskedService = z.object({
  ip: z.string(),
  port: z.int(),
  namespace: z.string().nullable(),
  name: z.string().nullable(),
});
export type AskedService = z.infer<typeof AskedService>;

const Address = z.object({ ip: z.string(), port: z.int() });
export const FlowTuple = z.object({ src: Address, dst: Address });
export type FlowTuple = z.infer<typeof FlowTuple>;

export const FlowRow = z.object({
  id: FlowId,
  /** The other observer's id when both ends are ours: the same flow, shown once. */
  otherId: FlowId.nullable(),
  /**
   * How the observers were joined: one only, by equal tuples, across a NAT by what a host's connection tracking says,
   * or across one by TCP's opening, which a NAT leaves alone.
   */
  join: z.enum(["single", "tuple", "conntrack", "opening"]),
  /**
   * The tuple as it is written on the way from source to destination, where a NAT rewrites it; `src` and `dst` are one
   * of these. Empty where none is known of.
   */
  tuples: z.array(FlowTuple),
  /** One observer only, and a NAT on the way can't be ruled out: why the other side isn't known. */
  otherSideUnknown: z.string().nullable(),
  firstSeen: Milliseconds,
  lastSeen: Milliseconds,
  /** Who opened the flow is the source; when nobody saw the opening, the lower port is the destination. */
  openerKnown: z.boolean(),
  src: End,
  dst: End,
  /** What the source asked for, where that was a service: `dst`, or what a translation makes of it, is the backend. */
  asked: AskedService.nullable(),
  proto: z.int(),
  vlan: z.int(),
  verdict: z.enum(VERDICTS),
  /** The kernel's name of the latest drop reason without its prefix, e.g. NO_SOCKET. */
  dropReason: z.string().nullable(),
  drops: z.number(),
  /** Where Millrace sent it, as the row's first observer says. */
  way: z.enum(WAYS),
  /** The packets of `forward` and `reverse` by the path tier that carried them; null: Millrace didn't carry them. */
  pathTiers: z.object({ slow: z.number(), fast: z.number() }).nullable(),
  /**
   * What its verdict is by: of a flow that was dropped, or would have been, one rule; of another what let it leave its
   * source and what let it into its destination. Empty: no policy has a say in it.
   */
  rules: z.array(FlowRule).max(2),
  forward: Direction,
  reverse: Direction,
  tcpState: z.enum(TCP_STATES),
  rttUs: z.number().nullable(),
  rttMinUs: z.number().nullable(),
  retransmits: z.number(),
  /** Hosts whose agents reported it. */
  observers: z.array(z.object({ host: z.string(), side: z.enum(["source", "destination", "unknown"]) })),
  simulated: z.boolean(),
});
export type FlowRow = z.infer<typeof FlowRow>;

/** What the answer rests on: shown wherever the data is shown. */
export const Completeness = z.object({
  /** 0 … 1: intervals reported by hosts that should have, less what they say they lost. */
  share: z.number(),
  hostsExpected: z.int(),
  hostsAnswered: z.int(),
  silentHosts: z.array(z.object({ host: z.string(), since: Milliseconds.nullable() })),
  lost: z.array(z.object({ what: z.string(), count: z.number(), host: z.string() })),
  unattributed: z.object({ packets: z.number(), bytes: z.number() }),
});
export type Completeness = z.infer<typeof Completeness>;

export const TimeRange = z
  .object({ from: Milliseconds, to: Milliseconds })
  .refine((r) => r.from < r.to, "from must be before to");
export type TimeRange = z.infer<typeof TimeRange>;

/** Position in the stream of committed batches: a Postgres snapshot in text. Opaque to clients. */
export const Snapshot = z
  .string()
  .max(4096)
  .refine(isSnapshot, "not a snapshot that Postgres could have given");

const SNAPSHOT_FORM = /^\d{1,18}:\d{1,18}:(\d{1,18}(,\d{1,18})*)?$/;
/** xmin:xmax:those in between that were still running, in order: anything else Postgres refuses to read. */
function isSnapshot(text: string): boolean {
  if (!SNAPSHOT_FORM.test(text)) return false;
  const [xmin = 0n, xmax = 0n, ...running] = text.split(/[:,]/).filter(Boolean).map(BigInt);
  if (xmin === 0n || xmin > xmax) return false;
  return running.every((xid, at) => xid >= xmin && xid < xmax && xid > (running[at - 1] ?? 0n));
}

export const FLOW_SORTS = [
  "lastSeen",
  "firstSeen",
  "bytes",
  "packets",
  "rtt",
  "retransmits",
  "drops",
] as const;
export const FlowSearchInput = z.object({
  range: TimeRange,
  filter: z.string().max(2000).default(""),
  sort: z.enum(FLOW_SORTS).default("lastSeen"),
  descending: z.boolean().default(true),
  cursor: z.string().max(500).nullish(),
  limit: z.int().min(1).max(1000).default(200),
});
export const FlowSearchOutput = z.object({
  rows: z.array(FlowRow),
  nextCursor: z.string().nullable(),
  snapshot: Snapshot,
  /** Flows that match in the range; a lower bound when capped. */
  matched: z.object({ count: z.number(), capped: z.boolean() }),
  /**
   * Set where the range was too long to be put in the order in time: rows are of the updates since then. By time,
   * newest first, every flow is reached.
   */
  orderedFrom: Milliseconds.nullable(),
  completeness: Completeness,
  tookMs: z.number(),
});
export type FlowSearchOutput = z.infer<typeof FlowSearchOutput>;

export const FlowTailInput = z.object({
  filter: z.string().max(2000).default(""),
  /** From FlowSearchOutput.snapshot: no gap and no duplicate at the seam. Absent: from now on. */
  snapshot: Snapshot.nullish(),
  lastEventId: Snapshot.nullish(),
});
/** One tick of the live stream. A row replaces those whose id is its id or its otherId. */
export const FlowTailOutput = z.object({
  snapshot: Snapshot,
  rows: z.array(FlowRow),
  /** Matching updates that this tick left out because the client's cap was reached. */
  notShown: z.int(),
});
export type FlowTailOutput = z.infer<typeof FlowTailOutput>;

export const FlowHistogram = z.object({
  bucketMs: z.number(),
  buckets: z.array(
    z.object({
      at: Milliseconds,
      forwarded: z.number(),
      dropped: z.number(),
      wouldDrop: z.number(),
      unknown: z.number(),
      bytes: z.number(),
    }),
  ),
  /** Stretches without data from any host: gaps shown as gaps. */
  gaps: z.array(z.object({ from: Milliseconds, to: Milliseconds })),
});
export type FlowHistogram = z.infer<typeof FlowHistogram>;

export const FlowFacets = z.array(
  z.object({
    field: z.string(),
    title: z.string(),
    values: z.array(z.object({ value: z.string(), count: z.number() })),
    /** Values beyond those listed. */
    more: z.int(),
    /** Counted over the newest flows only: the range held more than could be counted in a moment. */
    sampled: z.boolean().default(false),
  }),
);
export type FlowFacets = z.infer<typeof FlowFacets>;

/** The drawer: the flow, each observer's account of it, its life over time, what it met. */
export const FlowDetail = z.object({
  row: FlowRow,
  observers: z.array(FlowRow),
  series: z.array(
    z.object({
      at: Milliseconds,
      forwardBytes: z.number(),
      reverseBytes: z.number(),
      rttUs: z.number().nullable(),
      retransmits: z.number(),
      drops: z.number(),
    }),
  ),
  drops: z.array(
    z.object({
      reason: z.string(),
      place: z.string(),
      packets: z.number(),
      firstSeen: Milliseconds,
      lastSeen: Milliseconds,
    }),
  ),
});
export type FlowDetail = z.infer<typeof FlowDetail>;
