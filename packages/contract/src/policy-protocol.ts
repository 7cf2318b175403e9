/**
 * Policies between agents and the control plane, served by ingest beside agent-protocol.ts: policy.for (what holds for this
 * host's own endpoints), policy.peers (who the others are that they meet). control.watch says "policy" when an answer of
 * either may have changed. What policies are is policy.ts's.
 */
import { z } from "zod";
import { IdentityNumber } from "./identity.ts";
import { Policy, PolicyIdentity } from "./policy.ts";

export const POLICY_ASK_LIMITS = {
  identities: 256,
  /** How long peers hold when nobody says otherwise before. */
  peersSeconds: 600,
  /** No answer is longer. */
  answerBytes: 8 << 20,
} as const;

/** An identity whose labels name no namespace is in this one. */
export const DEFAULT_NAMESPACE = "default";
/** The label of a published endpoint that says its namespace. */
export const NAMESPACE_LABEL = "io.kubernetes.pod.namespace";
/** A label that every namespace has without being given it: its name. */
export const NAMESPACE_NAME_LABEL = "kubernetes.io/metadata.name";

const Asked = z.object({ identities: z.array(IdentityNumber).max(POLICY_ASK_LIMITS.identities) });

// ---- policy.for ----

/** Identities of this host's own endpoints. More than the most: ask again for the rest, and put the answers together. */
export const PolicyForInput = Asked;
export type PolicyForInput = z.infer<typeof PolicyForInput>;
export const PolicyForOutput = z.object({
  /** Of the newest change of any document that this answer knows. */
  revision: z.int().nonnegative(),
  /** Those that select any of the identities, in any direction and mode; by number. */
  policies: z.array(Policy),
  /** Of what was asked, what there is: numbers that nobody has are left out. */
  subjects: z.array(PolicyIdentity),
});
export type PolicyForOutput = z.infer<typeof PolicyForOutput>;

// ---- policy.peers ----

/** A mutation: it is written down who asked, so that who asked is told of changes. */
export const PolicyPeersInput = Asked;
export type PolicyPeersInput = z.infer<typeof PolicyPeersInput>;
export const PolicyPeersOutput = z.object({
  /** Of what was asked, what there is: reserved numbers and those that nobody has are left out. */
  peers: z.array(PolicyIdentity),
  /** From now on, for as long may the host go by this answer. */
  leaseSeconds: z.int().positive(),
});
export type PolicyPeersOutput = z.infer<typeof PolicyPeersOutput>;
