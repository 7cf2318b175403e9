/** A filter as a condition over rollups, when they have all it asks for: services, namespaces, server ports, verdicts. */
import type { Filter, FilterTerm } from "@millrace/contract/filter";
import { VERDICT_NUMBER, type Verdict } from "@millrace/contract/verdict";
import type { Values } from "../sql.ts";

const FIELDS: ReadonlySet<string> = new Set([
  ...["service", "src.service", "dst.service", "namespace", "src.namespace", "dst.namespace"],
  ...["dst.port", "proto", "verdict", "observer"],
]);

/** Over rollup rows `r`; null when only flows themselves can tell. */
export function rollupCondition(filter: Filter, values: Values): string | null {
  if (!filter.terms.every((term) => FIELDS.has(term.field ?? ""))) return null;
  const terms = filter.terms.map((term) => {
    const any = term.values
      .map((value) => `(${valueSql(term, value.text, value.number, values)})`)
      .join(" or ");
    return `${term.negated ? "not " : ""}(${any})`;
  });
  return terms.join(" and ") || "true";
}

function valueSql(term: FilterTerm, text: string, number: number | null, values: Values): string {
  switch (term.field) {
    case "dst.port":
      return `r.dst_port ${term.operator} ${values.add(number, "float8")}`;
    case "proto":
      return `r.proto = ${values.add(number)}`;
    case "verdict":
      return `r.verdict = ${values.add(VERDICT_NUMBER[text as Verdict])}`;
    case "observer":
      return `r.host_id in (select id from hosts h where ${textSql(term, "h.name", text, values)})`;
  }
  const { side, name } = /^(?:(?<side>src|dst)\.)?(?<name>.*)$/.exec(term.field as string)?.groups ?? {};
  const named = name === "namespace" ? IN_NAMESPACE : OF_SERVICE;
  const ids = `select id from rollup_names n where ${named.which} and ${textSql(term, named.text, text, values)}`;
  return (side ? [side] : ["src", "dst"]).map((end) => `r.${end}_id in (${ids})`).join(" or ");
}
/** Rollups name a service, and a pod without one, with its namespace before it. */
const OF_SERVICE = { which: "n.kind = 'service'", text: "regexp_replace(n.name, '^[^/]*/', '')" };
const IN_NAMESPACE = {
  which: "n.kind in ('service', 'pod') and position('/' in n.name) > 0",
  text: "split_part(n.name, '/', 1)",
};

const textSql = (term: FilterTerm, column: string, text: string, values: Values): string =>
  term.operator === "~"
    ? `position(lower(${values.add(text, "text")}) in lower(${column})) > 0`
    : `${column} = ${values.add(text, "text")}`;
