/**
 * Kubernetes' EndpointSlice: a service's backends, said one by one. An endpoint that is neither ready nor still serving is no
 * backend and is left out. Whether there is such a service is not asked: either may be there first.
 */
import { type Family, parseAddress } from "@millrace/contract/prefix";
import { type BackendState, SERVICE_LIMITS, SERVICE_PROTOCOLS, WEIGHTS } from "@millrace/contract/service";
import { z } from "zod";
import { metadataWith } from "./metadata.ts";
import { fields, type Reading, read } from "./reading.ts";
import type { ServiceProtocolNumber } from "./service-document.ts";
import {
  AnyAddress,
  FamilyName,
  Ignored,
  isWeight,
  Port,
  ProtocolName,
  plainAddress,
  ServicePortName,
  WEIGHT_KEY,
} from "./service-fields.ts";

/** The label of a slice that says whose it is. */
export const SERVICE_NAME_KEY = "kubernetes.io/service-name";

export type SliceReading = {
  service: string;
  family: Family;
  weight: number;
  /** `name` is that of the service's port. */
  ports: { name: string; protocol: ServiceProtocolNumber; port: number }[];
  endpoints: { address: string; state: BackendState }[];
};

export function readEndpointSlice(document: unknown): Reading<SliceReading> {
  const whole = read(SliceDocument, document);
  if (!whole.ok) return whole;
  const { metadata, addressType, ports, endpoints } = whole.value;
  const weight = metadata.annotations?.[WEIGHT_KEY];
  return {
    ok: true,
    value: {
      service: metadata.labels?.[SERVICE_NAME_KEY] as string,
      family: addressType === "IPv4" ? 4 : 6,
      weight: weight === undefined ? WEIGHTS.usual : Number(weight),
      ports: (ports ?? []).map(({ name, protocol, port }) => ({
        ...{ name: name ?? "", protocol: SERVICE_PROTOCOLS[protocol], port },
      })),
      endpoints: endpoints.flatMap(({ addresses, conditions }) => {
        const state = stateOf(conditions ?? {});
        return state ? [{ address: plainAddress(addresses[0] as string), state }] : [];
      }),
    },
  };
}

/** What an endpoint without conditions is: ready. One that is going serves on as long as it says so. */
function stateOf(conditions: z.infer<typeof Conditions>): BackendState | undefined {
  if (conditions.ready ?? true) return "ready";
  return conditions.terminating && conditions.serving ? "draining" : undefined;
}

const MOST_ENDPOINTS = 1000;
const Conditions = fields({
  ready: z.boolean().optional(),
  serving: z.boolean().optional(),
  terminating: z.boolean().optional(),
});
const SliceEndpoint = fields({
  /** All mean the same endpoint: Kubernetes says that consumers take the first. */
  addresses: z.array(AnyAddress).min(1, "has at least one address").max(100),
  conditions: Conditions.optional(),
  deprecatedTopology: Ignored,
  hints: Ignored,
  hostname: Ignored,
  nodeName: Ignored,
  targetRef: Ignored,
  zone: Ignored,
});

const SlicePort = fields({
  name: ServicePortName.or(z.literal("")).optional(),
  protocol: ProtocolName,
  port: Port,
  appProtocol: Ignored,
});

const SliceDocument = fields({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: metadataWith([WEIGHT_KEY]),
  addressType: FamilyName,
  ports: z.array(SlicePort).max(SERVICE_LIMITS.ports).optional(),
  endpoints: z.array(SliceEndpoint).max(MOST_ENDPOINTS),
}).superRefine(({ metadata, addressType, endpoints }, ctx) => {
  const say = (path: (string | number)[], message: string) =>
    ctx.addIssue({ code: "custom", path, message, input: path });
  const weight = metadata.annotations?.[WEIGHT_KEY];
  if (!metadata.labels?.[SERVICE_NAME_KEY])
    say(["metadata", "labels", SERVICE_NAME_KEY], "is missing: the service that the slice belongs to");
  if (weight !== undefined && !isWeight(weight))
    say(
      ["metadata", "annotations", WEIGHT_KEY],
      `must be a whole number from ${WEIGHTS.least} to ${WEIGHTS.most}`,
    );
  endpoints.forEach(({ addresses }, i) => {
    const family = parseAddress(addresses[0] ?? "")?.family;
    if (family && `IPv${family}` !== addressType)
      say(["endpoints", i, "addresses", 0], `is an IPv${family} address; addressType is ${addressType}`);
  });
});
