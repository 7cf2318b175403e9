/**
 * The filter language as a SQL condition over flow updates, or over flows summed up from them (the columns
 * are an argument). It must say what match.ts says of the same flow; a test compares them on random rows.
 * Values are always parameters.
 */
import type { Filter, FilterTerm } from "@millrace/contract/filter";
import { FILTER_FIELDS, type FilterValue } from "@millrace/contract/filter-field";
import { MOST_RULES, ruleNumber } from "@millrace/contract/rule-number";
import {
  TCP_STATES,
  VERDICT_NUMBER,
  VERDICTS,
  type Verdict,
  WAY_NUMBER,
  type Way,
} from "@millrace/contract/verdict";
import type { Values } from "../sql.ts";

const COLUMN_NAMES = {
  flowId: "flow_id",
  hostId: "host_id",
  src: "src",
  dst: "dst",
  srcPort: "src_port",
  dstPort: "dst_port",
  srcNat: "nat_src",
  dstNat: "nat_dst",
  srcNatPort: "nat_src_port",
  dstNatPort: "nat_dst_port",
  proto: "proto",
  vlan: "vlan",
  verdict: "verdict",
  reasonId: "reason_id",
  drops: "drops",
  tcpState: "tcp_state",
  rttUs: "rtt_us",
  retransmits: "retransmits",
  way: "way",
  slowPackets: "slow_packets",
  rule: "rule",
  srcWorkload: "src_workload",
  dstWorkload: "dst_workload",
  askedService: "asked_service",
} as const;
export type Columns = Readonly<Record<keyof typeof COLUMN_NAMES | "bytes" | "packets", string>>;

/** The same names for updates and for flows, so that one alias is all that differs. */
export function columnsOf(alias: string): Columns {
  const named = Object.fromEntries(
    Object.entries(COLUMN_NAMES).map(([key, column]) => [key, `${alias}.${column}`]),
  ) as Record<keyof typeof COLUMN_NAMES, string>;
  return {
    ...named,
    bytes: `(${alias}.fwd_bytes + ${alias}.rev_bytes)`,
    packets: `(${alias}.fwd_packets + ${alias}.rev_packets)`,
  };
}

export const filterSql = (terms: Filter["terms"], columns: Columns, values: Values): string =>
  terms.length === 0 ? "true" : terms.map((term) => termSql(term, columns, values)).join(" and ");

/** What can't be compared doesn't match, negated or not. Bare where it can be: an index doesn't see through coalesce. */
function termSql(term: FilterTerm, columns: Columns, values: Values): string {
  const any = term.values.map((value) => valueSql(term, value, columns, values)).join(" or ");
  return term.negated ? `not coalesce((${any}), false)` : `(${any})`;
}

function valueSql(term: FilterTerm, value: FilterValue, c: Columns, values: Values): string {
  if (term.field === undefined) return wordSql(value.text, c, values);
  const end = FILTER_FIELDS[term.field]?.end;
  if (!end) return rowSql(term, value, c, values);
  const name = term.field.replace(/^(src|dst)\./, "");
  const sides = end === "either" ? (["src", "dst"] as const) : [end];
  return sides.map((side) => `(${endSql(term, name, value, side, c, values)})`).join(" or ");
}

function endSql(
  term: FilterTerm,
  name: string,
  value: FilterValue,
  side: "src" | "dst",
  c: Columns,
  values: Values,
): string {
  if (name === "ip") {
    const [own, other] = [c[side], c[`${side}Nat`]];
    return `${addressSql(own, value.text, values)} or ${addressSql(other, value.text, values)}`;
  }
  if (name === "port")
    return [c[`${side}Port`], c[`${side}NatPort`]]
      .map((column) => numberSql(term, column, value, values))
      .join(" or ");
  const workload = c[`${side}Workload`];
  const known = `${workload} in (select id from workloads w where ${workloadSql(term, name, value, values)})`;
  if (name === "service" && side === "dst") return `${known} or ${askedByName(term, value.text, c, values)}`;
  const unknown = name === "kind" && matchesText(term, "unknown", value.text);
  return unknown ? `${known} or ${workload} is null` : known;
}

const asked = (c: Columns, condition: string): string =>
  `${c.askedService} in (select s.id from asked_services s where ${condition})`;
const askedByName = (term: FilterTerm, text: string, c: Columns, values: Values): string =>
  asked(c, askedNameSql(term, text, values));

/** Over a service `s` that was asked for: its name, or with its namespace. */
export const askedNameSql = (term: FilterTerm, text: string, values: Values): string =>
  `s.name <> '' and (${textSql(term, "s.name", text, values)}
    or ${textSql(term, "s.namespace || '/' || s.name", text, values)})`;

function workloadSql(term: FilterTerm, name: string, value: FilterValue, values: Values): string {
  if (name === "host")
    return `w.host_id in (select id from hosts h where ${textSql(term, "h.name", value.text, values)})`;
  if (name === "label") return labelSql(term, value.text, values);
  const column = { service: "w.service", pod: "w.pod", namespace: "w.namespace", container: "w.container" }[
    name
  ];
  return textSql(term, column ?? "w.kind", value.text, values);
}

function labelSql(term: FilterTerm, text: string, values: Values): string {
  if (term.operator === "~") {
    const pair = containsSql("l.key || ':' || l.value", text, values);
    return `exists (select 1 from jsonb_each_text(w.labels) l where ${pair})`;
  }
  const at = text.indexOf(":");
  if (at < 0) return `jsonb_exists(w.labels, ${values.add(text, "text")})`;
  return `w.labels ->> ${values.add(text.slice(0, at), "text")} = ${values.add(text.slice(at + 1), "text")}`;
}

function rowSql(term: FilterTerm, value: FilterValue, c: Columns, values: Values): string {
  switch (term.field) {
    case "verdict":
      return `${c.verdict} = ${values.add(VERDICT_NUMBER[value.text as Verdict])}`;
    case "way":
      return `coalesce(${c.way}, 0) = ${values.add(WAY_NUMBER[value.text as Way])}`;
    case "tier":
      return `${c.slowPackets} * 2 ${value.text === "fast" ? "<" : ">="} ${c.packets}`;
    case "rule":
      return `${c.rule} = ${values.add(value.number, "bigint")}`;
    case "policy":
      return policySql(value.number ?? 0, c, values);
    case "state":
      return `${c.tcpState} = ${values.add((TCP_STATES as readonly string[]).indexOf(value.text))}`;
    case "reason":
      return `${c.reasonId} in (select id from drop_reasons r where ${textSql(term, "r.name", value.text, values)})`;
    case "observer":
      return `${c.hostId} in (select id from hosts h where ${textSql(term, "h.name", value.text, values)})`;
    case "service.address":
      return asked(c, addressSql("s.address", value.text, values));
    case "service.port":
      return asked(c, numberSql(term, "s.port", value, values));
    case "flow":
      return textSql(term, `${c.flowId}::text`, value.text, values);
  }
  const column = { proto: c.proto, rtt: c.rttUs, bytes: c.bytes, packets: c.packets, vlan: c.vlan };
  const counter = { retransmits: c.retransmits, drops: c.drops };
  return numberSql(term, { ...column, ...counter }[term.field as keyof typeof column], value, values);
}

/** Of any of its rules, and of none. */
const policySql = (policy: number, c: Columns, values: Values): string =>
  `${c.rule} between ${values.add(ruleNumber(policy, 0), "bigint")} and ${values.add(ruleNumber(policy, MOST_RULES), "bigint")}`;

/** Every name and address of the row, as match.ts has it. */
function wordSql(word: string, c: Columns, values: Values): string {
  const name = containsSql("n.name", word, values);
  const ids =
    "select w.id from workloads w left join hosts h on h.id = w.host_id, " +
    `unnest(array[w.service, w.pod, w.namespace, w.container, h.name]) n(name) where ${name}`;
  const verdicts = VERDICTS.filter((v) => v.includes(word.toLowerCase())).map((v) => VERDICT_NUMBER[v]);
  return [
    `${c.srcWorkload} in (${ids})`,
    `${c.dstWorkload} in (${ids})`,
    containsSql(`host(${c.src}) || ':' || ${c.srcPort}`, word, values),
    containsSql(`host(${c.dst}) || ':' || ${c.dstPort}`, word, values),
    containsSql(`host(${c.srcNat}) || ':' || ${c.srcNatPort}`, word, values),
    containsSql(`host(${c.dstNat}) || ':' || ${c.dstNatPort}`, word, values),
    asked(
      c,
      ["s.name", "s.namespace", "host(s.address) || ':' || s.port"]
        .map((text) => containsSql(text, word, values))
        .join(" or "),
    ),
    `${c.reasonId} in (select id from drop_reasons r where ${containsSql("r.name", word, values)})`,
    `${c.verdict} = any(${values.add(verdicts, "int[]")})`,
  ].join(" or ");
}

const addressSql = (column: string, text: string, values: Values): string =>
  `${column} ${text.includes("/") ? "<<=" : "="} ${values.add(text, "inet")}`;

const containsSql = (expression: string, text: string, values: Values): string =>
  `position(lower(${values.add(text, "text")}) in lower(${expression})) > 0`;

const textSql = (term: FilterTerm, expression: string, text: string, values: Values): string =>
  term.operator === "~"
    ? containsSql(expression, text, values)
    : `${expression} = ${values.add(text, "text")}`;

const matchesText = (term: FilterTerm, actual: string, text: string): boolean =>
  term.operator === "~" ? actual.includes(text.toLowerCase()) : actual === text;

/** Operators come from a closed list (FILTER_OPERATORS), the value is a parameter. */
const numberSql = (term: FilterTerm, expression: string, value: FilterValue, values: Values): string =>
  `${expression} ${term.operator} ${values.add(value.number, "float8")}`;
