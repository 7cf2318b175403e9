"use client";
/** The table of flows: live and history, with what is missing from it said below. */
import type { FlowRow } from "@millrace/contract/flow";
import { count, text } from "@millrace/contract/units";
import dynamic from "next/dynamic";
import { useQueryStates } from "nuqs";
import { useMemo } from "react";
import { DataTable } from "@/ui/data-table.tsx";
import { SkeletonRows } from "@/ui/skeleton.tsx";
import type { Columns } from "@/ui/use-columns.ts";
import { Failed, Stale } from "@/view/answer.tsx";
import { ListEnd, useNextPage } from "@/view/more-rows.tsx";
import { useView } from "@/view/url-state.ts";
import { type FlowSort, flowParams } from "./flow-params.ts";
import { isByArrival, rowIdOf } from "./live-rows.ts";
import type { useFlowRows } from "./use-flow-rows.ts";

const FlowEmpty = dynamic(() => import("./flow-empty.tsx").then((m) => m.FlowEmpty));
const rowKey = (row: FlowRow): string => row.id;

export function FlowTable({
  flows,
  columns,
}: {
  flows: ReturnType<typeof useFlowRows>;
  columns: Columns<FlowRow>;
}) {
  const { rows, query, first, held, shown } = flows;
  const { addTerm } = useView();
  const [{ sort, flow }, set] = useQueryStates(flowParams);
  const selected = useMemo(() => rowIdOf(rows, flow), [rows, flow]);
  const onEnd = useNextPage(query);
  const onSort = (key: string) =>
    void set({ sort: { key: key as FlowSort, descending: sort.key === key ? !sort.descending : true } });

  if (!first)
    return query.error ? (
      <Failed error={query.error} onRetry={() => void query.refetch()} />
    ) : (
      <SkeletonRows rows={24} label="Loading flows" />
    );
  return (
    <div className="flex h-full min-h-0 flex-col">
      {query.error && !query.isFetchNextPageError && <Stale query={query} />}
      <div className="min-h-0 grow">
        <DataTable
          label="Flows"
          columns={columns}
          rows={rows}
          rowKey={rowKey}
          sort={held.choice.kind === "live" && isByArrival(sort) ? { ...sort, byArrival: true } : sort}
          onSort={onSort}
          selected={selected}
          onSelect={(row) => void set({ flow: row.id })}
          onOpen={() => void set({ open: true }, { history: "push" })}
          onTerm={addTerm}
          onEnd={onEnd}
          empty={<FlowEmpty range={shown.range} answer={first} />}
          footer={
            rows.length > 0 && (
              <ListEnd query={query} what="flows">
                That is all: {text(count(Math.max(first.matched.count, rows.length)))} flows.
              </ListEnd>
            )
          }
        />
      </div>
    </div>
  );
}
