/**
 * Services: virtual addresses, node ports, and the backends behind them. service.resolve (which service an address or a node
 * port is, and where it sends) is served by ingest beside agent-protocol.ts; control.watch says "service" when any answer
 * given before may have changed, or the ranges have. What people write is packages/policy's to read.
 */
import { z } from "zod";
import { rangeProblem } from "./pool.ts";
import { type Family, parsePrefix } from "./prefix.ts";

export const SERVICE_LIMITS = {
  ports: 64,
  addresses: 2,
  /** Of one service in one address family, all its ports together. */
  backends: 2048,
} as const;
export const SERVICE_ASK_LIMITS = {
  /** And as many node ports. */
  addresses: 16,
  /** How long an answer holds when nobody says otherwise before. */
  foundSeconds: 120,
  /** The same when there is nothing there. */
  absentSeconds: 5,
  /** No answer is longer. */
  answerBytes: 8 << 20,
} as const;

/** A backend's share is its weight of the sum of all weights of the port. */
export const WEIGHTS = { least: 1, most: 1000, usual: 100 } as const;
/** Of clients' stickiness, in seconds. */
export const AFFINITY_SECONDS = { least: 1, most: 86_400, usual: 10_800 } as const;

/** Protocols a service may have, by IP's numbers. */
export const SERVICE_PROTOCOLS = { TCP: 6, UDP: 17, SCTP: 132 } as const;
export const ServiceProtocol = z.literal([6, 17, 132]);

/** Kubernetes' own. */
export const NODE_PORT_RANGE = { first: 30_000, last: 32_767 } as const;
/** Whose backends a node port sends to: every host's, or those on the host that was asked alone. As Kubernetes names them. */
export const TRAFFIC_POLICIES = ["Cluster", "Local"] as const;
export type TrafficPolicy = (typeof TRAFFIC_POLICIES)[number];

/** draining: what it serves it goes on serving; it gets nothing new as long as another is ready. */
export const BACKEND_STATES = ["ready", "draining"] as const;
export const BackendState = z.enum(BACKEND_STATES);
export type BackendState = z.infer<typeof BackendState>;

const Port = z.int().min(1).max(65_535);

export const ServiceBackend = z.object({
  /** Of the family of the virtual address. */
  address: z.union([z.ipv4(), z.ipv6()]),
  port: Port,
  weight: z.int().min(WEIGHTS.least).max(WEIGHTS.most),
  state: BackendState,
});
export type ServiceBackend = z.infer<typeof ServiceBackend>;

export const ServicePort = z.object({
  /** Empty where it has none. */
  name: z.string().max(63),
  protocol: ServiceProtocol,
  port: Port,
  /** In the order of addresses and ports, each pair once. */
  backends: z.array(ServiceBackend),
});
export type ServicePort = z.infer<typeof ServicePort>;

export const ResolvedService = z.object({
  namespace: z.string().min(1).max(63),
  name: z.string().min(1).max(63),
  /** All its virtual addresses, the one that was asked for among them. */
  addresses: z.array(z.union([z.ipv4(), z.ipv6()])).max(SERVICE_LIMITS.addresses),
  /** A client's connections go to one backend, for so long after the last of them began; null: each to any. */
  affinitySeconds: z.int().min(AFFINITY_SECONDS.least).max(AFFINITY_SECONDS.most).nullable(),
  /** By protocol and port. */
  ports: z.array(ServicePort).max(SERVICE_LIMITS.ports),
  /** Backends beyond SERVICE_LIMITS.backends, which are not said. */
  leftOut: z.int().nonnegative(),
});
export type ResolvedService = z.infer<typeof ResolvedService>;

/** What is at this port of every host's own addresses of the family? */
export const NodePort = z.object({
  family: z.literal([4, 6]),
  protocol: z.literal([SERVICE_PROTOCOLS.TCP, SERVICE_PROTOCOLS.UDP]),
  port: z.int().min(NODE_PORT_RANGE.first).max(NODE_PORT_RANGE.last),
});
export type NodePort = z.infer<typeof NodePort>;

export const ResolvedNodePort = ResolvedService.pick({
  namespace: true,
  name: true,
  affinitySeconds: true,
}).extend({
  /** Of the family, in the order of addresses and ports. Where the service's are Local: of the asking host alone. */
  backends: z.array(ServiceBackend),
  leftOut: ResolvedService.shape.leftOut,
});
export type ResolvedNodePort = z.infer<typeof ResolvedNodePort>;

/** outside: in no range that services have addresses of, so never a service's. */
export const SERVICE_ABSENCES = ["outside", "no-service"] as const;
export type ServiceAbsence = (typeof SERVICE_ABSENCES)[number];

/** A mutation: it is written down who asked, so that who asked is told of changes. No address: what the ranges are. */
export const ServiceResolveInput = z.object({
  addresses: z.array(z.union([z.ipv4(), z.ipv6()])).max(SERVICE_ASK_LIMITS.addresses),
  /** An agent of before there were node ports asks for none. */
  nodePorts: z.array(NodePort).max(SERVICE_ASK_LIMITS.addresses).default([]),
});
export type ServiceResolveInput = z.input<typeof ServiceResolveInput>;

export const ServiceAnswer = z.object({
  /** As it was asked. */
  address: z.string(),
  found: ResolvedService.nullable(),
  /** Why nothing was found; null when something was. */
  reason: z.enum(SERVICE_ABSENCES).nullable(),
  /** From now on, for as long may the host go by this answer. */
  leaseSeconds: z.int().positive(),
});
export type ServiceAnswer = z.infer<typeof ServiceAnswer>;
export const NodePortAnswer = z.object({
  asked: NodePort,
  /** null: no service has the port, or it has no address of the family. */
  found: ResolvedNodePort.nullable(),
  leaseSeconds: ServiceAnswer.shape.leaseSeconds,
});
export type NodePortAnswer = z.infer<typeof NodePortAnswer>;
export const ServiceResolveOutput = z.object({
  resolved: z.array(ServiceAnswer),
  /** In the order asked. A control plane of before there were node ports says nothing of them. */
  nodePorts: z.array(NodePortAnswer).default([]),
  /** Prefixes that all virtual addresses lie in: nothing else is ever one. */
  ranges: z.array(z.union([z.cidrv4(), z.cidrv6()])),
});
export type ServiceResolveOutput = z.input<typeof ServiceResolveOutput>;

// ---- where virtual addresses are given from ----

export const ServiceRanges = z.object({ prefix4: z.string().nullable(), prefix6: z.string().nullable() });
export type ServiceRanges = z.infer<typeof ServiceRanges>;
export const DEFAULT_SERVICE_RANGES: ServiceRanges = { prefix4: "10.210.0.0/16", prefix6: "fd00:210::/108" };

const RANGE_LENGTHS = { 4: { least: 8, most: 28 }, 6: { least: 64, most: 124 } } as const;
const Range = (family: Family) =>
  z
    .string()
    .superRefine((text, ctx) => {
      const { least, most } = RANGE_LENGTHS[family];
      const isNarrow = (parsePrefix(text)?.length ?? 0) > most;
      const problem = rangeProblem(family, text, least) ?? (isNarrow && `is too narrow: at most /${most}`);
      if (problem) ctx.addIssue({ code: "custom", message: problem });
    })
    .nullable();
/** No range of a family: no service has an address of it. */
export const SetServiceRangesInput = z
  .object({ prefix4: Range(4), prefix6: Range(6) })
  .refine(({ prefix4, prefix6 }) => prefix4 ?? prefix6, {
    path: ["prefix4"],
    message: "services need an IPv4 or an IPv6 range",
  });
export type SetServiceRangesInput = z.infer<typeof SetServiceRangesInput>;
export const ServiceRangesView = z.object({
  /** null: none was ever needed; then the defaults, where nothing else lies in them. */
  ranges: ServiceRanges.nullable(),
  /** How many services have an address of the family. */
  used: z.object({ ip4: z.int(), ip6: z.int() }),
});
export type ServiceRangesView = z.infer<typeof ServiceRangesView>;
