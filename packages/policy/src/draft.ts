/** What a document says, before the control plane has given it a number and a revision. */
import { MOST_RULES, Policy, type PolicyDirection, type PolicyRule } from "@millrace/contract/policy";
import type { z } from "zod";

export const PolicyDraft = Policy.omit({ number: true, revision: true });
export type PolicyDraft = z.infer<typeof PolicyDraft>;

/** Rules get their places in the order in which documents have them: ingress first, then egress. */
export function placed<Rule>(
  written: Readonly<Record<PolicyDirection, readonly Rule[] | undefined>>,
  ruleOf: (rule: Rule) => Omit<PolicyRule, "place" | "direction">,
): PolicyRule[] {
  return (["ingress", "egress"] as const)
    .flatMap((direction) => (written[direction] ?? []).map((rule) => ({ direction, ...ruleOf(rule) })))
    .map((rule, at) => ({ place: at + 1, ...rule }));
}

export function tooManyRules(spec: {
  ingress?: readonly unknown[] | undefined;
  egress?: readonly unknown[] | undefined;
}): string | undefined {
  const count = (spec.ingress ?? []).length + (spec.egress ?? []).length;
  return count > MOST_RULES ? `has ${count} rules; at most ${MOST_RULES}` : undefined;
}
