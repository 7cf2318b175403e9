/** A policy's number as it stands in an address; null for what is none. */
import { LAST_POLICY_NUMBER } from "@millrace/contract/rule-number";

export function readPolicyNumber(text: string): number | null {
  const number = Number(text);
  return /^[1-9]\d{0,7}$/.test(text) && number <= LAST_POLICY_NUMBER ? number : null;
}
