/**
 * Kubernetes' own documents, NetworkPolicy (networking.k8s.io/v1) and Namespace (v1), parsed from YAML or JSON: every semantic of
 * the API and its server's defaults and checks. What Kubernetes takes is taken, but for rules and peers written as null.
 */
import { POLICY_LIMITS, POLICY_MODES, type PolicyDirection, type RulePeer } from "@millrace/contract/policy";
import { NAMESPACE_NAME_LABEL } from "@millrace/contract/policy-protocol";
import { protocolNumber } from "@millrace/contract/verdict";
import { z } from "zod";
import { blockPeer, IpBlock } from "./block.ts";
import { type PolicyDraft, placed, tooManyRules } from "./draft.ts";
import { Metadata, MODE_ANNOTATION, NamespaceMetadata } from "./metadata.ts";
import { endPortProblem, portFields, rangeOf } from "./ports.ts";
import { fields, kindOf, type Reading, read, suggestion } from "./reading.ts";
import { LabelSelector, selectorOf } from "./selector.ts";

export const NETWORK_POLICY = { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy" } as const;
export const NAMESPACE = { apiVersion: "v1", kind: "Namespace" } as const;

const Peer = fields({
  podSelector: LabelSelector.optional(),
  namespaceSelector: LabelSelector.optional(),
  ipBlock: IpBlock.optional(),
}).check((ctx) => {
  const { podSelector, namespaceSelector, ipBlock } = ctx.value;
  const selects = podSelector ?? namespaceSelector;
  if (ipBlock && selects)
    ctx.issues.push({
      code: "custom",
      message: "must not stand beside podSelector or namespaceSelector: write two peers",
      path: ["ipBlock"],
      input: ctx.value,
    });
  if (!ipBlock && !selects && ctx.issues.length === 0)
    ctx.issues.push({
      code: "custom",
      message: "names no peer: podSelector, namespaceSelector or ipBlock is needed",
      input: ctx.value,
    });
});

const Port = fields({ protocol: z.enum(["TCP", "UDP", "SCTP"]).default("TCP"), ...portFields }).check(
  (ctx) => {
    const message = endPortProblem(ctx.value);
    if (message) ctx.issues.push({ code: "custom", message, path: ["endPort"], input: ctx.value });
  },
);

const peers = z.array(Peer).max(POLICY_LIMITS.peersOfRule).optional();
const ports = z.array(Port).max(POLICY_LIMITS.portsOfRule).optional();
const TYPES = { Ingress: "ingress", Egress: "egress" } as const;

const Spec = fields({
  podSelector: LabelSelector.optional(),
  policyTypes: z
    .array(z.enum(["Ingress", "Egress"]))
    .max(2)
    .optional(),
  ingress: z.array(fields({ from: peers, ports })).optional(),
  egress: z.array(fields({ to: peers, ports })).optional(),
}).check((ctx) => {
  const message = tooManyRules(ctx.value);
  if (message) ctx.issues.push({ code: "custom", message, input: ctx.value });
});

const PolicyMetadata = Metadata.check((ctx) => {
  const mode = ctx.value.annotations?.[MODE_ANNOTATION];
  if (mode === undefined || (POLICY_MODES as readonly string[]).includes(mode)) return;
  ctx.issues.push({
    code: "custom",
    message: `must be ${POLICY_MODES.join(" or ")}, not ${kindOf(mode)}${suggestion(mode, POLICY_MODES)}`,
    path: ["annotations", MODE_ANNOTATION],
    input: mode,
  });
});

const NetworkPolicy = fields({
  apiVersion: z.literal(NETWORK_POLICY.apiVersion),
  kind: z.literal(NETWORK_POLICY.kind),
  metadata: PolicyMetadata,
  spec: Spec,
  status: z.unknown().optional(),
});
type NetworkPolicy = z.infer<typeof NetworkPolicy>;
type Spec = NetworkPolicy["spec"];

export function readNetworkPolicy(document: unknown): Reading<PolicyDraft> {
  const reading = read(NetworkPolicy, document);
  return reading.ok ? { ok: true, value: policyOf(reading.value) } : reading;
}

function policyOf({ metadata, spec }: NetworkPolicy): PolicyDraft {
  const isolates = isolatedBy(spec);
  const written = {
    ingress: spec.ingress?.map((rule) => ({ peers: rule.from, ports: rule.ports })),
    egress: spec.egress?.map((rule) => ({ peers: rule.to, ports: rule.ports })),
  };
  return {
    namespace: metadata.namespace,
    name: metadata.name,
    tier: "tenant",
    mode: metadata.annotations?.[MODE_ANNOTATION] === "observe" ? "observe" : "enforce",
    subject: { pods: selectorOf(spec.podSelector ?? {}), namespaces: null },
    isolates,
    // A rule for a direction that policyTypes leaves out says nothing, but keeps its place.
    rules: placed(written, allowing).filter((rule) => isolates.includes(rule.direction)),
  };
}

/** As the API server fills it in: an empty list is as none, and so is `egress: []`. */
function isolatedBy({ policyTypes = [], egress = [] }: Spec): PolicyDirection[] {
  if (policyTypes.length > 0) return [...new Set(policyTypes.map((type) => TYPES[type]))];
  return egress.length > 0 ? ["ingress", "egress"] : ["ingress"];
}

type WrittenRule = { peers: z.infer<typeof peers>; ports: z.infer<typeof ports> };

/** Empty lists of peers and ports are as none: everybody, everything. */
const allowing = ({ peers = [], ports = [] }: WrittenRule) => ({
  action: "allow" as const,
  peers: peers.length === 0 ? null : peers.map(peerOf),
  ports:
    ports.length === 0
      ? null
      : ports.map((port) => ({ protocol: protocolNumber(port.protocol) ?? null, port: rangeOf(port) })),
});

const peerOf = ({ podSelector, namespaceSelector, ipBlock }: z.infer<typeof Peer>): RulePeer =>
  ipBlock
    ? blockPeer(ipBlock)
    : {
        kind: "pods",
        pods: selectorOf(podSelector ?? {}),
        namespaces: namespaceSelector ? selectorOf(namespaceSelector) : null,
      };

const Namespace = fields({
  apiVersion: z.literal(NAMESPACE.apiVersion),
  kind: z.literal(NAMESPACE.kind),
  metadata: NamespaceMetadata.check((ctx) => {
    const { name, labels } = ctx.value;
    const label = labels?.[NAMESPACE_NAME_LABEL];
    if (label !== undefined && label !== name)
      ctx.issues.push({
        code: "custom",
        message: `must be the namespace's name, ${name}`,
        path: ["labels", NAMESPACE_NAME_LABEL],
        input: label,
      });
  }),
  spec: z.unknown().optional(),
  status: z.unknown().optional(),
});

/** A namespace has its own name as a label, as the API server would give it. */
export type NamespaceDraft = { name: string; labels: Record<string, string> };

export function readNamespace(document: unknown): Reading<NamespaceDraft> {
  const reading = read(Namespace, document);
  if (!reading.ok) return reading;
  const { name, labels } = reading.value.metadata;
  return { ok: true, value: { name, labels: { ...labels, [NAMESPACE_NAME_LABEL]: name } } };
}
