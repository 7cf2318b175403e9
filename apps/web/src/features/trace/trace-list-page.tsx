"use client";
/** All traces, the running ones first; from here one starts a new one or stops them all. */
import type { TraceSessionView } from "@millrace/contract/trace";
import { TRACE_END_TITLE, TRACE_KIND_TITLE } from "@millrace/contract/trace-kind";
import { count } from "@millrace/contract/units";
import { useInfiniteQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useRouter } from "next/navigation";
import { parseAsString, useQueryState } from "nuqs";
import { useMemo } from "react";
import { useTRPC } from "@/trpc/client.tsx";
import { Button } from "@/ui/button.tsx";
import { DataTable } from "@/ui/data-table.tsx";
import { Icon } from "@/ui/icon.tsx";
import { Notice } from "@/ui/notice.tsx";
import { Quantity } from "@/ui/quantity.tsx";
import { SkeletonRows } from "@/ui/skeleton.tsx";
import type { TableColumn } from "@/ui/table-column.ts";
import { TimeText } from "@/ui/time-text.tsx";
import { useColumns } from "@/ui/use-columns.ts";
import { Failed, Stale } from "@/view/answer.tsx";
import { ListEnd, useNextPage } from "@/view/more-rows.tsx";
import { PageHead } from "@/view/page-head.tsx";
import { useRefusal } from "@/view/session.ts";
import { SessionState, TimeLeft } from "./session-state.tsx";
import { StopAll } from "./stop-all.tsx";
import { filterText } from "./trace-format.ts";

const REFRESH_MS = 5000;
const sessionKey = (session: TraceSessionView): string => session.id;

const COLUMNS: readonly TableColumn<TraceSessionView>[] = [
  { id: "state", title: "State", width: 110, cell: (one) => <SessionState state={one.state} /> },
  {
    id: "kind",
    title: "Kind",
    width: 110,
    cell: (one) => (
      <Link href={`/traces/${one.id}`} className="text-accent hover:underline">
        {TRACE_KIND_TITLE[one.spec.kind].title}
      </Link>
    ),
  },
  {
    id: "filter",
    title: "Of",
    width: 220,
    grow: 3,
    cell: (one) => <span className="figure truncate">{filterText(one.spec.filter)}</span>,
  },
  {
    id: "hosts",
    title: "Hosts",
    width: 120,
    grow: 1,
    cell: (one) => <span className="figure truncate">{one.spec.hosts.join(", ")}</span>,
  },
  {
    id: "events",
    title: "Events",
    width: 80,
    align: "right",
    cell: (one) => <Quantity value={count(one.events)} />,
  },
  { id: "left", title: "Time left", width: 90, align: "right", cell: (one) => <TimeLeft session={one} /> },
  {
    id: "end",
    title: "Why it ended",
    width: 180,
    grow: 1,
    cell: (one) => <span className="truncate text-text-2">{one.end ? TRACE_END_TITLE[one.end] : ""}</span>,
  },
  {
    id: "author",
    title: "By",
    width: 150,
    grow: 1,
    cell: (one) => <span className="truncate">{one.author}</span>,
  },
  { id: "started", title: "Started", width: 110, cell: (one) => <TimeText at={one.createdAt} as="day" /> },
  {
    id: "why",
    title: "Reason",
    width: 160,
    hidden: true,
    cell: (one) => <span className="truncate">{one.spec.reason}</span>,
  },
];

export function TraceListPage() {
  const trpc = useTRPC();
  const router = useRouter();
  const [selected, select] = useQueryState("trace", parseAsString);
  const columns = useColumns("traces", COLUMNS);
  const query = useInfiniteQuery(
    trpc.traces.list.infiniteQueryOptions(
      {},
      { getNextPageParam: (page) => page.nextCursor, refetchInterval: REFRESH_MS },
    ),
  );
  const sessions = useMemo(
    () => runningFirst(query.data?.pages.flatMap((page) => page.sessions) ?? []),
    [query.data],
  );
  const onEnd = useNextPage(query);
  return (
    <div className="flex h-full min-h-0 flex-col">
      <PageHead
        title="Traces"
        summary="Programs put into the kernel for a while, to look inside. Each has an end."
        actions={
          <>
            <StopAll running={sessions.filter((one) => one.state !== "done")} />
            <NewTrace />
          </>
        }
      />
      {query.error && query.data && !query.isFetchNextPageError && <Stale query={query} />}
      <div className="min-h-0 grow border-t border-line">
        {query.data ? (
          <DataTable
            label="Traces"
            columns={columns}
            rows={sessions}
            rowKey={sessionKey}
            selected={selected}
            onSelect={(one) => void select(one.id)}
            onOpen={(one) => router.push(`/traces/${one.id}`)}
            onEnd={onEnd}
            footer={sessions.length > 0 && <ListEnd query={query} what="traces" />}
            empty={<NoTraces />}
          />
        ) : query.error ? (
          <Failed error={query.error} onRetry={() => void query.refetch()} />
        ) : (
          <SkeletonRows rows={12} label="Loading traces" />
        )}
      </div>
    </div>
  );
}

export const runningFirst = (sessions: readonly TraceSessionView[]): TraceSessionView[] =>
  sessions.toSorted(
    (a, b) => Number(a.state === "done") - Number(b.state === "done") || b.createdAt - a.createdAt,
  );

function NewTrace() {
  const router = useRouter();
  const refusal = useRefusal("traces.start");
  return (
    <Button variant="primary" refusal={refusal} onClick={() => router.push("/traces/new")}>
      <Icon name="traces" />
      New trace
    </Button>
  );
}

function NoTraces() {
  return (
    <Notice title="No trace has been run yet." actions={<NewTrace />}>
      A trace shows what the kernel does with chosen packets or connections, live. It can also be started from
      any flow and from any drop reason.
    </Notice>
  );
}
