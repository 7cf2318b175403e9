"use client";
/**
 * Live and history in one list. History answers with the snapshot it was read under; the stream goes on from
 * exactly there, so at the seam no flow is missing and none is there twice.
 */
import type { FlowRow, FlowTailOutput } from "@millrace/contract/flow";
import { keepPreviousData, skipToken, useInfiniteQuery } from "@tanstack/react-query";
import { useSubscription } from "@trpc/tanstack-react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import { useTRPC } from "@/trpc/client.tsx";
import { usePaused } from "@/view/clock.tsx";
import { useKept } from "@/view/kept-answer.ts";
import { LIVE_MS, timeChoiceText } from "@/view/time-range.ts";
import { type FlowQuestion, historyInput, shownQuestion } from "./history-input.ts";
import {
  DRAW_MS,
  draw,
  type LiveRows,
  merge,
  NO_LIVE_ROWS,
  ordered,
  ROOM_MAX,
  roomAfter,
  settle,
  wait,
} from "./live-rows.ts";

export type StreamState = {
  status: "off" | "connecting" | "open" | "failed";
  error: unknown;
  /** Flows that came after the history was read. */
  fresh: number;
  notDrawn: number;
  waiting: number;
};

/** Moving ranges move on by themselves, but never under a reader who has gone further than the first page. */
function useHeldQuestion(question: FlowQuestion, deep: boolean) {
  const { choice, range, filter, sort } = question;
  const name = [timeChoiceText(choice), filter, sort.key, sort.descending].join("\n");
  const [held, setHeld] = useState({ name, question });
  const moved = choice.kind === "last" && !deep && range.to !== held.question.range.to;
  if (name !== held.name || moved) setHeld({ name, question });
  return { held: held.question, name: held.name, refresh: () => setHeld({ name, question }) };
}

export function useFlowRows(question: FlowQuestion) {
  const trpc = useTRPC();
  const [deep, setDeep] = useState(false);
  const { held, name, refresh } = useHeldQuestion(question, deep);
  const query = useKept(
    useInfiniteQuery(
      trpc.flows.search.infiniteQueryOptions(historyInput(held), {
        getNextPageParam: (page) => page.nextCursor,
        placeholderData: keepPreviousData,
        staleTime: Number.POSITIVE_INFINITY,
        refetchOnReconnect: false,
      }),
    ),
    name,
  );
  const pages = query.data?.pages;
  if (deep !== (pages?.length ?? 0) > 1) setDeep(!deep);
  const history = useMemo(() => pages?.flatMap((page) => page.rows) ?? [], [pages]);
  const isLive = held.choice.kind === "live";
  const snapshot = query.isPlaceholderData ? undefined : pages?.[0]?.snapshot;
  const { live, stream } = useStream({ name, filter: held.filter, snapshot, isLive, history });
  const shown = shownQuestion(question, held);
  const from = isLive ? question.range.to - LIVE_MS : held.range.from;
  const rows = useMemo(
    () => (isLive ? ordered(merge(live, history, from), held.sort) : history),
    [isLive, live, history, from, held.sort],
  );
  return { rows, query, first: pages?.[0], stream, held, shown, refresh };
}

const nothingWaits = () => ({
  rows: new Map<string, FlowRow>(),
  since: new Map<string, number>(),
  leftOut: 0,
});

type StreamInput = {
  name: string;
  filter: string;
  snapshot: string | undefined;
  isLive: boolean;
  history: readonly FlowRow[];
};

function useStream({ name, filter, snapshot, isLive, history }: StreamInput) {
  const trpc = useTRPC();
  const [paused] = usePaused();
  const [live, setLive] = useState<LiveRows>(NO_LIVE_ROWS);
  const [waitingCount, setWaitingCount] = useState(0);
  const drawn = useRef(NO_LIVE_ROWS);
  const waiting = useRef(nothingWaits());
  const [startedFor, setStartedFor] = useState(name);
  if (startedFor !== name) {
    setStartedFor(name);
    setLive(NO_LIVE_ROWS);
  }
  // biome-ignore lint/correctness/useExhaustiveDependencies: what waited for another question is of no use
  useEffect(() => {
    waiting.current = nothingWaits();
    drawn.current = NO_LIVE_ROWS;
  }, [name]);

  const subscription = useSubscription(
    trpc.flows.tail.subscriptionOptions(isLive && snapshot ? { filter, snapshot } : skipToken, {
      onData: ({ data }: { data: FlowTailOutput }) => {
        const leftOut = wait(waiting.current.rows, data.rows);
        waiting.current.leftOut += leftOut + data.notShown;
      },
    }),
  );
  const inHistory = useInHistory(history);

  useEffect(() => {
    if (!isLive) return;
    let last = performance.now();
    let left = ROOM_MAX;
    const timer = setInterval(() => {
      const now = performance.now();
      left = roomAfter(left, now - last);
      last = now;
      const { rows, leftOut, since } = waiting.current;
      if (paused) return setWaitingCount(rows.size + leftOut);
      setWaitingCount(0);
      const hasPlace = (id: string) => drawn.current.latest.has(id) || inHistory(id);
      const parts = settle(rows, since, hasPlace, now);
      waiting.current = { rows: parts.held, since: parts.since, leftOut: 0 };
      if (parts.ready.size === 0 && leftOut === 0) return;
      drawn.current = draw(drawn.current, { waiting: parts.ready, inHistory, room: left, leftOut });
      left -= drawn.current.added;
      setLive(drawn.current);
    }, DRAW_MS);
    return () => clearInterval(timer);
  }, [isLive, paused, inHistory]);

  const status = streamStatus(isLive, subscription.status);
  const stream: StreamState = {
    status,
    error: subscription.error,
    fresh: live.onTop.length + live.notDrawn,
    notDrawn: live.notDrawn,
    waiting: waitingCount,
  };
  return { live, stream };
}

/** Tells a flow of the history by either observer's id. */
function useInHistory(history: readonly FlowRow[]): (id: string) => boolean {
  return useMemo(() => {
    const ids = new Set<string>();
    for (const row of history) {
      ids.add(row.id);
      if (row.otherId) ids.add(row.otherId);
    }
    return (id: string) => ids.has(id);
  }, [history]);
}

function streamStatus(
  isLive: boolean,
  status: "idle" | "connecting" | "pending" | "error",
): StreamState["status"] {
  if (!isLive) return "off";
  if (status === "pending") return "open";
  return status === "error" ? "failed" : "connecting";
}
