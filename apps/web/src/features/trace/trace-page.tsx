"use client";
import type { TraceSessionId } from "@millrace/contract/ids";
/** One trace, live or ended: its hosts, its counters, its events as they come. */
import { next } from "@millrace/contract/machines/machine";
import { TRACE_SESSION } from "@millrace/contract/machines/trace-session";
import type { TraceEventView, TraceSessionView } from "@millrace/contract/trace";
import { TRACE_END_TITLE, TRACE_KIND_TITLE } from "@millrace/contract/trace-kind";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import dynamic from "next/dynamic";
import Link from "next/link";
import { useRouter } from "next/navigation";
import { parseAsString, useQueryState } from "nuqs";
import type { ReactNode } from "react";
import { useTRPC } from "@/trpc/client.tsx";
import { Button } from "@/ui/button.tsx";
import { ColumnMenu } from "@/ui/column-menu.tsx";
import { DataTable } from "@/ui/data-table.tsx";
import { Icon } from "@/ui/icon.tsx";
import { SkeletonRows } from "@/ui/skeleton.tsx";
import { TimeText } from "@/ui/time-text.tsx";
import { showToast } from "@/ui/toast.tsx";
import { useColumns } from "@/ui/use-columns.ts";
import { Failed } from "@/view/answer.tsx";
import { PageHead } from "@/view/page-head.tsx";
import { problemOf } from "@/view/problem.ts";
import { useRefusal } from "@/view/session.ts";
import { newTraceHref } from "@/view/trace-link.ts";
import { EVENT_COLUMNS } from "./event-columns.tsx";
import { SessionState, TimeLeft } from "./session-state.tsx";
import { TraceCounters, TraceHosts } from "./trace-counters.tsx";
import { filterText } from "./trace-format.ts";
import { retryHistory, TraceTrouble } from "./trace-trouble.tsx";
import { useTrace } from "./use-trace.ts";

const EventsEmpty = dynamic(() => import("./events-empty.tsx").then((m) => m.EventsEmpty), { ssr: false });
const EventDetail = dynamic(() => import("./event-detail.tsx").then((m) => m.EventDetail));
const eventKey = (view: TraceEventView): string => view.id;

export function TracePage({ id }: { id: TraceSessionId }) {
  const trace = useTrace(id);
  const { latest, session } = trace;
  if (!latest)
    return (
      <>
        <PageHead title={<TraceTitle>Trace</TraceTitle>} />
        {session.error ? (
          <Failed error={session.error} onRetry={() => void session.refetch()} />
        ) : (
          <SkeletonRows rows={20} label="Loading the trace" />
        )}
      </>
    );
  return <TraceBody session={latest} trace={trace} />;
}

function TraceBody({ session, trace }: { session: TraceSessionView; trace: ReturnType<typeof useTrace> }) {
  const [selected, select] = useQueryState("event", parseAsString);
  const columns = useColumns(`events.${session.spec.kind}`, EVENT_COLUMNS[session.spec.kind]);
  const { buffer, history } = trace;
  const view = selected ? buffer.byId.get(selected) : undefined;
  return (
    <div className="flex h-full min-h-0">
      <div className="flex min-w-0 grow flex-col">
        <PageHead
          title={<TraceTitle>{TRACE_KIND_TITLE[session.spec.kind].title} trace</TraceTitle>}
          summary={<TraceLine session={session} />}
          actions={
            <>
              <ColumnMenu columns={columns} />
              <AgainButton session={session} />
              <StopButton session={session} />
            </>
          }
        />
        <TraceTrouble session={session} trace={trace} />
        <TraceHosts session={session} />
        <TraceCounters session={session} trace={trace} />
        <div className="min-h-0 grow border-t border-line">
          <DataTable
            label="Events"
            columns={columns}
            rows={buffer.rows}
            rowKey={eventKey}
            selected={selected}
            onSelect={(row) => void select(row.id)}
            empty={
              <EventsEmpty
                session={session}
                loading={history.isPending}
                error={history.error}
                onRetry={() => retryHistory(history)}
              />
            }
          />
        </div>
      </div>
      {view && <EventDetail view={view} onClose={() => void select(null)} />}
    </div>
  );
}

/** With the way back to all of them, which is there before the trace is. */
function TraceTitle({ children }: { children: ReactNode }) {
  return (
    <span className="flex items-center gap-2">
      <Link
        href="/traces"
        aria-label="Back to the traces"
        className="grid size-6 place-items-center rounded text-text-3 hover:bg-surface-2"
      >
        <Icon name="back" size={16} />
      </Link>
      {children}
    </span>
  );
}

function TraceLine({ session }: { session: TraceSessionView }) {
  return (
    <span className="flex flex-wrap items-center gap-x-3">
      <SessionState state={session.state} />
      <span className="figure text-xs">{filterText(session.spec.filter)}</span>
      {session.state === "done" ? (
        <span>
          Ended: {session.end ? TRACE_END_TITLE[session.end] : "its reason is not known"}
          {session.endDetail && <span className="text-text-3"> ({session.endDetail})</span>}
        </span>
      ) : (
        <span>
          <TimeLeft session={session} /> left
        </span>
      )}
      <span className="text-text-3">
        started <TimeText at={session.createdAt} as="day" /> by {session.author}
      </span>
      {session.spec.reason && <span className="truncate text-text-3">“{session.spec.reason}”</span>}
    </span>
  );
}

function StopButton({ session }: { session: TraceSessionView }) {
  const trpc = useTRPC();
  const client = useQueryClient();
  const role = useRefusal("traces.stop");
  const possible = next(TRACE_SESSION, session.state, "stop") !== undefined;
  const refusal =
    role ?? (possible ? null : session.state === "done" ? "It has ended" : "It is being stopped");
  const stop = useMutation(
    trpc.traces.stop.mutationOptions({
      onSuccess: () => void client.invalidateQueries(trpc.traces.pathFilter()),
      onError: (error) => showToast({ tone: "failed", text: "Not stopped", detail: problemOf(error).title }),
    }),
  );
  return (
    <Button
      variant="danger"
      refusal={refusal}
      busy={stop.isPending}
      onClick={() => stop.mutate({ id: session.id })}
    >
      <Icon name="stop" size={13} />
      Stop
    </Button>
  );
}

function AgainButton({ session }: { session: TraceSessionView }) {
  const router = useRouter();
  const role = useRefusal("traces.start");
  const again = () => router.push(newTraceHref(session.spec));
  return (
    <Button refusal={role} onClick={again}>
      <Icon name="again" size={13} />
      Again
    </Button>
  );
}
