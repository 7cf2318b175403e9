/**
 * The filter language evaluated over one flow row: history and the live stream both decide by it, so that
 * they can't disagree. filter-sql.ts says the same in SQL where rows are only counted; a test compares them.
 */
import type { Filter, FilterTerm } from "@millrace/contract/filter";
import { FILTER_FIELDS, type FilterValue } from "@millrace/contract/filter-field";
import type { AskedService, End, FlowRow, FlowTuple } from "@millrace/contract/flow";
import { ruleNumber } from "@millrace/contract/rule-number";
import { pathTierOf } from "@millrace/contract/verdict";
import { matchesAddress } from "./address.ts";

export function matches(filter: Filter, row: FlowRow): boolean {
  const ofTuple = filter.terms.filter((term) => isOfTuple(term) && !term.negated);
  const others = filter.terms.filter((term) => !ofTuple.includes(term));
  const forms = [row, ...row.tuples];
  return (
    others.every(
      (term) => (isOfTuple(term) ? matchesForms(term, forms) : matchesTerm(term, row)) !== term.negated,
    ) &&
    (ofTuple.length === 0 ||
      formsByObserver(row).some((known) => ofTuple.every((t) => matchesForms(t, known))))
  );
}

const isOfTuple = (term: FilterTerm): boolean => /^((src|dst)\.)?(ip|port)$/.test(term.field ?? "");

/**
 * A flow that a NAT rewrites is found by either side's addresses. Terms that ask for both ends must be met by what one
 * observer knows: its own form of the tuple and that on the other side.
 */
function formsByObserver(row: FlowRow): FlowTuple[][] {
  const { tuples } = row;
  if (tuples.length === 0) return [[row]];
  if (row.join === "opening") return tuples.map((form) => [form]);
  return tuples.slice(1).map((form, i) => [tuples[i] as FlowTuple, form]);
}

function matchesTerm(term: FilterTerm, row: FlowRow): boolean {
  if (term.field === undefined) return term.values.some((v) => contains(haystack(row), v.text));
  const field = FILTER_FIELDS[term.field];
  if (!field) return false;
  if (!field.end) return term.values.some((v) => matchesRow(term, v, row));
  const name = term.field.replace(/^(src|dst)\./, "");
  const ends: End[] = field.end === "either" ? [row.src, row.dst] : [row[field.end]];
  if (name === "service" && field.end !== "src" && matchesAsked(term, row.asked)) return true;
  return ends.some((end) => term.values.some((v) => matchesEnd(term, name, v, end)));
}

function matchesForms(term: FilterTerm, forms: readonly FlowTuple[]): boolean {
  const [end, name] = term.field?.includes(".")
    ? (term.field.split(".") as ["src" | "dst", string])
    : [null, term.field];
  const ends = forms.flatMap((form) => (end === null ? [form.src, form.dst] : [form[end]]));
  return ends.some((at) =>
    term.values.some((v) => (name === "ip" ? matchesAddress(v.text, at.ip) : compare(term, v, at.port))),
  );
}

function matchesEnd(term: FilterTerm, name: string, value: FilterValue, end: End): boolean {
  if (name === "label") return matchesLabel(term, value.text, end.labels);
  return compare(term, value, end[name as "service" | "pod" | "namespace" | "container" | "host" | "kind"]);
}

/** The service that was asked for, by its name or with its namespace. */
function matchesAsked(term: FilterTerm, asked: AskedService | null): boolean {
  if (asked === null || asked.name === null) return false;
  const names = [asked.name, `${asked.namespace}/${asked.name}`];
  return term.values.some((v) => names.some((name) => compare(term, v, name)));
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
  if (term.field === "rule") return row.rules.some((r) => ruleNumber(r.policy, r.place) === value.number);
  if (term.field === "policy") return row.rules.some((r) => r.policy === value.number);
  if (term.field === "service.address") return row.asked !== null && matchesAddress(value.text, row.asked.ip);
  if (term.field === "flow") return [row.id, row.otherId].some((id) => compare(term, value, id));
  return compare(term, value, FIELD_OF_ROW[term.field as string]?.(row) ?? null);
}

const FIELD_OF_ROW: Readonly<Record<string, (row: FlowRow) => string | number | null>> = {
  "service.port": (row) => row.asked?.port ?? null,
  proto: (row) => row.proto,
  verdict: (row) => row.verdict,
  reason: (row) => row.dropReason,
  way: (row) => row.way,
  tier: (row) => row.pathTiers && pathTierOf(row.pathTiers),
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
  const forms = row.tuples.flatMap(({ src, dst }) => [`${src.ip}:${src.port}`, `${dst.ip}:${dst.port}`]);
  const asked = row.asked && [row.asked.name, row.asked.namespace, `${row.asked.ip}:${row.asked.port}`];
  return [...of(row.src), ...of(row.dst), ...forms, ...(asked ?? []), row.dropReason, row.verdict].filter(
    (t) => t !== null,
  );
}
