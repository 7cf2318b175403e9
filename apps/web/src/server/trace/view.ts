/** Stored sessions as the API gives them. */
import type { TraceSessionId } from "@millrace/contract/ids";
import type { TraceEventView, TraceSessionView } from "@millrace/contract/trace";
import type { EventRow, SessionRow } from "./repo.ts";
import { readStats, shownStats } from "./stats.ts";

export const sessionView = (row: SessionRow): TraceSessionView => ({
  id: row.id as TraceSessionId,
  generation: row.generation,
  spec: row.spec,
  state: row.state,
  end: row.end,
  endDetail: row.endDetail,
  author: row.author,
  createdAt: row.createdAt.getTime(),
  leaseEndsAt: row.leaseEndsAt.getTime(),
  hosts: row.hosts.map((host) => ({
    host: host.host.name,
    state: host.state,
    end: host.end,
    endDetail: host.endDetail,
    stats: shownStats(readStats(host.stats)),
    attachedAt: host.attachedAt?.getTime() ?? null,
  })),
  events: row.hosts.reduce((sum, host) => sum + readStats(host.stats).kept, 0),
});

export const eventView = (row: EventRow, session: SessionRow): TraceEventView => ({
  id: String(row.id),
  host: session.hosts.find((host) => host.hostId === row.hostId)?.host.name ?? `host ${row.hostId}`,
  event: row.event,
});
