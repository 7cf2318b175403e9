/**
 * The kernel's policy tables from what is known: pure. Which endpoints some policy selects, the classes of addresses, and
 * judgements for the pairs that are asked for, the first as far as there is room.
 */
import { POLICY_TABLE_LIMITS } from "@millrace/contract/policy-table";
import { type Prefix, parsePrefix, prefixText } from "@millrace/contract/prefix";
import type { PolicySet } from "@millrace/policy/compile";
import type { Pair, PairJudgement, PolicyTables, Ruleset } from "../dataplane/dataplane.ts";
import { addressBytes } from "../endpoint/address.ts";
import type { PairJudge } from "./pair-judge.ts";

/** Half of what the kernel's tables hold: one set takes the place of another while both are there. */
export const MOST = POLICY_TABLE_LIMITS;
const MAPPED_BITS = 96;
const ALL_IPV4 = "0.0.0.0/0";

export class PolicyTooLarge extends Error {}

export function policyTables(set: PolicySet, judge: PairJudge, pairs: Iterable<Pair>): PolicyTables {
  const judged = new Judgements();
  for (const pair of pairs) {
    const ruleset = judge.rulesetOf(pair);
    if (ruleset && !judged.add(pair, ruleset)) break;
  }
  const subjects = [...judge.subjects.values()];
  return {
    subjects: subjects.map(({ endpointId, egress, ingress }) => ({ endpointId, egress, ingress })),
    classes: classesOf(set),
    ...judged.tables,
  };
}

/** What is in the kernel holds: nothing in it would be otherwise now. */
export function isRight(tables: PolicyTables, set: PolicySet, judge: PairJudge): boolean {
  const { subjects, classes } = policyTables(set, judge, []);
  return (
    isSame(tables.subjects, subjects) &&
    isSame(tables.classes.map(classText), classes.map(classText)) &&
    tables.judgements.every((one) => judge.rulesetOf(one)?.number === one.ruleset)
  );
}

/** Pairs and the rulesets they name, within bounds. */
export class Judgements {
  readonly #judgements = new Map<string, PairJudgement>();
  readonly #rulesets = new Map<number, Ruleset>();
  #entries = 0;

  constructor(known?: Pick<PolicyTables, "judgements" | "rulesets">) {
    for (const one of known?.judgements ?? []) this.#judgements.set(pairText(one), one);
    for (const ruleset of known?.rulesets ?? []) this.#keep(ruleset);
  }
  get size(): number {
    return this.#judgements.size;
  }
  /** Of all rulesets together. */
  get entries(): number {
    return this.#entries;
  }
  get tables(): Pick<PolicyTables, "judgements" | "rulesets"> {
    return { judgements: [...this.#judgements.values()], rulesets: [...this.#rulesets.values()] };
  }
  has(pair: Pair): boolean {
    return this.#judgements.has(pairText(pair));
  }
  hasRuleset(number: number): boolean {
    return this.#rulesets.has(number);
  }
  /** False when there is no room for it. */
  add(pair: Pair, ruleset: Ruleset): boolean {
    const isNew = ruleset.number !== 0 && !this.#rulesets.has(ruleset.number);
    if (this.has(pair)) return true;
    if (this.#judgements.size >= MOST.judgements) return false;
    if (isNew && this.#entries + ruleset.entries.length > MOST.entries) return false;
    const { endpointId, peerIdentity, cidrClass, direction } = pair;
    const judgement = { endpointId, peerIdentity, cidrClass, direction, ruleset: ruleset.number };
    this.#judgements.set(pairText(pair), judgement);
    if (isNew) this.#keep(ruleset);
    return true;
  }
  peers(): Set<number> {
    return new Set([...this.#judgements.values()].map(({ peerIdentity }) => peerIdentity));
  }
  #keep(ruleset: Ruleset): void {
    this.#rulesets.set(ruleset.number, ruleset);
    this.#entries += ruleset.entries.length;
  }
}

function classesOf(set: PolicySet): PolicyTables["classes"] {
  const classes = set.cidrClasses();
  if (classes.size > MOST.classes)
    throw new PolicyTooLarge(
      `the policies of this host name ${classes.size} prefixes; at most ${MOST.classes} can be told apart`,
    );
  const entries = [...classes].map(([text, number]) => {
    const prefix = parsePrefix(text);
    const address = prefix && addressBytes(addressOf(prefix));
    if (!prefix || !address) throw new PolicyTooLarge(`${text} is no prefix`);
    return { address, prefixBits: prefix.length + (prefix.family === 4 ? MAPPED_BITS : 0), number };
  });
  // To the kernel IPv4 is a part of ::/0; to people it isn't.
  if (entries.length > 0 && !classes.has(ALL_IPV4))
    entries.push({ address: addressBytes("0.0.0.0") as Uint8Array, prefixBits: MAPPED_BITS, number: 0 });
  return entries;
}
const addressOf = (prefix: Prefix): string => prefixText(prefix).split("/", 1)[0] as string;

const pairText = ({ endpointId, peerIdentity, cidrClass, direction }: Pair): string =>
  `${endpointId} ${peerIdentity} ${cidrClass} ${direction}`;
const classText = ({ address, prefixBits, number }: PolicyTables["classes"][number]): string =>
  `${Buffer.from(address).toString("hex")}/${prefixBits} ${number}`;
const isSame = (a: readonly unknown[], b: readonly unknown[]): boolean => {
  const sorted = (list: readonly unknown[]) => list.map((one) => JSON.stringify(one)).sort();
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
};
