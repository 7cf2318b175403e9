/**
 * The filter language evaluated over one flow row: history and the live stream both decide by it, so that
 * they can't disagree. filter-sql.ts says the same in SQL where rows are only counted; a test compares them.
 */
import type { Filter, FilterTerm } from "@millrace/contract/filter";
import { FILTER_FIELDS, type FilterValue } from "@millrace/contract/filter-field";
import type { End, FlowRow } from "@millrace/contract/flow";
import { matchesAddress } from "./address.ts";

export function matches(filter: Filter, row: FlowRow): boolean {
  return filter.terms.every((term) => matchesTerm(term, row) !== term.negated);
}

function matchesTerm(term: FilterTerm, row: FlowRow): boolean {
  if (term.field === undefined) return term.values.some((v) => contains(haystack(row), v.text));
  const field = FILTER_FIELDS[term.field];
  if (!field) return false;
  if (!field.end) return term.values.some((v) => matchesRow(term, v, row));
  const name = term.field.replace(/^(src|dst)\./, "");
  const ends: End[] = field.end === "either" ? [row.src, row.dst] : [row[field.end]];
  return ends.some((end) => term.values.some((v) => matchesEnd(term, name, v, end)));
}

function matchesEnd(term: FilterTerm, name: string, value: FilterValue, end: End): boolean {
  if (name === "ip") return matchesAddress(value.text, end.ip);
  if (name === "port") return compare(term, value, end.port);
  if (name === "label") return matchesLabel(term, value.text, end.labels);
  return compare(term, value, end[name as "service" | "pod" | "namespace" | "container" | "host" | "kind"]);
}

/** `label=app` asks for the key, `label=app:web` for its value, `label~we` looks into both. */
function matchesLabel(term: FilterTerm, wanted: string, labels: Record<string, string>): boolean {
  if (term.operator === "~")
    return contains(
      Object.entries(labels).map(([key, value]) => `${key}:${value}`),
      wanted,
    );
  const at = wanted.indexOf(":");
  const key = at < 0 ? wanted : wanted.slice(0, at);
  return Object.hasOwn(labels, key) && (at < 0 || labels[key] === wanted.slice(at + 1));
}

function matchesRow(term: FilterTerm, value: FilterValue, row: FlowRow): boolean {
  if (term.field === "observer") return row.observers.some((o) => compare(term, value, o.host));
  if (term.field === "flow") return [row.id, row.otherId].some((id) => compare(term, value, id));
  return compare(term, value, FIELD_OF_ROW[term.field as string]?.(row) ?? null);
}

const FIELD_OF_ROW: Readonly<Record<string, (row: FlowRow) => string | number | null>> = {
  proto: (row) => row.proto,
  verdict: (row) => row.verdict,
  reason: (row) => row.dropReason,
  state: (row) => row.tcpState,
  rtt: (row) => row.rttUs,
  bytes: (row) => row.forward.bytes + row.reverse.bytes,
  packets: (row) => row.forward.packets + row.reverse.packets,
  retransmits: (row) => row.retransmits,
  drops: (row) => row.drops,
  vlan: (row) => row.vlan,
};

function compare(term: FilterTerm, value: FilterValue, actual: string | number | null): boolean {
  if (actual === null) return false;
  const a = value.number === null ? String(actual) : Number(actual);
  const b = value.number ?? value.text;
  switch (term.operator) {
    case "=":
      return a === b;
    case "~":
      return contains([String(actual)], value.text);
    case ">":
      return a > b;
    case ">=":
      return a >= b;
    case "<":
      return a < b;
    case "<=":
      return a <= b;
    case "!=":
      return a !== b;
  }
}

const contains = (texts: readonly string[], wanted: string): boolean =>
  texts.some((text) => text.toLowerCase().includes(wanted.toLowerCase()));

/** What a bare word is looked for in: every name and address of the row. */
function haystack(row: FlowRow): string[] {
  const of = (e: End) => [e.service, e.pod, e.namespace, e.container, e.host, e.ip, `${e.ip}:${e.port}`];
  return [...of(row.src), ...of(row.dst), row.dropReason, row.verdict].filter((text) => text !== null);
}
