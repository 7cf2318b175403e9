/**
 * Which part of a filter every matching flow proves by at least one of its updates: what history is searched
 * by, newest first, before the whole filter decides over summed-up rows (match.ts). It may let too much
 * through, never too little.
 */
import type { FilterTerm } from "@millrace/contract/filter";

const bare = (field: string): string => field.replace(/^(src|dst)\./, "");
const isTuple = (term: FilterTerm): boolean =>
  term.field !== undefined && ["ip", "port", "proto"].includes(bare(term.field));

/**
 * Either all terms over the tuple, which is the same in every update of the observer that the row shows; or
 * one term that some update of one observer must meet. Both together need not meet in one update.
 */
export function witnessTerms(terms: readonly FilterTerm[]): FilterTerm[] {
  const tuple = terms.filter(isTuple);
  if (tuple.some((term) => !term.negated && bare(term.field as string) === "ip")) return tuple;
  const [best] = terms.filter((term) => rank(term) > 0).sort((a, b) => rank(b) - rank(a));
  return best ? [best] : tuple;
}

/** The one address, and the ends it may be at, that all of these updates have. */
export function soleAddress(
  terms: readonly FilterTerm[],
): { address: string; ends: readonly ("src" | "dst")[] } | undefined {
  const term = terms.find(
    (t) =>
      !t.negated &&
      t.operator === "=" &&
      bare(t.field ?? "") === "ip" &&
      t.values.length === 1 &&
      !t.values[0]?.text.includes("/"),
  );
  if (!term) return undefined;
  const end = (term.field as string).slice(0, 3);
  return {
    address: term.values[0]?.text as string,
    ends: end === "src" || end === "dst" ? [end] : ["src", "dst"],
  };
}

/** How much it narrows, by experience; 0 for what no single update proves. */
function rank(term: FilterTerm): number {
  if (term.negated) return 0;
  if (term.field === undefined) return 4;
  switch (bare(term.field)) {
    case "flow":
      return 20;
    case "reason":
      return 15;
    case "rule":
    case "policy":
      return 14;
    case "verdict":
      return term.values.every((v) => v.text === "dropped" || v.text === "would-drop") ? 14 : 1;
    case "drops":
    case "retransmits":
      return provesCount(term) ? 13 : 0;
    case "service.address":
    case "service.port":
      return 12;
    case "container":
    case "pod":
      return 10;
    case "service":
    case "label":
      return 9;
    case "namespace":
    case "host":
    case "observer":
      return 6;
    case "rtt":
      return 3;
    case "state":
    case "way":
      return 2;
    case "tier":
      return provesSlow(term) ? 2 : 0;
    default:
      return 0;
  }
}

/** Where most of all packets were slow, most of some update's were; fast ones may be missing where none was carried. */
const provesSlow = (term: FilterTerm): boolean => term.values.every((v) => v.text === "slow");

/** A sum above zero has a summand above zero. */
const provesCount = (term: FilterTerm): boolean =>
  term.values.every(
    (v) =>
      (term.operator === ">" && (v.number ?? -1) >= 0) ||
      (/^>?=$/.test(term.operator) && (v.number ?? 0) > 0),
  );

/** For a witness that counts, the update need only have some of it, not all. */
export function weakened(term: FilterTerm): FilterTerm {
  const counts = term.field === "drops" || term.field === "retransmits";
  return counts ? { ...term, operator: ">", values: [{ text: "0", number: 0 }] } : term;
}

/** Does an update alone decide every term? Then counting needs no summing up. */
export const decidedByUpdate = (terms: readonly FilterTerm[]): boolean =>
  terms.every((term) => term.field !== undefined && !OVER_FLOW.has(term.field));
const OVER_FLOW: ReadonlySet<string> = new Set([
  ...[
    "verdict",
    "reason",
    "way",
    "tier",
    "rule",
    "policy",
    "state",
    "rtt",
    "bytes",
    "packets",
    "retransmits",
    "drops",
  ],
]);
