"use client";
/** What happened in the time shown and may explain a step in a chart: traces that were started. */
import { useQuery } from "@tanstack/react-query";
import { useTRPC } from "@/trpc/client.tsx";
import type { TimeMark } from "@/ui/time-series.ts";
import type { Range } from "./time-range.ts";

const NONE: readonly TimeMark[] = [];

export function useMarks(range: Range): readonly TimeMark[] {
  const trpc = useTRPC();
  const traces = useQuery(trpc.traces.list.queryOptions({}, { staleTime: 30_000 }));
  if (!traces.data) return NONE;
  return traces.data.sessions
    .filter((session) => session.createdAt >= range.from && session.createdAt <= range.to)
    .map((session) => ({
      at: session.createdAt,
      text: `${session.spec.kind} trace by ${session.author} on ${session.spec.hosts.length} hosts`,
    }));
}
