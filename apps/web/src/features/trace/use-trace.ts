"use client";
/**
 * A trace session and its events: first the stream is opened, then history is read. What falls into both is
 * told apart by its id, so nothing is missing between them and nothing is there twice.
 */
import type { TraceSessionId } from "@millrace/contract/ids";
import type { TraceEventView, TraceSessionView, TraceWatchOutput } from "@millrace/contract/trace";
import { skipToken, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useSubscription } from "@trpc/tanstack-react-query";
import { useEffect, useRef, useState } from "react";
import { useTRPC } from "@/trpc/client.tsx";
import { usePaused } from "@/view/clock.tsx";
import { wantsNextPage } from "@/view/more-rows.tsx";
import { addEvents, EVENTS_HELD, NO_EVENTS } from "./event-buffer.ts";

const PAGE = 1000;
const DRAW_MS = 250;

export function useTrace(id: TraceSessionId) {
  const trpc = useTRPC();
  const [paused] = usePaused();
  const session = useQuery(trpc.traces.get.queryOptions({ id }));
  const [watched, setWatched] = useState<TraceSessionView | null>(null);
  const [buffer, setBuffer] = useState(NO_EVENTS);
  const [notShown, setNotShown] = useState(0);
  const waiting = useRef<TraceEventView[]>([]);
  const first = useRef(true);
  const latest = watched ?? session.data;
  const ended = latest?.state === "done";

  const stream = useSubscription(
    trpc.traces.watch.subscriptionOptions(
      session.data && session.data.state !== "done" ? { id } : skipToken,
      {
        onData: ({ data }: { data: TraceWatchOutput }) => {
          setWatched(data.session);
          waiting.current.push(...data.events);
          // The first answer begins with the newest events; what it leaves out, history brings.
          if (data.notShown > 0 && !first.current) setNotShown((n) => n + data.notShown);
          first.current = false;
        },
      },
    ),
  );
  const history = useInfiniteQuery(
    trpc.traces.events.infiniteQueryOptions(
      { id, limit: PAGE },
      {
        // The stream first: what happens between the two then comes twice instead of never.
        enabled: ended || stream.status === "pending" || stream.status === "error",
        getNextPageParam: (page) => page.nextCursor,
        staleTime: Number.POSITIVE_INFINITY,
      },
    ),
  );
  const pages = history.data?.pages;
  const { fetchNextPage } = history;
  const wanted = wantsNextPage(history);
  const held = pages ? pages.length * PAGE : 0;
  useEffect(() => {
    for (const event of pages?.at(-1)?.events ?? []) waiting.current.push(event);
    if (wanted && held < EVENTS_HELD) void fetchNextPage();
  }, [pages, wanted, fetchNextPage, held]);
  useEffect(() => {
    const timer = setInterval(() => {
      if (paused || waiting.current.length === 0) return;
      const events = waiting.current;
      waiting.current = [];
      setBuffer((old) => addEvents(old, events));
    }, DRAW_MS);
    return () => clearInterval(timer);
  }, [paused]);

  return { session, latest, buffer, notShown, stream, history, paused };
}
