/**
 * A filter as a condition over single updates, for what is counted over time rather than shown as rows: an
 * update belongs to a flow that matches, and itself meets what an update can meet.
 */
import type { Filter } from "@millrace/contract/filter";
import { timestamp, type Values } from "../sql.ts";
import { summed } from "./count.ts";
import { columnsOf, filterSql } from "./filter-sql.ts";
import type { Span } from "./repo.ts";

/** Only the flow's sum can say these. */
const SUMS: ReadonlySet<string> = new Set(["bytes", "packets", "retransmits", "drops"]);

export const within = (span: Span, alias: string, values: Values): string =>
  `${alias}.ts >= ${values.add(timestamp(span.fromUs))} and ${alias}.ts < ${values.add(timestamp(span.toUs))}`;

/** Over updates `u`, their time included. */
export function updateCondition(filter: Filter, span: Span, values: Values): string {
  const where = within(span, "u", values);
  const sums = filter.terms.filter((term) => SUMS.has(term.field ?? ""));
  const others = filter.terms.filter((term) => !SUMS.has(term.field ?? ""));
  const own = `${where} and ${filterSql(others, columnsOf("u"), values)}`;
  if (sums.length === 0) return own;
  const flows = summed({ terms: sums, problems: [] }, where, values);
  return `${own} and u.flow_id in (select f.flow_id from (${flows}) f where ${filterSql(sums, columnsOf("f"), values)})`;
}

/** Traffic is one observer's; a drop, and what would be one, is told by whoever met it. The same rule as in rollups (ingest/rollup.ts). */
export const COUNTED = "(u.counted or (u.verdict = 1 and u.drops > 0) or u.verdict = 2)";
