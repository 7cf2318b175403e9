/** How a policy's rule is told on a flow: one number for the policy and the rule's place in it. Browsers load this, not policy.ts. */

/** A rule's number on flows is its policy's number and its place: 8 bits for the place, 0 for "no rule allowed it". */
export const MOST_RULES = 255;
export const LAST_POLICY_NUMBER = 0xff_ffff;

export const ruleNumber = (policy: number, place: number): number => policy * 256 + place;
export const ruleParts = (rule: number): { policy: number; place: number } => ({
  policy: Math.floor(rule / 256),
  place: rule % 256,
});
/** As people read and write it, filters included. */
export const ruleText = ({ policy, place }: { policy: number; place: number }): string =>
  `${policy}/${place}`;
