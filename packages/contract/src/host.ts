/** Hosts as the operator API gives them. */
import { z } from "zod";
import { Capability, Heartbeat } from "./agent-protocol.ts";

export const HOST_STATES = ["ok", "warn", "bad", "unknown"] as const;
export type HostState = (typeof HOST_STATES)[number];

export const HostSummary = z.object({
  name: z.string(),
  state: z.enum(HOST_STATES),
  /** Why it isn't ok, each a sentence. */
  reasons: z.array(z.string()),
  kernel: z.string(),
  agentVersion: z.string(),
  mode: z.string(),
  simulated: z.boolean(),
  lastSeenMs: z.number().nullable(),
  pods: z.int(),
  flowsPerSecond: z.number(),
  bytesPerSecond: z.number(),
  dropsPerSecond: z.number(),
  cpuShare: z.number().nullable(),
  residentBytes: z.number().nullable(),
  flowTableShare: z.number().nullable(),
  /** The endpoint that holds most of the flow table, of the flows that one may hold. */
  topHolder: z.object({ name: z.string(), flows: z.int(), budget: z.int() }).nullable(),
});
export type HostSummary = z.infer<typeof HostSummary>;

export const HostDetail = z.object({
  summary: HostSummary,
  bootId: z.string(),
  architecture: z.string(),
  cpus: z.int(),
  memoryBytes: z.number(),
  enrolledAtMs: z.number(),
  capabilities: z.array(Capability),
  heartbeat: Heartbeat.nullable(),
  endpoints: z.array(
    z.object({
      uid: z.string(),
      interface: z.string(),
      pod: z.string().nullable(),
      namespace: z.string().nullable(),
      addresses: z.array(z.string()),
      totalPackets: z.number(),
      totalBytes: z.number(),
      unattributedPackets: z.number(),
      notIpPackets: z.number(),
      otherHostPackets: z.number(),
      spoofedPackets: z.number(),
      overBudgetPackets: z.number(),
    }),
  ),
  losses: z.array(z.object({ at: z.number(), what: z.string(), count: z.number() })),
  bucketMs: z.number(),
  /** A point a bucket: traffic and drops per second, the agent's own cost where it told it. */
  line: z.array(
    z.object({
      at: z.number(),
      bytes: z.number(),
      drops: z.number(),
      cpuShare: z.number().nullable(),
      residentBytes: z.number().nullable(),
    }),
  ),
  /** Stretches that this host didn't report. */
  gaps: z.array(z.object({ from: z.number(), to: z.number() })),
  incarnations: z.array(
    z.object({
      incarnation: z.string(),
      startedAtMs: z.number(),
      agentVersion: z.string(),
      lastSequence: z.number(),
    }),
  ),
});
export type HostDetail = z.infer<typeof HostDetail>;
