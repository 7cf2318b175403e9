/** Pools of addresses as the operator API takes and gives them, and which prefixes a pool may have. */
import { z } from "zod";
import { HostName } from "./ids.ts";
import {
  type Family,
  overlaps,
  type Prefix,
  parseCidr,
  parsePrefix,
  prefixOf,
  prefixText,
} from "./prefix.ts";

/** direct: packets go as they are, by the network between the hosts. overlay: in an outer header. */
export const POOL_MODES = ["direct", "overlay"] as const;
export const PoolMode = z.enum(POOL_MODES);
export type PoolMode = z.infer<typeof PoolMode>;

export const PoolName = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "1 to 63 small letters, digits and dashes only");

/** Agents are told of all pools. */
export const MOST_POOLS = 32;

const Cidr = z.string().max(50).nullish();
const BLOCK_LENGTHS = { 4: { least: 20, most: 30 }, 6: { least: 116, most: 126 } } as const;
const SHORTEST = { 4: 8, 6: 16 } as const;

export const CreatePoolInput = z
  .object({
    name: PoolName,
    mode: PoolMode,
    prefix4: Cidr,
    prefix6: Cidr,
    blockLength4: z.int().min(BLOCK_LENGTHS[4].least).max(BLOCK_LENGTHS[4].most).default(26),
    blockLength6: z.int().min(BLOCK_LENGTHS[6].least).max(BLOCK_LENGTHS[6].most).default(122),
    /** What leaves the pools has the host's address. */
    masquerade: z.boolean().default(true),
  })
  .superRefine((pool, ctx) => {
    const say = (field: string, message: string) =>
      ctx.addIssue({ code: "custom", path: [field], message, input: pool });
    const { prefix4 = null, prefix6 = null, blockLength4, blockLength6 } = pool;
    if (prefix4 === null && prefix6 === null) say("prefix4", "a pool needs an IPv4 or an IPv6 prefix");
    const why4 = prefix4 === null ? undefined : prefixProblem(4, prefix4, blockLength4);
    const why6 = prefix6 === null ? undefined : prefixProblem(6, prefix6, blockLength6);
    if (why4) say("prefix4", why4);
    if (why6) say("prefix6", why6);
    if (prefix4 !== null && prefix6 !== null && 32 - blockLength4 !== 128 - blockLength6)
      say("blockLength6", `must be ${96 + blockLength4}: a block has as many IPv6 as IPv4 addresses`);
  });
export type CreatePoolInput = z.infer<typeof CreatePoolInput>;

const known = (text: string): Prefix => parsePrefix(text) as Prefix;
const NOT_FOR_PODS: readonly [Prefix, string][] = [
  [known("0.0.0.0/8"), "addresses that mean no host"],
  [known("127.0.0.0/8"), "loopback addresses"],
  [known("169.254.0.0/16"), "link-local addresses"],
  [known("224.0.0.0/4"), "multicast addresses"],
  [known("240.0.0.0/4"), "reserved addresses"],
];
/** Unique local and global unicast: everything else in IPv6 means something else. */
const FOR_PODS6: readonly Prefix[] = [known("fc00::/7"), known("2000::/3")];

function prefixProblem(family: Family, text: string, blockLength: number): string | undefined {
  const problem = rangeProblem(family, text, SHORTEST[family]);
  const isTooNarrow = (parseCidr(text)?.length ?? 0) > blockLength;
  return problem ?? (isTooNarrow ? `has no room for a block of /${blockLength}` : undefined);
}

/** Why nothing of ours may have addresses of the prefix, or undefined. */
export function rangeProblem(family: Family, text: string, shortest: number): string | undefined {
  const cidr = parseCidr(text);
  if (cidr?.address.family !== family)
    return `is no IPv${family} prefix, such as ${family === 4 ? "10.201.0.0/16" : "fd00:201::/48"}`;
  const prefix = prefixOf(cidr.address, cidr.length);
  if (prefix.first !== cidr.address.value)
    return `has bits set beyond its length: ${prefixText(prefix)} may be meant`;
  if (cidr.length < shortest) return `is too wide: at least /${shortest}`;
  const clash = NOT_FOR_PODS.find(([other]) => overlaps(prefix, other));
  if (clash) return `holds ${clash[1]} (${prefixText(clash[0])})`;
  if (family === 6 && !FOR_PODS6.some((other) => overlaps(prefix, other) && other.length <= prefix.length))
    return "must lie in fc00::/7 (unique local) or 2000::/3 (global unicast)";
  return undefined;
}

export const PoolView = z.object({
  name: PoolName,
  mode: PoolMode,
  prefix4: z.string().nullable(),
  prefix6: z.string().nullable(),
  blockLength4: z.int(),
  blockLength6: z.int(),
  masquerade: z.boolean(),
  createdAtMs: z.number(),
  /** `total` is the sum of the others. */
  blocks: z.object({ total: z.int(), leased: z.int(), quarantined: z.int(), free: z.int() }),
  /** How many endpoints have published an address of it. */
  addressesUsed: z.object({ ip4: z.int(), ip6: z.int() }),
});
export type PoolView = z.infer<typeof PoolView>;

/** What one host holds of one pool, in one state. Quarantined: its host is silent. */
export const HeldBlocks = z.object({
  pool: PoolName,
  host: z.string(),
  state: z.enum(["leased", "quarantined"]),
  blocks: z.array(z.object({ prefix4: z.string().nullable(), prefix6: z.string().nullable() })),
  /** When the host was last heard with them. */
  confirmedAtMs: z.number(),
  /** How many endpoints the host has published, in all of its blocks. */
  endpoints: z.int(),
});
export type HeldBlocks = z.infer<typeof HeldBlocks>;
/** Quarantined ones first, then by host; `more` beyond those listed. */
export const MOST_HELD = 1000;
export const HeldBlocksView = z.object({ held: z.array(HeldBlocks), more: z.int() });
export type HeldBlocksView = z.infer<typeof HeldBlocksView>;

export const ByPoolName = z.object({ name: PoolName });
export const ReleaseInput = z.object({ host: HostName });
/** What a release did: the blocks that anybody may get now, and how many endpoints were forgotten with them. */
export const ReleaseView = z.object({
  host: z.string(),
  blocks: z.array(
    z.object({ pool: z.string(), prefix4: z.string().nullable(), prefix6: z.string().nullable() }),
  ),
  endpoints: z.int(),
});
export type ReleaseView = z.infer<typeof ReleaseView>;
