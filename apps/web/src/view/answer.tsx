"use client";
/**
 * A query's answer in one of its states: loading, failed, stale with its age, or there. Empty is the
 * page's own matter, since only it knows the cause.
 */
import type { ReactNode } from "react";
import { Button } from "@/ui/button.tsx";
import { ageText } from "@/ui/instant.ts";
import { Notice, StaleLine } from "@/ui/notice.tsx";
import { useNow } from "./clock.tsx";
import { problemOf } from "./problem.ts";

/** As much of a query's result as its states need. */
type StaleQuery = { error: unknown; dataUpdatedAt: number; refetch: () => unknown; isFetching: boolean };
type AnswerProps<Data> = {
  query: StaleQuery & { data: Data | undefined };
  skeleton: ReactNode;
  children: (data: Data) => ReactNode;
};

export function Answer<Data>({ query, skeleton, children }: AnswerProps<Data>) {
  if (query.data !== undefined)
    return (
      <>
        {query.error && <Stale query={query} />}
        {children(query.data)}
      </>
    );
  return query.error ? <Failed error={query.error} onRetry={() => void query.refetch()} /> : skeleton;
}

export function Failed({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const problem = problemOf(error);
  return (
    <Notice
      tone="bad"
      title={problem.title}
      actions={onRetry && <Button onClick={onRetry}>Try again</Button>}
    >
      {problem.advice}
    </Notice>
  );
}

export function Stale({ query }: { query: StaleQuery }) {
  useNow(); // Draws the age anew; the age itself is by this browser's clock, which told when the answer came.
  return (
    <StaleLine
      action={
        <Button size="sm" variant="quiet" busy={query.isFetching} onClick={() => void query.refetch()}>
          Try again
        </Button>
      }
    >
      Not current: this is from {ageText(query.dataUpdatedAt, Date.now())}. {problemOf(query.error).title}.
    </StaleLine>
  );
}
