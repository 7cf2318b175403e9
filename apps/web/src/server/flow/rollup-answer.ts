/** Whether rollups can answer a filter over a range as the flows themselves would. */
import type { Filter } from "@millrace/contract/filter";
import type { TimeRange } from "@millrace/contract/flow";
import { Values } from "../sql.ts";
import { askedNameSql } from "./filter-sql.ts";
import * as repo from "./repo.ts";
import { rollupCondition } from "./rollup-filter.ts";

export async function rollupsAnswer(filter: Filter, range: TimeRange): Promise<boolean> {
  return rollupCondition(filter, new Values()) !== null && !(await namesAsked(filter, range));
}

/**
 * Sums know the backends' services only, not what was asked for; but they reach back farther than the flows. A range that
 * begins before the flows do is answered by sums: what was asked for is missing from them then.
 */
async function namesAsked({ terms }: Filter, range: TimeRange): Promise<boolean> {
  const services = terms.filter(({ field }) => field === "service" || field === "dst.service");
  if (services.length === 0) return false;
  const values = new Values();
  const any = services.flatMap((term) => term.values.map(({ text }) => askedNameSql(term, text, values)));
  const text = `select exists (select from asked_services s where ${any.map((one) => `(${one})`).join(" or ")})
      and not exists (select from total_1h t where t.bucket >= to_timestamp(${values.add(range.from / 1000, "float8")})
        and t.bucket + interval '1 hour' <
          coalesce((select u.ts from flow_updates u order by u.ts limit 1), 'infinity')) as known`;
  const [row] = await repo.rowsOf<{ known: boolean }>({ text, values: values.list });
  return row?.known ?? false;
}
