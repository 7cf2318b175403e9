/**
 * Addresses and routes between agents and the control plane, served by ingest beside agent-protocol.ts:
 * network.lease (which blocks are this host's), network.publish (what on this host has which address),
 * network.resolve (where an address is). control.watch says "network" when any answer given before may have changed.
 */
import { z } from "zod";
import { IdentityNumber, Labels } from "./identity.ts";
import { PoolMode, PoolName } from "./pool.ts";
import { addressText, parseAddress } from "./prefix.ts";

/** Every pod's next hop; its host's end answers for it. */
export const GATEWAY4 = "169.254.1.1";
export const GATEWAY6 = "fe80::1";
/** What an overlay's outer header takes of the uplink's MTU. */
export const OVERLAY_BYTES = 50;

export const LEASE_LIMITS = { blocksPerHost: 64, wantedAtOnce: 16, named: 256 } as const;
export const PUBLISH_CHUNK = 256;
export const RESOLVE_LIMITS = {
  addresses: 256,
  /** How long an answer holds when nobody says otherwise before. */
  foundSeconds: 120,
  /** The same when there is nothing there. */
  absentSeconds: 5,
} as const;

// ---- network.lease ----

/** A block by its pool and both its prefixes: after a pool was made anew, its old blocks are no longer meant. */
export const BlockName = z.object({
  pool: PoolName,
  prefix4: z.cidrv4().nullable(),
  prefix6: z.cidrv6().nullable(),
});
export type BlockName = z.infer<typeof BlockName>;

/** One address has many texts in IPv6; here it leaves in the one that Postgres gives back. */
const plainText = (text: string): string => {
  const address = parseAddress(text);
  return address ? addressText(address) : text;
};
const Ip4 = z.ipv4();
const Ip6 = z.ipv6().transform(plainText);

/** How other hosts reach this one. */
export const Underlay = z
  .object({
    uplink4: Ip4.nullable(),
    uplink6: Ip6.nullable(),
    mac: z.string().regex(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/, "six bytes in small hexadecimal digits"),
    mtu: z.int().min(1280).max(65_535),
    vtepPort: z.int().min(1).max(65_535),
  })
  .refine((underlay) => underlay.uplink4 ?? underlay.uplink6, {
    path: ["uplink4"],
    message: "a host has an IPv4 or an IPv6 uplink",
  });
export type Underlay = z.infer<typeof Underlay>;

/** Asked twice, it answers twice the same: `want` counts from the blocks that are named here and are this host's. */
export const LeaseInput = z.object({
  /** What this host goes by. */
  blocks: z.array(BlockName).max(LEASE_LIMITS.named),
  /** By pool, how many more than those it needs. All are leased, or the answer is an error that names the pool. */
  want: z.record(PoolName, z.int().min(0).max(LEASE_LIMITS.wantedAtOnce)),
  underlay: Underlay,
});
export type LeaseInput = z.infer<typeof LeaseInput>;

export const PoolFacts = z.object({
  name: PoolName,
  mode: PoolMode,
  prefix4: z.string().nullable(),
  prefix6: z.string().nullable(),
  blockLength4: z.int(),
  blockLength6: z.int(),
  masquerade: z.boolean(),
  /** What a pod's MTU is less than the uplink's. */
  mtuOverhead: z.int(),
  gateway4: z.string(),
  gateway6: z.string(),
});
export type PoolFacts = z.infer<typeof PoolFacts>;

export const LeasedBlock = BlockName.extend({
  /** Rises with each lease of the block. */
  generation: z.int().positive(),
});
export type LeasedBlock = z.infer<typeof LeasedBlock>;

export const LeaseOutput = z.object({
  /** All there are, not only those this host has blocks of: which addresses are pods'. */
  pools: z.array(PoolFacts),
  /** All of this host's. */
  blocks: z.array(LeasedBlock),
  /** Named in the question and not this host's: no address of them may be used or given out. */
  notOwn: z.array(BlockName),
  /** The newest generation this host has published; 0: none. */
  publishedGeneration: z.int().nonnegative(),
});
export type LeaseOutput = z.infer<typeof LeaseOutput>;

// ---- network.publish ----

export const PublishedEndpoint = z
  .object({
    attachmentId: z.string().min(1).max(128),
    address4: Ip4.nullable(),
    address6: Ip6.nullable(),
    labels: Labels,
  })
  .refine((endpoint) => endpoint.address4 ?? endpoint.address6, {
    path: ["address4"],
    message: "an endpoint has an IPv4 or an IPv6 address",
  });
export type PublishedEndpoint = z.infer<typeof PublishedEndpoint>;

/**
 * All of this host's endpoints, in as many parts as it takes, each with the same generation. The last part ends
 * it: what no part of this generation named is gone. Older generations than the newest are refused.
 */
export const PublishInput = z
  .object({
    generation: z.int().positive(),
    endpoints: z.array(PublishedEndpoint).max(PUBLISH_CHUNK),
    last: z.boolean(),
  })
  .superRefine(({ endpoints }, ctx) => {
    const seen = new Set<string>();
    endpoints.forEach((endpoint, at) => {
      for (const field of ["attachmentId", "address4", "address6"] as const) {
        const key = `${field} ${endpoint[field]}`;
        if (endpoint[field] !== null && seen.has(key))
          ctx.addIssue({
            code: "custom",
            path: ["endpoints", at, field],
            message: "is there twice",
            input: key,
          });
        seen.add(key);
      }
    });
  });
export type PublishInput = z.infer<typeof PublishInput>;

export const PublishOutput = z.object({
  identities: z.array(z.object({ attachmentId: z.string(), identity: IdentityNumber })),
  /** Endpoints with an address in no block of this host: they are not published. */
  refused: z.array(z.object({ attachmentId: z.string(), address: z.string() })),
});
export type PublishOutput = z.infer<typeof PublishOutput>;

// ---- network.resolve ----

/** A mutation: it is written down who asked, so that who asked is told of changes. */
export const ResolveInput = z.object({
  addresses: z.array(z.union([z.ipv4(), z.ipv6()])).max(RESOLVE_LIMITS.addresses),
  /** Underlay addresses: which hosts have them. An agent of before there were node ports asks for none. */
  hosts: z
    .array(z.union([z.ipv4(), z.ipv6()]))
    .max(RESOLVE_LIMITS.addresses)
    .default([]),
});
export type ResolveInput = z.input<typeof ResolveInput>;

/** host-gone: its block isn't released, but its agent's credential was revoked. A host that is only silent is found. */
export const ABSENCES = ["not-in-pool", "no-block", "no-endpoint", "host-gone"] as const;
export type Absence = (typeof ABSENCES)[number];

export const RouteHost = z.object({ name: z.string(), ...Underlay.shape });
export type RouteHost = z.infer<typeof RouteHost>;
export const Route = z.object({
  host: RouteHost,
  pool: PoolName,
  mode: PoolMode,
  identity: IdentityNumber,
  labels: Labels,
});
export type Route = z.infer<typeof Route>;

export const Resolved = z.object({
  /** As it was asked. */
  address: z.string(),
  found: Route.nullable(),
  /** Why nothing was found; null when something was. */
  reason: z.enum(ABSENCES).nullable(),
  /** From now on, for as long may the host go by this answer. */
  leaseSeconds: z.int().positive(),
});
export type Resolved = z.infer<typeof Resolved>;
export const HostAnswer = z.object({
  /** As it was asked. */
  address: z.string(),
  /** null: no host's, or one whose agent's credential was revoked. */
  host: RouteHost.nullable(),
  leaseSeconds: z.int().positive(),
});
export type HostAnswer = z.infer<typeof HostAnswer>;
export const ResolveOutput = z.object({
  resolved: z.array(Resolved),
  hosts: z.array(HostAnswer).default([]),
});
export type ResolveOutput = z.infer<typeof ResolveOutput>;
