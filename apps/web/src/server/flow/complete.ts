/** Values that a filter's field has, by what was typed of them: from the interned names, not from the flows. */
import { FILTER_FIELDS } from "@millrace/contract/filter-field";
import type { TimeRange } from "@millrace/contract/flow";
import { PROTOCOLS } from "@millrace/contract/verdict";
import * as repo from "./repo.ts";

const MOST = 20;
const NAMES: Readonly<Record<string, string>> = {
  service: "select distinct service as value from workloads",
  pod: "select distinct pod as value from workloads",
  namespace: "select distinct namespace as value from workloads",
  container: "select distinct container as value from workloads",
  host: "select name as value from hosts",
  observer: "select name as value from hosts",
  reason: "select name as value from drop_reasons",
  label: "select distinct l.key || ':' || l.value as value from workloads w, jsonb_each_text(w.labels) l",
  ip: "select distinct a as value from endpoints e, unnest(e.addresses) a",
  port: "select distinct dst_port::text as value from rollup_1m where dst_port > 0 and bucket >= to_timestamp($3) and bucket < to_timestamp($4)",
};

export async function completeValue(input: {
  field: string;
  prefix: string;
  range: TimeRange;
}): Promise<string[]> {
  const { field, prefix } = input;
  const known = FILTER_FIELDS[field];
  const name = field.replace(/^(src|dst)\./, "");
  const fixed = known?.values ?? (name === "proto" ? Object.values(PROTOCOLS) : KINDS[name]);
  if (fixed) return fixed.filter((value) => value.toLowerCase().startsWith(prefix.toLowerCase()));
  const source = NAMES[name];
  if (!known || !source || prefix.includes("\0")) return [];
  const range = name === "port" ? [input.range.from / 1000, input.range.to / 1000] : [];
  const rows = await repo.rowsOf<{ value: string }>({
    text: `select value from (${source}) v where value is not null and starts_with(lower(value), lower($1))
           order by length(value), value limit $2`,
    values: [prefix, MOST, ...range],
  });
  return rows.map((row) => row.value);
}

const KINDS: Readonly<Record<string, readonly string[]>> = { kind: ["pod", "host", "external", "unknown"] };
