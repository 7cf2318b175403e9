/**
 * Live traces: the document that says what to trace, the session that runs it, the events it yields. A
 * trace always has a lease and a rate; both are enforced in the host's kernel.
 */
import { z } from "zod";
import { HostName, IpAddress, TraceSessionId } from "./ids.ts";
import type { TraceHostState } from "./machines/trace-host.ts";
import type { TraceSessionState } from "./machines/trace-session.ts";
import { TRACE_KINDS, TRACE_LIMITS, type TraceEnd } from "./trace-kind.ts";

export const TraceFilter = z.object({
  /** Pod and container narrow by namespace and cgroup, on the hosts where they run. */
  namespace: z.string().max(253).nullish(),
  pod: z.string().max(253).nullish(),
  container: z.string().max(253).nullish(),
  /** The tuple matches in both directions. */
  ipA: IpAddress.nullish(),
  portA: z.int().min(1).max(65_535).nullish(),
  ipB: IpAddress.nullish(),
  portB: z.int().min(1).max(65_535).nullish(),
  proto: z.int().min(0).max(255).nullish(),
});
export type TraceFilter = z.infer<typeof TraceFilter>;

export const TraceSpec = z.object({
  kind: z.enum(TRACE_KINDS),
  hosts: z.array(HostName).min(1).max(1000),
  filter: TraceFilter,
  leaseSeconds: z.int().min(TRACE_LIMITS.leaseSeconds.min).max(TRACE_LIMITS.leaseSeconds.max),
  /** Per host. */
  rateEps: z.int().min(TRACE_LIMITS.rateEps.min).max(TRACE_LIMITS.rateEps.max),
  reason: z.string().max(500).default(""),
});
export type TraceSpec = z.infer<typeof TraceSpec>;

export const TraceStats = z.object({
  seen: z.number(),
  emitted: z.number(),
  overRate: z.number(),
  ringFull: z.number(),
  /** Lost between the ring and the database: full queues, named in the host's loss report. */
  undelivered: z.number(),
});
export type TraceStats = z.infer<typeof TraceStats>;

export const TraceTuple = z.object({
  src: z.string(),
  dst: z.string(),
  srcPort: z.int(),
  dstPort: z.int(),
  proto: z.int(),
});
const EventHead = {
  /** Per host and session, from 1: a gap is a loss. */
  sequence: z.int().positive().max(0x7fff_ffff),
  at: z.number().nonnegative().max(Number.MAX_SAFE_INTEGER), // µs since 1970
  tuple: TraceTuple,
  namespace: z.string().nullable(),
  pod: z.string().nullable(),
  container: z.string().nullable(),
  process: z.object({ pid: z.int(), comm: z.string() }).nullable(),
};
export const TraceEvent = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("drops"),
    ...EventHead,
    reason: z.string(),
    class: z.enum(["loss", "ordinary"]),
    place: z.string(),
    stack: z.array(z.string()).max(32),
    packetBytes: z.int(),
    /** From the network header on, base64, at most 128 bytes. */
    headers: z.string().max(200),
  }),
  z.object({
    kind: z.literal("connections"),
    ...EventHead,
    step: z.enum(["connect", "accept", "established", "reset", "close", "connect-failed"]),
    latencyUs: z.number().nullable(),
    bytesSent: z.number().nullable(),
    bytesReceived: z.number().nullable(),
    rttUs: z.number().nullable(),
    retransmits: z.number().nullable(),
    error: z.string().nullable(),
  }),
]);
export type TraceEvent = z.infer<typeof TraceEvent>;

/** As the dashboard sees a session. */
export type TraceHostView = {
  host: string;
  state: TraceHostState;
  end: TraceEnd | null;
  endDetail: string | null;
  stats: TraceStats;
  attachedAt: number | null;
};
export type TraceSessionView = {
  id: TraceSessionId;
  generation: number;
  spec: TraceSpec;
  state: TraceSessionState;
  end: TraceEnd | null;
  endDetail: string | null;
  author: string;
  createdAt: number;
  leaseEndsAt: number;
  hosts: TraceHostView[];
  events: number;
};
/** An event with where it came from, as stored and streamed. */
export type TraceEventView = { id: string; host: string; event: TraceEvent };

export const TraceWatchInput = z.object({ id: TraceSessionId, lastEventId: z.string().nullish() });
export type TraceWatchOutput = { session: TraceSessionView; events: TraceEventView[]; notShown: number };
export const TracePreview = z.object({
  hosts: z.array(
    z.object({ host: z.string(), online: z.boolean(), able: z.boolean(), reason: z.string().nullable() }),
  ),
  matchingPods: z.int(),
  recentEventsPerSecond: z.number().nullable(),
});
export type TracePreview = z.infer<typeof TracePreview>;
