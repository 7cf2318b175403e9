/**
 * What the CNI plugin (packages/cni) and the agent say to each other over the agent's socket: one line of JSON asked,
 * one answered, and the connection is over. The plugin asks in the runtime's words, the agent decides. Not CNI's own
 * JSON: the plugin makes that, in the version that the runtime speaks.
 */
import { z } from "zod";
import { IpAddress } from "./ids.ts";

/** Raised when an old plugin could misunderstand a new agent or the other way round. */
export const CNI_PROTOCOL = 1;
/** No line is longer, whichever way it goes. */
export const CNI_LINE_BYTES = 1 << 20;

/** CNI's error codes, and from 100 on the plugin's own. */
export const CNI_CODES = {
  UNSUPPORTED_FIELD: 2,
  UNKNOWN_CONTAINER: 3,
  BAD_ENVIRONMENT: 4,
  UNDECODABLE: 6,
  BAD_CONFIG: 7,
  TRY_AGAIN: 11,
  NOT_AVAILABLE: 50,
  INTERNAL: 100,
  INCOMPATIBLE_AGENT: 101,
  NOT_AS_EXPECTED: 102,
} as const satisfies Record<string, number>;

const name = z
  .string()
  .max(255)
  .regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/, "letters, digits, dots, dashes and underscores only");
/** What the kernel takes as a link's name and doesn't read as a pattern. */
const linkName = z
  .string()
  .max(15)
  .regex(/^(?!\.{1,2}$)[!-$&-.0-9;-~]+$/, "no name of an interface");
const path = z
  .string()
  .max(4095)
  .regex(/^\/[^\0]*$/, "no absolute path");
const cidr = z.union([z.cidrv4(), z.cidrv6()]);

/** Records and lists that grow with what users write have a limit of entries, not only of the line. */
const words = (most: { entries: number; key: number; value: number }) =>
  z
    .record(z.string().min(1).max(most.key), z.string().max(most.value))
    .refine((record) => Object.keys(record).length <= most.entries, `more than ${most.entries} entries`);

const PortMapping = z.object({
  hostPort: z.int().min(1).max(65_535),
  containerPort: z.int().min(1).max(65_535),
  protocol: z
    .string()
    .toLowerCase()
    .pipe(z.enum(["tcp", "udp", "sctp"])),
  hostIP: z.union([IpAddress, z.literal("")]).optional(),
});

/** What an attachment came to: what ADD answers, and what CHECK brings back as the runtime remembers it. */
export const CniResult = z.object({
  interfaces: z
    .array(
      z.object({
        name: z.string().max(64),
        mac: z.string().max(64).optional(),
        mtu: z.int().nonnegative().optional(),
        /** The path of its namespace; absent on the host. */
        sandbox: z.string().max(4095).optional(),
      }),
    )
    .max(64),
  ips: z
    .array(
      z.object({
        address: cidr,
        gateway: IpAddress.optional(),
        /** Its place in `interfaces`. */
        interface: z.int().nonnegative().optional(),
      }),
    )
    .max(64),
  routes: z.array(z.object({ dst: cidr, gw: IpAddress.optional() })).max(1024),
});
export type CniResult = z.infer<typeof CniResult>;

const attachment = { network: name, containerId: name, ifname: linkName };

const CniAdd = z.object({
  ...{ op: z.literal("add"), ...attachment, netns: path },
  /** CNI_ARGS, such as K8S_POD_NAME. */
  args: words({ entries: 64, key: 255, value: 4096 }),
  /** The pod's annotations, where the runtime was asked for them. As large as Kubernetes lets them be. */
  annotations: words({ entries: 4096, key: 317, value: 262_144 }),
  portMappings: z.array(PortMapping).max(4096),
});
export type CniAdd = z.infer<typeof CniAdd>;
const CniDel = z.object({ op: z.literal("del"), ...attachment });
const CniCheck = z.object({
  ...{ op: z.literal("check"), ...attachment, netns: path },
  prevResult: CniResult,
});
export type CniCheck = z.infer<typeof CniCheck>;
const CniStatus = z.object({ op: z.literal("status"), network: name });
const CniGc = z.object({
  ...{ op: z.literal("gc"), network: name },
  /** Those that are to stay, spelt as the runtime spells them. */
  attachments: z.array(z.object({ containerID: name, ifname: linkName })).max(4096),
});
export type CniGc = z.infer<typeof CniGc>;

export const CniRequest = z.discriminatedUnion("op", [CniAdd, CniDel, CniCheck, CniStatus, CniGc]);
export type CniRequest = z.infer<typeof CniRequest>;
/** Read first: what another version asks need not look like a request of ours. */
export const CniEnvelope = z.looseObject({ v: z.int() });

export const CniAnswer = z.discriminatedUnion("ok", [
  /** `result` for ADD, and only for it. */
  z.object({ ok: z.literal(true), result: CniResult.optional() }),
  z.object({
    ok: z.literal(false),
    code: z.int().min(1).max(999),
    message: z.string().max(300),
    details: z.string().max(4000),
  }),
]);
export type CniAnswer = z.infer<typeof CniAnswer>;
