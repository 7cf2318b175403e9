/**
 * Policies as they are enforced, whatever language they were written in (packages/policy reads those): who is meant,
 * and what they may do. What a policy means is in packages/policy/src/judge.ts and docs/policy.md.
 */
import { z } from "zod";
import { IdentityNumber, Labels } from "./identity.ts";
import { parsePrefix } from "./prefix.ts";

/** Asked in this order; a policy tier that decides is the last that is asked. */
export const POLICY_TIERS = ["platform", "tenant"] as const;
export const PolicyTier = z.enum(POLICY_TIERS);
export type PolicyTier = z.infer<typeof PolicyTier>;

/** observe: it decides nothing, and what it would have done is written on each flow. */
export const POLICY_MODES = ["enforce", "observe"] as const;
export const PolicyMode = z.enum(POLICY_MODES);
export type PolicyMode = z.infer<typeof PolicyMode>;

export const POLICY_DIRECTIONS = ["ingress", "egress"] as const;
export const PolicyDirection = z.enum(POLICY_DIRECTIONS);
export type PolicyDirection = z.infer<typeof PolicyDirection>;

export const RULE_ACTIONS = ["allow", "deny"] as const;

/** A rule's number on flows is its policy's number and its place: 8 bits for the place, 0 for "no rule allowed it". */
export const MOST_RULES = 255;
export const LAST_POLICY_NUMBER = 0xff_ffff;
export const POLICY_LIMITS = { peersOfRule: 256, portsOfRule: 64, requirements: 32, policies: 4096 } as const;

export const ruleNumber = (policy: number, place: number): number => policy * 256 + place;
export const ruleParts = (rule: number): { policy: number; place: number } => ({
  policy: Math.floor(rule / 256),
  place: rule % 256,
});

/** One of these must hold of the labels. NotIn and DoesNotExist hold where the label is absent. */
export const Requirement = z.object({
  key: z.string().min(1).max(317),
  operator: z.enum(["In", "NotIn", "Exists", "DoesNotExist"]),
  values: z.array(z.string().max(63)).max(POLICY_LIMITS.requirements),
});
export type Requirement = z.infer<typeof Requirement>;

/** All hold; none means everyone. */
export const Selector = z.array(Requirement).max(POLICY_LIMITS.requirements);
export type Selector = z.infer<typeof Selector>;

const PrefixText = z
  .string()
  .refine((text) => parsePrefix(text) !== undefined, "is no prefix without bits set beyond its length");

export const RulePeer = z.discriminatedUnion("kind", [
  /** Pods by their labels, in namespaces by theirs. `namespaces` null: those of the policy's own namespace. */
  z.object({ kind: z.literal("pods"), pods: Selector, namespaces: Selector.nullable() }),
  /** Addresses, pods' included. */
  z.object({ kind: z.literal("cidr"), cidr: PrefixText, except: z.array(PrefixText).max(64) }),
]);
export type RulePeer = z.infer<typeof RulePeer>;

/** IP protocols by number; null: any. */
export const RulePort = z.object({
  protocol: z.int().min(0).max(255).nullable(),
  /** A range, ends included; a name that the receiving pod gives one of its ports; null: all. Only TCP, UDP and SCTP have ports. */
  port: z
    .union([
      z.object({ from: z.int().min(0).max(65_535), to: z.int().min(0).max(65_535) }),
      z.object({ name: z.string().min(1).max(15) }),
    ])
    .nullable(),
});
export type RulePort = z.infer<typeof RulePort>;

export const PolicyRule = z.object({
  /** 1 for the first: it stands on flows. */
  place: z.int().min(1).max(MOST_RULES),
  direction: PolicyDirection,
  action: z.enum(RULE_ACTIONS),
  /** One of them; null: everybody, inside and outside. An empty list: nobody. */
  peers: z.array(RulePeer).max(POLICY_LIMITS.peersOfRule).nullable(),
  /** One of them; null: all. */
  ports: z.array(RulePort).max(POLICY_LIMITS.portsOfRule).nullable(),
});
export type PolicyRule = z.infer<typeof PolicyRule>;

export const Policy = z.object({
  /** Given by the control plane, never to another. */
  number: z.int().min(1).max(LAST_POLICY_NUMBER),
  /** Rises with each change of any policy. */
  revision: z.int().min(1).max(0xffff_ffff),
  namespace: z.string().min(1).max(63),
  name: z.string().min(1).max(253),
  tier: PolicyTier,
  mode: PolicyMode,
  /** Pods it is about. `namespaces` null: those of its own namespace. */
  subject: z.object({ pods: Selector, namespaces: Selector.nullable() }),
  /** Directions in which its subjects may do nothing but what a rule of the policy tier allows. */
  isolates: z.array(PolicyDirection).max(2),
  rules: z.array(PolicyRule).max(MOST_RULES),
});
export type Policy = z.infer<typeof Policy>;

/** All that a policy can know of an identity. */
export const PolicyIdentity = z.object({
  identity: IdentityNumber,
  namespace: z.string(),
  labels: Labels,
  namespaceLabels: Labels,
  /** Ports that the pod has names for, by name. */
  ports: z.record(z.string().max(15), z.object({ protocol: z.int(), port: z.int() })).default({}),
});
export type PolicyIdentity = z.infer<typeof PolicyIdentity>;
