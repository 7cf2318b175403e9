/**
 * The filter language of every page and of the CLI:
 *   src.service=checkout verdict=dropped dst.port=443 rtt>5ms -reason=NO_SOCKET label=app:web payments
 * Terms are joined by AND; a comma in a value is OR; `-` before a term negates it; `~` means contains; a bare
 * word matches any name or address. The parser reports every problem with its place. Not here: SQL (web)
 * and evaluation over rows (web: flow/match.ts).
 */
import { FILTER_FIELDS, type FilterField, type FilterValue, readValue } from "./filter-field.ts";

export const FILTER_OPERATORS = ["=", "!=", "~", ">", ">=", "<", "<="] as const;
export type FilterOperator = (typeof FILTER_OPERATORS)[number];

export type FilterTerm = {
  readonly negated: boolean;
  /** undefined: a bare word. */
  readonly field: string | undefined;
  readonly operator: FilterOperator;
  readonly values: readonly FilterValue[];
  readonly start: number;
  readonly end: number;
};
export type FilterProblem = { readonly start: number; readonly end: number; readonly message: string };
export type Filter = { readonly terms: readonly FilterTerm[]; readonly problems: readonly FilterProblem[] };

const TERM = /\s*(-?)(?:([a-zA-Z][\w.]*)(!=|>=|<=|=|~|>|<))?((?:"[^"]*"|[^\s"])*)/y;
const ORDERED: ReadonlySet<string> = new Set(["number", "duration", "bytes", "port"]);
const MAX_TERMS = 40;

export function parseFilter(input: string): Filter {
  const terms: FilterTerm[] = [];
  const problems: FilterProblem[] = [];
  TERM.lastIndex = 0;
  while (TERM.lastIndex < input.length && terms.length < MAX_TERMS) {
    const from = TERM.lastIndex;
    const match = TERM.exec(input);
    if (!match || match[0].length === 0) {
      problems.push({ start: from, end: input.length, message: "a quote is not closed" });
      break;
    }
    const start = from + (match[0].length - match[0].trimStart().length);
    if (input[TERM.lastIndex] === '"') {
      problems.push({ start, end: input.length, message: "a quote is not closed" });
      break;
    }
    const read = readTerm(match, start, TERM.lastIndex);
    if (read === undefined) continue;
    if ("message" in read) problems.push(read);
    else terms.push(read);
  }
  if (terms.length >= MAX_TERMS)
    problems.push({ start: 0, end: input.length, message: `more than ${MAX_TERMS} terms` });
  return { terms, problems };
}

function readTerm(
  match: RegExpExecArray,
  start: number,
  end: number,
): FilterTerm | FilterProblem | undefined {
  const [, minus = "", name, operator = "=", raw = ""] = match;
  const at = { start, end };
  if (name === undefined && raw === "") {
    return minus ? { ...at, message: "“-” needs a term after it" } : undefined;
  }
  const negated = minus === "-";
  if (name === undefined)
    return {
      ...at,
      negated,
      field: undefined,
      operator: "~",
      values: [{ text: unquote(raw), number: null }],
    };
  const field = Object.hasOwn(FILTER_FIELDS, name) ? FILTER_FIELDS[name] : undefined;
  if (!field) return { ...at, message: unknownField(name) };
  if (raw === "") return { ...at, message: `${name} needs a value` };
  return readField(at, negated, name, field, operator as FilterOperator, raw);
}

function readField(
  at: { start: number; end: number },
  negated: boolean,
  name: string,
  field: FilterField,
  operator: FilterOperator,
  raw: string,
): FilterTerm | FilterProblem {
  if (/[<>]/.test(operator) && !ORDERED.has(field.type))
    return { ...at, message: `${name} has no order: use = != or ~` };
  if (operator === "~" && field.type !== "text")
    return { ...at, message: `${name} is compared with = != < or >, not ~` };
  const values: FilterValue[] = [];
  for (const part of splitList(raw)) {
    const value = readValue(field, part);
    if ("problem" in value) return { ...at, message: `${name}: ${value.problem}` };
    values.push(value);
  }
  return operator === "!="
    ? { ...at, negated: !negated, field: name, operator: "=", values }
    : { ...at, negated, field: name, operator, values };
}

const unquote = (raw: string): string => raw.replaceAll('"', "");
const splitList = (raw: string): string[] =>
  raw.startsWith('"') && raw.endsWith('"') && raw.length > 1 ? [raw.slice(1, -1)] : unquote(raw).split(",");

function unknownField(name: string): string {
  const best = nearest(name, Object.keys(FILTER_FIELDS));
  return best ? `there is no field “${name}”; did you mean “${best}”?` : `there is no field “${name}”`;
}

/** The nearest name within two edits (Levenshtein), for "did you mean". */
export function nearest(name: string, names: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = 3;
  for (const candidate of names) {
    const d = distance(name, candidate);
    if (d < least) [best, least] = [candidate, d];
  }
  return best;
}

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const nextRow = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      nextRow.push(Math.min(replace, (row[j] as number) + 1, (nextRow[j - 1] as number) + 1));
    }
    row = nextRow;
  }
  return row[b.length] as number;
}

const quoted = (value: string): string => (/[\s,"]/.test(value) || value === "" ? `"${value}"` : value);

/** Adds `field=value` (or its exclusion) to a filter text, replacing an equal term of either sign. */
export function withTerm(input: string, field: string, value: string, exclude = false): string {
  const kept = withoutTerm(input, field, value);
  const term = `${exclude ? "-" : ""}${field}=${quoted(value)}`;
  return kept ? `${kept} ${term}` : term;
}

export function withoutTerm(input: string, field: string, value: string): string {
  const hit = parseFilter(input).terms.filter(
    (t) => t.field === field && t.operator === "=" && t.values.length === 1 && t.values[0]?.text === value,
  );
  let out = input;
  for (const t of [...hit].reverse())
    out = `${out.slice(0, t.start).trimEnd()} ${out.slice(t.end).trimStart()}`;
  return out.trim();
}
