/** What one host can judge by at a time: pairs of ends, entries of all their rulesets, prefixes that are told apart. */
export const POLICY_TABLE_LIMITS = { judgements: 32_768, entries: 32_768, classes: 4096 } as const;
