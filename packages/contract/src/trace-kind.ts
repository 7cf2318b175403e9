/**
 * The kinds of traces, their bounds and the ways they end, as plain values: what the dashboard's scripts need
 * without the schemas. Documents and events are in trace.ts.
 */
export const TRACE_KINDS = ["drops", "connections"] as const;
export type TraceKind = (typeof TRACE_KINDS)[number];
export const TRACE_KIND_TITLE: Record<TraceKind, { title: string; question: string; cost: string }> = {
  drops: {
    title: "Drops",
    question: "Which packets does the kernel throw away, where and why?",
    cost: "One program on kfree_skb: runs once for each packet the host drops.",
  },
  connections: {
    title: "Connections",
    question: "Who connects, how long does it take, how does it end?",
    cost: "Programs on TCP state changes: run a few times per connection, never per packet.",
  },
};

export const TRACE_LIMITS = {
  leaseSeconds: { min: 5, max: 3600, default: 300 },
  rateEps: { min: 1, max: 10_000, default: 500 },
  eventsKept: 50_000,
  sessionsPerHost: 8,
} as const;

export const TRACE_ENDS = [
  "user",
  "stop-all",
  "lease",
  "rate",
  "agent-lost",
  "refused",
  "error",
  "superseded",
] as const;
export type TraceEnd = (typeof TRACE_ENDS)[number];
export const TRACE_END_TITLE: Record<TraceEnd, string> = {
  user: "stopped by its user",
  "stop-all": "stopped with all traces",
  lease: "its time was up",
  rate: "more events than its rate allows",
  "agent-lost": "the agent went away",
  refused: "the host refused it",
  error: "it failed",
  superseded: "a newer generation replaced it",
};
