"use client";
/** The table of flows: live and history, with what is missing from it said below. */
import type { FlowRow } from "@millrace/contract/flow";
import { count, text } from "@millrace/contract/units";
import dynamic from "next/dynamic";
import { useQueryStates } from "nuqs";
import { useCallback } from "react";
import { Button } from "@/ui/button.tsx";
import { DataTable } from "@/ui/data-table.tsx";
import { SkeletonRows } from "@/ui/skeleton.tsx";
import type { Columns } from "@/ui/use-columns.ts";
import { Failed, Stale } from "@/view/answer.tsx";
import { useView } from "@/view/url-state.ts";
import { type FlowSort, flowParams } from "./flow-params.ts";
import { isByArrival } from "./live-rows.ts";
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
  const { hasNextPage, isFetchingNextPage, fetchNextPage, isFetchNextPageError } = query;
  const onEnd = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage && !isFetchNextPageError) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage]);
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
      {query.error && !isFetchNextPageError && <Stale query={query} />}
      <div className="min-h-0 grow">
        <DataTable
          label="Flows"
          columns={columns}
          rows={rows}
          rowKey={rowKey}
          sort={held.choice.kind === "live" && isByArrival(sort) ? { ...sort, byArrival: true } : sort}
          onSort={onSort}
          selected={flow}
          onSelect={(row) => void set({ flow: row.id })}
          onOpen={() => void set({ open: true }, { history: "push" })}
          onTerm={addTerm}
          onEnd={onEnd}
          empty={<FlowEmpty range={shown.range} answer={first} />}
          footer={rows.length > 0 && <TableEnd flows={flows} />}
        />
      </div>
    </div>
  );
}

function TableEnd({ flows }: { flows: ReturnType<typeof useFlowRows> }) {
  const { query, first, rows } = flows;
  if (query.isFetchNextPageError)
    return (
      <p className="flex h-9 items-center gap-2 px-3 text-bad">
        The next rows could not be loaded.
        <Button size="sm" onClick={() => void query.fetchNextPage()}>
          Try again
        </Button>
      </p>
    );
  if (query.hasNextPage) return <SkeletonRows rows={3} label="Loading more flows" />;
  const matched = first?.matched.count ?? rows.length;
  return (
    <p className="h-9 px-3 py-2 text-text-3">
      That is all: {text(count(Math.max(matched, rows.length)))} flows.
    </p>
  );
}
