/** Which policies a text means, and in which order they stand. Pure. */
import type { PolicyView } from "@millrace/contract/declared";
import { parseAsString } from "nuqs/server";
import { parseAsSort, type SortChoice } from "@/view/url-params.ts";
import { policyName } from "./policy-words.ts";

export const POLICY_SORTS = ["name", "tier", "mode", "selected", "rules", "revision", "changed"] as const;
export type PolicySort = (typeof POLICY_SORTS)[number];

/** What the page keeps in its address. */
export const policyParams = {
  sort: parseAsSort<PolicySort>(POLICY_SORTS).withDefault({ key: "name", descending: false }),
  find: parseAsString.withDefault(""),
  policy: parseAsString,
};

const KEY: Record<PolicySort, (policy: PolicyView) => string | number> = {
  name: policyName,
  tier: ({ tier }) => tier,
  mode: ({ mode }) => mode,
  selected: ({ selected }) => selected ?? -1,
  rules: ({ rules }) => rules,
  revision: ({ revision }) => revision,
  changed: ({ changedAtMs }) => changedAtMs,
};

/** Every word must be in its name, kind, policy tier, mode or author. */
export function arrangePolicies(
  policies: readonly PolicyView[],
  find: string,
  { key, descending }: SortChoice<PolicySort>,
): PolicyView[] {
  const words = find.toLowerCase().split(/\s+/).filter(Boolean);
  const sign = descending ? -1 : 1;
  return policies
    .filter((policy) => {
      const text = [policyName(policy), policy.kind, policy.tier, policy.mode, policy.changedBy].join(" ");
      return words.every((word) => text.toLowerCase().includes(word));
    })
    .sort((one, other) => {
      const [a, b] = [KEY[key](one), KEY[key](other)];
      if (a !== b) return a < b ? -sign : sign;
      return policyName(one) < policyName(other) ? -1 : 1;
    });
}
