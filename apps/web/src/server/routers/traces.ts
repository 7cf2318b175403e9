/** Live traces: ask, start, watch, stop. */
import { TraceSessionId } from "@millrace/contract/ids";
import {
  type TraceEventView,
  type TracePreview,
  type TraceSessionView,
  TraceSpec,
  TraceWatchInput,
} from "@millrace/contract/trace";
import { tracked } from "@trpc/server";
import { z } from "zod";
import { listEvents } from "../trace/events.ts";
import { previewTrace } from "../trace/preview.ts";
import { getSession, listSessions, startSession, stopAllSessions, stopSession } from "../trace/service.ts";
import { watchSession } from "../trace/watch.ts";
import { protectedProcedure, router } from "../trpc.ts";

const ById = z.object({ id: TraceSessionId });
const ListInput = z.object({ cursor: z.string().max(100).nullish() });
const EventsInput = z.object({
  id: TraceSessionId,
  cursor: z.string().max(30).nullish(),
  limit: z.int().min(1).max(1000).default(200),
});
type SessionPage = { sessions: TraceSessionView[]; nextCursor: string | null };
type EventPage = { events: TraceEventView[]; nextCursor: string | null };

export const tracesRouter = router({
  list: protectedProcedure
    .input(ListInput)
    .query(({ input }): Promise<SessionPage> => listSessions(input.cursor ?? null)),
  get: protectedProcedure.input(ById).query(({ input }): Promise<TraceSessionView> => getSession(input.id)),
  events: protectedProcedure
    .input(EventsInput)
    .query(({ input }): Promise<EventPage> => listEvents(input.id, input.cursor ?? null, input.limit)),
  watch: protectedProcedure.input(TraceWatchInput).subscription(async function* ({ input, signal }) {
    for await (const { id, data } of watchSession(input.id, input.lastEventId ?? null, signal))
      yield tracked(id, data);
  }),
  preview: protectedProcedure
    .input(TraceSpec)
    .query(({ input }): Promise<TracePreview> => previewTrace(input)),
  start: protectedProcedure
    .input(TraceSpec)
    .mutation(({ input, ctx }): Promise<TraceSessionView> => startSession(input, ctx.me)),
  stop: protectedProcedure
    .input(ById)
    .mutation(({ input, ctx }): Promise<TraceSessionView> => stopSession(input.id, ctx.me)),
  stopAll: protectedProcedure.mutation(({ ctx }): Promise<{ stopped: number }> => stopAllSessions(ctx.me)),
});
