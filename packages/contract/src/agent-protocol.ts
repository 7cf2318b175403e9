/**
 * What agents and the control plane say to each other. The agent dials out; the server never does. Served
 * by the ingest process as tRPC: agent.enrol, agent.hello, agent.heartbeat, telemetry.push, trace.desired,
 * trace.report, trace.push, control.watch (subscription); network.lease, network.publish, network.resolve, which are in
 * network.ts; policy.for, policy.peers (policy-protocol.ts); service.resolve (service.ts).
 */
import { z } from "zod";
import { HostId, HostName, Incarnation, TraceSessionId } from "./ids.ts";
import { BlockName, LEASE_LIMITS } from "./network.ts";
import { PoolMode } from "./pool.ts";
import { TraceEvent, TraceSpec, TraceStats } from "./trace.ts";
import { TRACE_ENDS } from "./trace-kind.ts";

/** Raised when an old agent could misunderstand a new server or the other way round. */
export const PROTOCOL_VERSION = 2;

/** 256 random bits that the agent made and wrote down before it asked: the secret part of its credential. */
export const EnrolKey = z.string().regex(/^[A-Za-z0-9_-]{43}$/, "is no enrolment key");
export const EnrolInput = z.object({
  protocol: z.int(),
  /** Shown once to whoever made it; good for one host. */
  token: z.string().min(20).max(200),
  host: HostName,
  /** Who asks again with the same one gets the same answer, so that an answer may be lost. Agents before it sent none. */
  key: EnrolKey.optional(),
});
/** A bearer token as RFC 6750 has it: whatever else would be refused by HTTP, after the one-time token is used. */
export const AgentCredential = z.string().regex(/^[A-Za-z0-9._~+/-]{1,200}={0,2}$/, "is no bearer token");
export const EnrolOutput = z.object({ hostId: HostId, credential: AgentCredential });

/** The agent proves itself by `authorization: Bearer <credential>` from here on. */
export const Capability = z.object({
  name: z.string().max(60),
  supported: z.boolean(),
  reason: z.string().max(300).nullable(),
});
export type Capability = z.infer<typeof Capability>;

export const HelloInput = z.object({
  protocol: z.int(),
  abiHash: z.string().max(64),
  agentVersion: z.string().max(60),
  incarnation: Incarnation,
  bootId: z.string().max(60),
  kernel: z.string().max(200),
  architecture: z.string().max(20),
  cpus: z.int().positive(),
  memoryBytes: z.number().positive(),
  mode: z.enum(["observe", "dataplane"]),
  simulated: z.boolean(),
  capabilities: z.array(Capability).max(64),
});
export type HelloInput = z.infer<typeof HelloInput>;
export const HelloOutput = z.object({
  hostId: HostId,
  serverTimeMs: z.number(),
  intervalMs: z.int().min(100).max(60_000),
  heartbeatMs: z.int().min(500).max(60_000),
});

/** A backend that a host's connections fail to: it sends nothing new there for a while. */
export const BackendOut = z.object({
  /** `address`: a virtual one, or NODE_PORT_ADDRESS (node-port.ts). */
  service: z.object({ address: z.string().max(64), port: z.int(), protocol: z.int() }),
  backend: z.object({ address: z.string().max(64), port: z.int() }),
  why: z.string().max(200),
});
export type BackendOut = z.infer<typeof BackendOut>;
export const MOST_BACKENDS_OUT = 32;

/** A host's own part of the network, where it carries its pods' packets. What it counts is among the counters, as `network.…`. */
/** A port of the host that leads to a pod of it. */
export const HostPortReport = z.object({
  protocol: z.enum(["tcp", "udp"]),
  port: z.int(),
  /** Of the host; null: all that others reach. */
  address: z.string().max(64).nullable(),
  pod: z.string().max(520),
  podPort: z.int(),
});
export type HostPortReport = z.infer<typeof HostPortReport>;
export const MOST_HOST_PORTS = 100;

/** What a pod's link is made of. */
export const PodLinkKind = z.enum(["veth", "netkit"]);
export type PodLinkKind = z.infer<typeof PodLinkKind>;

export const NetworkReport = z.object({
  uplink: z.object({
    interface: z.string().max(15),
    addresses: z.array(z.string().max(64)).max(64),
    mtu: z.int(),
    tunnelPort: z.int(),
  }),
  /** `mode` is the pool's; null while the pool isn't known. */
  blocks: z.array(BlockName.extend({ mode: PoolMode.nullable() })).max(LEASE_LIMITS.named),
  /** Of the blocks: those that pods have, and all. */
  addresses: z.object({ used: z.int(), total: z.int() }),
  /** How many there are, and some of them. Older agents say nothing. */
  backendsOut: z
    .object({ count: z.int(), some: z.array(BackendOut).max(MOST_BACKENDS_OUT) })
    .default({ count: 0, some: [] }),
  /** Likewise. */
  hostPorts: z
    .object({ count: z.int(), some: z.array(HostPortReport).max(MOST_HOST_PORTS) })
    .default({ count: 0, some: [] }),
  /** Of which kind new pods' links are, and how many there are of each. Null: an older agent's, that says nothing. */
  podLinks: z
    .object({ kind: PodLinkKind, count: z.object({ veth: z.int(), netkit: z.int() }) })
    .nullable()
    .default(null),
});
export type NetworkReport = z.infer<typeof NetworkReport>;

/** Who holds the flow table. */
export const FlowTableReport = z.object({
  /** Flows that one endpoint may hold. */
  budget: z.int().positive(),
  /** Endpoints that hold any, and those of them that hold most, most first. */
  endpoints: z.int(),
  holders: z
    .array(
      z.object({
        namespace: z.string().max(253).nullable(),
        pod: z.string().max(253).nullable(),
        interface: z.string().max(15),
        flows: z.int(),
      }),
    )
    .max(10),
});
export type FlowTableReport = z.infer<typeof FlowTableReport>;

/** Level, not edge: each heartbeat says all that holds now. */
export const Heartbeat = z.object({
  incarnation: Incarnation,
  uptimeS: z.number(),
  cpuShare: z.number(), // of one core, since the last heartbeat
  residentBytes: z.number(),
  programs: z
    .array(
      z.object({
        name: z.string().max(60),
        id: z.int(),
        type: z.string().max(40),
        attachments: z.int(),
        verifiedInstructions: z.number(),
        runNs: z.number().nullable(),
        runCount: z.number().nullable(),
      }),
    )
    .max(200),
  maps: z
    .array(
      z.object({
        name: z.string().max(60),
        type: z.string().max(40),
        used: z.number().nullable(),
        capacity: z.number(),
        bytes: z.number(),
      }),
    )
    .max(100),
  pods: z
    .array(
      z.object({
        uid: z.string().max(120),
        namespace: z.string().max(253).nullable(),
        pod: z.string().max(253).nullable(),
        runtime: z.string().max(40),
        netnsCookie: z.string().max(24).nullable(),
        state: z.enum(["covered", "attaching", "failed", "not-covered"]),
        /** Why it is not covered, or why names are unknown. */
        reason: z.string().max(300).nullable(),
        interfaces: z.array(z.string().max(15)).max(32),
        addresses: z.array(z.string().max(64)).max(64),
        labels: z.record(z.string().max(63), z.string().max(253)),
        service: z.string().max(253).nullable(),
        containers: z
          .array(
            z.object({
              id: z.string().max(128),
              name: z.string().max(253).nullable(),
              pid: z.int().nullable(),
              image: z.string().max(500).nullable(),
              startedAtMs: z.number().nullable(),
            }),
          )
          .max(100),
      }),
    )
    .max(2000),
  /** What this agent can't see, said instead of forgotten: host-network containers, pods' loopback, … */
  gaps: z.array(z.object({ what: z.string().max(200), count: z.int(), why: z.string().max(300) })).max(50),
  spool: z.object({
    batches: z.number(),
    bytes: z.number(),
    limitBytes: z.number(),
    oldestMs: z.number().nullable(),
  }),
  counters: z.record(z.string().max(60), z.number()),
  /** Null in observe mode. Older agents say nothing. */
  network: NetworkReport.nullable().default(null),
  /** Older agents say nothing. */
  flowTable: FlowTableReport.nullable().default(null),
});
export type Heartbeat = z.infer<typeof Heartbeat>;
export const HeartbeatOutput = z.object({ serverTimeMs: z.number() });

/** A session as one host must have it now. Absent from the answer: must not run here. */
export const DesiredTrace = z.object({
  id: TraceSessionId,
  generation: z.int().positive(),
  spec: TraceSpec,
  leaseEndsAtMs: z.number(),
});
export type DesiredTrace = z.infer<typeof DesiredTrace>;
export const DesiredTraces = z.object({ traces: z.array(DesiredTrace), serverTimeMs: z.number() });

export const TraceReport = z.object({
  id: TraceSessionId,
  generation: z.int().positive(),
  event: z.enum(["attach", "attached", "refuse", "stop", "detached"]),
  end: z.enum(TRACE_ENDS).nullable(),
  detail: z.string().max(500).nullable(),
  stats: TraceStats,
});
export type TraceReport = z.infer<typeof TraceReport>;
export const TracePush = z.object({
  id: TraceSessionId,
  events: z.array(TraceEvent).max(1000),
  stats: TraceStats,
});
export type TracePush = z.infer<typeof TracePush>;

/**
 * control.watch: something of this kind changed, read it anew. "network": pools, or an answer of network.resolve; "policy":
 * an answer of policy.for or policy.peers; "service": one of service.resolve. An agent that doesn't know a kind leaves it.
 */
export const ControlSignal = z.object({
  what: z.enum(["traces", "network", "policy", "service", "credential-revoked"]),
});
export type ControlSignal = z.infer<typeof ControlSignal>;
