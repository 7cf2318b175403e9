/** Which policies a text means, and in which order they stand. Pure. */
import type { PolicyView } from "@millrace/contract/declared";
import { parseAsString } from "nuqs/server";
import { type Arrangement, arrange, listParams } from "@/view/arrange.ts";
import type { SortChoice } from "@/view/url-params.ts";
import { policyName } from "./policy-words.ts";

export const POLICY_SORTS = ["name", "tier", "mode", "selected", "rules", "revision", "changed"] as const;
export type PolicySort = (typeof POLICY_SORTS)[number];

/** What the page keeps in its address. */
export const policyParams = { ...listParams<PolicySort>(POLICY_SORTS), policy: parseAsString };

const BY: Arrangement<PolicyView, PolicySort> = {
  textOf: (policy) => [policyName(policy), policy.kind, policy.tier, policy.mode, policy.changedBy].join(" "),
  nameOf: policyName,
  keys: {
    name: policyName,
    tier: ({ tier }) => tier,
    mode: ({ mode }) => mode,
    selected: ({ selected }) => selected ?? -1,
    rules: ({ rules }) => rules,
    revision: ({ revision }) => revision,
    changed: ({ changedAtMs }) => changedAtMs,
  },
};

/** Every word must be in its name, kind, policy tier, mode or author. */
export const arrangePolicies = (
  policies: readonly PolicyView[],
  find: string,
  sort: SortChoice<PolicySort>,
): PolicyView[] => arrange(policies, BY, find, sort);
