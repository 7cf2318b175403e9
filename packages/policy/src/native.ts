/**
 * Millrace's own form of a policy (millrace.io/v1, Policy), for what NetworkPolicy can't say: policy tiers, observe mode, deny,
 * subjects in other namespaces, protocols without ports. Selectors are written as in Kubernetes. docs/policy.md has examples.
 */
import {
  POLICY_DIRECTIONS,
  POLICY_LIMITS,
  POLICY_MODES,
  POLICY_TIERS,
  RULE_ACTIONS,
  type RulePeer,
} from "@millrace/contract/policy";
import { PROTOCOLS, protocolNumber } from "@millrace/contract/verdict";
import { z } from "zod";
import { blockFields, blockPeer, exceptProblems, StrictCidr } from "./block.ts";
import { type PolicyDraft, placed, tooManyRules } from "./draft.ts";
import { hasPorts } from "./judgement.ts";
import { Metadata, MODE_ANNOTATION } from "./metadata.ts";
import { endPortProblem, portFields, rangeOf } from "./ports.ts";
import { fields, kindOf, type Reading, read, suggestion } from "./reading.ts";
import { LabelSelector, selectorOf } from "./selector.ts";

export const NATIVE_POLICY = { apiVersion: "millrace.io/v1", kind: "Policy" } as const;

const ANY = "any";
const PROTOCOL_NAMES = [...Object.values(PROTOCOLS), ANY];

const Protocol = z
  .union([z.number(), z.string()], {
    error: ({ input }) =>
      input === undefined
        ? `is missing: ${PROTOCOL_NAMES.join(", ")} or a number`
        : `must be a protocol's name or number, not ${kindOf(input)}`,
  })
  .check((ctx) => {
    const { value } = ctx;
    const known =
      typeof value === "number"
        ? Number.isInteger(value) && value >= 0 && value <= 255
        : PROTOCOL_NAMES.includes(value);
    if (known) return;
    const hint = typeof value === "string" ? suggestion(value, PROTOCOL_NAMES) : "";
    const message = `must be ${PROTOCOL_NAMES.join(", ")} or a number up to 255, not ${kindOf(value)}${hint}`;
    ctx.issues.push({ code: "custom", message, input: value });
  });
const numberOf = (protocol: number | string): number | null =>
  typeof protocol === "number" ? protocol : (protocolNumber(protocol) ?? null);

const Port = fields({ protocol: Protocol, ...portFields }).check((ctx) => {
  const { protocol, port } = ctx.value;
  const number = numberOf(protocol);
  const say = (field: string, message: string) =>
    ctx.issues.push({ code: "custom", message, path: [field], input: ctx.value });
  if (port !== undefined && number !== null && !hasPorts(number)) say("port", `${protocol} has no ports`);
  const message = endPortProblem(ctx.value);
  if (message) say("endPort", message);
});

const { cidr, except } = blockFields(StrictCidr);
const Peer = fields({
  pods: LabelSelector.optional(),
  namespaces: LabelSelector.optional(),
  cidr: cidr.optional(),
  except,
}).check((ctx) => {
  const { pods, namespaces, cidr, except } = ctx.value;
  const say = (path: PropertyKey[], message: string) =>
    ctx.issues.push({ code: "custom", message, path, input: ctx.value });
  const found = ctx.issues.length > 0;
  if (cidr !== undefined && (pods ?? namespaces))
    say(["cidr"], "must not stand beside pods or namespaces: write two peers");
  if (cidr === undefined && except) say(["except"], "needs a cidr that it is an exception of");
  else if (cidr === undefined && !pods && !namespaces && !found)
    say([], "names no peer: pods, namespaces or cidr is needed");
  for (const { at, message } of exceptProblems(ctx.value)) say(["except", at], message);
});

const peers = z
  .array(Peer)
  .min(1, "names nobody; leave it out for everybody")
  .max(POLICY_LIMITS.peersOfRule)
  .optional();
const ports = z
  .array(Port)
  .min(1, "names no port; leave it out for all protocols and ports")
  .max(POLICY_LIMITS.portsOfRule)
  .optional();
const action = z.enum(RULE_ACTIONS);

const Spec = fields({
  tier: z.enum(POLICY_TIERS).default("tenant"),
  mode: z.enum(POLICY_MODES).default("enforce"),
  subject: fields({ pods: LabelSelector.optional(), namespaces: LabelSelector.optional() }),
  isolates: z.array(z.enum(POLICY_DIRECTIONS)).max(2).default([]),
  ingress: z.array(fields({ action, from: peers, ports })).optional(),
  egress: z.array(fields({ action, to: peers, ports })).optional(),
}).check((ctx) => {
  const message = tooManyRules(ctx.value);
  if (message) ctx.issues.push({ code: "custom", message, input: ctx.value });
});

const NativePolicy = fields({
  apiVersion: z.literal(NATIVE_POLICY.apiVersion),
  kind: z.literal(NATIVE_POLICY.kind),
  metadata: Metadata.check((ctx) => {
    if (ctx.value.annotations?.[MODE_ANNOTATION] === undefined) return;
    const message = "is for Kubernetes' documents; here it is spec.mode";
    ctx.issues.push({ code: "custom", message, path: ["annotations", MODE_ANNOTATION], input: ctx.value });
  }),
  spec: Spec,
});
type NativePolicy = z.infer<typeof NativePolicy>;

export function readNativePolicy(document: unknown): Reading<PolicyDraft> {
  const reading = read(NativePolicy, document);
  return reading.ok ? { ok: true, value: policyOf(reading.value) } : reading;
}

function policyOf({ metadata, spec }: NativePolicy): PolicyDraft {
  const { tier, mode, subject, isolates } = spec;
  const written = {
    ingress: spec.ingress?.map(({ from, ...rule }) => ({ ...rule, peers: from })),
    egress: spec.egress?.map(({ to, ...rule }) => ({ ...rule, peers: to })),
  };
  return {
    ...{ namespace: metadata.namespace, name: metadata.name, tier, mode },
    subject: { pods: selectorOf(subject.pods ?? {}), namespaces: namespacesOf(subject.namespaces) },
    isolates: [...new Set(isolates)],
    rules: placed(written, ({ action, peers, ports }) => ({
      action,
      peers: peers?.map(peerOf) ?? null,
      ports: ports?.map((port) => ({ protocol: numberOf(port.protocol), port: rangeOf(port) })) ?? null,
    })),
  };
}

const namespacesOf = (selector: LabelSelector | undefined) => (selector ? selectorOf(selector) : null);

const peerOf = ({ pods, namespaces, cidr, except }: z.infer<typeof Peer>): RulePeer =>
  cidr === undefined
    ? { kind: "pods", pods: selectorOf(pods ?? {}), namespaces: namespacesOf(namespaces) }
    : blockPeer({ cidr, except });
