"use client";
/** Why a trace's page may be behind, or not hold all that was kept, and what to do about it. */
import type { TraceSessionView } from "@millrace/contract/trace";
import { Button } from "@/ui/button.tsx";
import { problemOf } from "@/view/problem.ts";
import type { useTrace } from "./use-trace.ts";

type Trace = ReturnType<typeof useTrace>;
export const retryHistory = (history: Trace["history"]): void =>
  void (history.isFetchNextPageError ? history.fetchNextPage() : history.refetch());

export function TraceTrouble({ session, trace }: { session: TraceSessionView; trace: Trace }) {
  const { stream, history, buffer } = trace;
  const runs = session.state !== "done";
  return (
    <>
      {runs && stream.status === "error" && (
        <p className="px-4 text-bad">
          ✕ The stream broke: {problemOf(stream.error).title}. The trace goes on; its events are kept.{" "}
          <Button size="sm" onClick={() => stream.reset()}>
            Watch again
          </Button>
        </p>
      )}
      {runs && stream.status === "connecting" && stream.error && (
        <p className="px-4 text-warn">
          ◔ Not current: {problemOf(stream.error).title}. The trace goes on, and the page once it answers.
        </p>
      )}
      {history.error && buffer.rows.length > 0 && (
        <p className="px-4 text-warn">
          ▲ Earlier events are missing here: {problemOf(history.error).title}.{" "}
          <Button size="sm" busy={history.isFetching} onClick={() => retryHistory(history)}>
            Try again
          </Button>
        </p>
      )}
    </>
  );
}
