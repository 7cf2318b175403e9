/**
 * What holds between two ends in one direction, as entries whose longest match by (protocol, port) is the judgement. Which rules
 * these two ends have is compile.ts's; the table that the entries fill is the kernel's.
 */
import type { RulePort } from "@millrace/contract/policy";
import {
  FORWARDED_BY_NOTHING,
  hasPorts,
  type Judgement,
  LAST_PORT,
  PROTOCOLS_WITH_PORTS,
} from "./judgement.ts";
import { fewestPrefixes } from "./prefixes.ts";

/** Disjoint by longest match: protocol null = any protocol (then port is null); port prefix of `bits` of 16, null for all. */
export type RulesetEntry = {
  protocol: number | null;
  port: { value: number; bits: number } | null;
  judgement: Judgement;
};

/** Of a list of clauses the first that covers a protocol and port decides. Those not enforced only observe. */
export type Clause = { ports: readonly RulePort[] | null; enforced: boolean; judgement: Judgement };
export type ResolveName = (name: string) => { protocol: number; port: number } | undefined;

/** A part of what a clause covers; protocol null: of every protocol. Ends included. */
type Span = { clause: number; protocol: number | null; from: number; to: number };
type Cover = Omit<Span, "clause">;

/** Always holds an entry for any protocol, and it is the first. */
export function rulesetOf(clauses: readonly Clause[], resolve: ResolveName): RulesetEntry[] {
  const spans = clauses.flatMap(({ ports }, clause) =>
    spansOf(ports, resolve).map((span) => ({ ...span, clause })),
  );
  const deciding = new Deciding(clauses);
  const ofAny = spans.filter(({ protocol }) => protocol === null);
  const [others = 0] = deciding.choices(ofAny, [0]);
  const protocols = [...new Set(spans.flatMap(({ protocol }) => protocol ?? []))].sort((a, b) => a - b);
  return [
    { protocol: null, port: null, judgement: deciding.judgement(others) },
    ...protocols.flatMap((protocol) => {
      const covering = spans.filter((span) => span.protocol === null || span.protocol === protocol);
      const starts = startsOf(covering);
      return fewestPrefixes(starts, deciding.choices(covering, starts), others).map(
        ({ value, bits, choice }) => ({
          protocol,
          port: bits === 0 ? null : { value, bits },
          judgement: deciding.judgement(choice),
        }),
      );
    }),
  ];
}

/** What the kernel's look-up finds. `port` null: the protocol has none. */
export function longestMatch(
  entries: readonly RulesetEntry[],
  protocol: number,
  port: number | null,
): Judgement {
  let best: RulesetEntry | undefined;
  for (const entry of entries) {
    if (covers(entry, protocol, port ?? 0) && (!best || lengthOf(entry) > lengthOf(best))) best = entry;
  }
  if (!best) throw new Error("a ruleset without an entry for any protocol");
  return best.judgement;
}
const lengthOf = ({ protocol, port }: RulesetEntry): number => (protocol === null ? -1 : (port?.bits ?? 0));
const covers = (entry: RulesetEntry, protocol: number, port: number): boolean =>
  (entry.protocol === null || entry.protocol === protocol) &&
  (entry.port === null || port >>> (16 - entry.port.bits) === entry.port.value >>> (16 - entry.port.bits));

const EVERYTHING: Cover = { protocol: null, from: 0, to: LAST_PORT };

function spansOf(ports: readonly RulePort[] | null, resolve: ResolveName): Cover[] {
  if (ports === null) return [EVERYTHING];
  return ports.flatMap(({ protocol, port }): Cover[] => {
    if (port === null) return [{ ...EVERYTHING, protocol }];
    const range = "name" in port ? namedRange(resolve(port.name)) : { protocol, ...port };
    if (!range || (protocol !== null && range.protocol !== protocol)) return [];
    const protocols = range.protocol === null ? PROTOCOLS_WITH_PORTS : [range.protocol];
    return protocols.filter(hasPorts).map((each) => ({ protocol: each, from: range.from, to: range.to }));
  });
}
const namedRange = (named: { protocol: number; port: number } | undefined) =>
  named && { protocol: named.protocol as number | null, from: named.port, to: named.port };

const startsOf = (spans: readonly Span[]): number[] =>
  [...new Set([0, ...spans.flatMap(({ from, to }) => [from, to + 1])])]
    .filter((start) => start <= LAST_PORT)
    .sort((a, b) => a - b);

/** Numbers for judgements, equal for equal ones, and which of them holds where. */
class Deciding {
  readonly #clauses: readonly Clause[];
  readonly #numbers = new Map<string, number>();
  readonly #pairs = new Map<number, number>();
  readonly #judgements: Judgement[] = [];

  constructor(clauses: readonly Clause[]) {
    this.#clauses = clauses;
  }

  judgement(choice: number): Judgement {
    return this.#judgements[choice] as Judgement;
  }

  /** For the ports from each start to the next. Clauses are laid over one another, the first on top. */
  choices(spans: readonly Span[], starts: readonly number[]): number[] {
    const place = new Map(starts.map((start, at) => [start, at]));
    const none = this.#clauses.length;
    const first = {
      all: new Array<number>(starts.length).fill(none),
      enforced: new Array<number>(starts.length).fill(none),
    };
    for (const { clause, from, to } of [...spans].reverse()) {
      const [begin, end] = [place.get(from), place.get(to + 1) ?? starts.length];
      first.all.fill(clause, begin, end);
      if (this.#clauses[clause]?.enforced) first.enforced.fill(clause, begin, end);
    }
    return starts.map((_, at) => this.#number(first.enforced[at] as number, first.all[at] as number));
  }

  /** Few pairs of clauses come up, and each at many ports. */
  #number(enforced: number, all: number): number {
    const pair = enforced * (this.#clauses.length + 1) + all;
    const known = this.#pairs.get(pair);
    if (known !== undefined) return known;
    const judgement = decided(this.#clauses[enforced], this.#clauses[all]);
    const key = JSON.stringify(judgement);
    const number = this.#numbers.get(key) ?? this.#judgements.push(judgement) - 1;
    this.#numbers.set(key, number);
    this.#pairs.set(pair, number);
    return number;
  }
}

function decided(enforced: Clause | undefined, all: Clause | undefined): Judgement {
  const real = enforced?.judgement ?? FORWARDED_BY_NOTHING;
  if (real.verdict === "drop" || all?.judgement.verdict !== "drop") return real;
  return { ...all.judgement, verdict: "forward", wouldDrop: true };
}
