/**
 * Live traces as operators ask for them and as agents carry them out. State changes are session.ts's;
 * deadlines and lost agents sweep.ts's. Agents know their part by `desiredFor`, and say what became of it.
 */
import { randomUUID } from "node:crypto";
import type { DesiredTrace, TracePush, TraceReport } from "@millrace/contract/agent-protocol";
import { AppError } from "@millrace/contract/error";
import { TraceSessionId } from "@millrace/contract/ids";
import { TRACE_HOST } from "@millrace/contract/machines/trace-host";
import { TRACE_SESSION } from "@millrace/contract/machines/trace-session";
import type { TraceSessionView, TraceSpec } from "@millrace/contract/trace";
import { TRACE_LIMITS } from "@millrace/contract/trace-kind";
import type { z } from "zod";
import { type Author, change, type Transaction } from "../audit/service.ts";
import { systemClock } from "../clock.ts";
import { hostProblems } from "./able.ts";
import * as repo from "./repo.ts";
import { applyToHost, type Cause, settleAfter, stop } from "./session.ts";
import { NO_STATS, readStats } from "./stats.ts";
import { sessionView } from "./view.ts";

export { startSweep } from "./sweep.ts";

const PAGE = 50;
const refused = (code: "CONFLICT" | "NOT_FOUND" | "BAD_REQUEST", why: string): AppError =>
  new AppError(code, why, { publicMessage: why });
const missing = (): AppError => refused("NOT_FOUND", "There is no such trace");

export async function getSession(id: string): Promise<TraceSessionView> {
  const row = await repo.findSession(id);
  if (!row) throw missing();
  return sessionView(row);
}

export async function listSessions(
  cursor: string | null,
): Promise<{ sessions: TraceSessionView[]; nextCursor: string | null }> {
  const found = await repo.findSessions(cursor ? readCursor(cursor) : null, PAGE + 1);
  const shown = found.slice(0, PAGE);
  const last = shown.at(-1);
  const nextCursor = found.length > PAGE && last ? `${last.createdAt.getTime()}.${last.id}` : null;
  return { sessions: shown.map(sessionView), nextCursor };
}

function readCursor(cursor: string): repo.Position {
  const [, ms = "", id = ""] = /^(\d{1,15})\.([0-9a-f-]{36})$/.exec(cursor) ?? [];
  if (!TraceSessionId.safeParse(id).success) throw refused("BAD_REQUEST", "The cursor is not one of ours");
  return { createdAt: new Date(Number(ms)), id };
}

export async function startSession(input: TraceSpec, author: Author): Promise<TraceSessionView> {
  const spec = { ...input, hosts: [...new Set(input.hosts)] };
  const id = randomUUID();
  const nowMs = systemClock.now();
  const { hosts: names, kind, leaseSeconds, rateEps, filter, reason } = spec;
  const detail = { kind, hosts: names, leaseSeconds, rateEps, filter, reason };
  await change({ author, action: "traces.start", target: id, detail }, async (tx) => {
    await repo.asOnlyStarter(tx);
    const hosts = await hostsFor(spec, tx);
    const at = (ms: number) => new Date(nowMs + ms);
    const session = {
      ...{ id, spec, state: TRACE_SESSION.initial, author: author.email, createdAt: at(0) },
      deadlineAt: at(TRACE_SESSION.states[TRACE_SESSION.initial].deadline?.ms ?? 0),
      leaseEndsAt: at(leaseSeconds * 1000),
    };
    const deadlineAt = at(TRACE_HOST.states[TRACE_HOST.initial].deadline?.ms ?? 0);
    const parts = hosts.map((hostId) => ({ hostId, state: TRACE_HOST.initial, deadlineAt, stats: NO_STATS }));
    await repo.insertSession(tx, session, parts);
    await repo.tell(tx, "state", id);
  });
  return getSession(id);
}

/** Ids of all hosts named; a host that couldn't take part is a reason not to start at all, said by name. */
async function hostsFor(spec: TraceSpec, tx: Transaction): Promise<number[]> {
  const found = await repo.findHostFacts(spec.hosts, false, tx);
  const problems = hostProblems(spec, found);
  if (problems.length > 0)
    throw refused("CONFLICT", problems.map((p) => `${p.host}: ${p.reason}`).join("; "));
  return found.map((host) => host.id);
}

export async function stopSession(id: string, author: Author): Promise<TraceSessionView> {
  await change({ author, action: "traces.stop", target: id }, async (tx) => {
    const session = await repo.lockSession(tx, id);
    if (!session) throw missing();
    if (!(await stop(tx, session, byHand(author, "user"))))
      throw refused("CONFLICT", `The trace is ${session.state === "done" ? "over" : "ending"} already`);
  });
  return getSession(id);
}

export async function stopAllSessions(author: Author): Promise<{ stopped: number }> {
  const detail = { stopped: 0 };
  await change({ author, action: "traces.stopAll", target: "all traces", detail }, async (tx) => {
    for (const id of await repo.findOpenSessionIds()) {
      const session = await repo.lockSession(tx, id);
      if (session && (await stop(tx, session, byHand(author, "stop-all")))) detail.stopped++;
    }
  });
  return detail;
}

const byHand = (author: Author, end: "user" | "stop-all"): Cause => ({
  author: author.email,
  why: "asked to",
  end,
  detail: `by ${author.email}`,
  now: new Date(systemClock.now()),
});

/** The sessions that must run on the host now. What isn't here must not run there. */
export async function desiredFor(hostId: number): Promise<DesiredTrace[]> {
  const now = systemClock.now();
  const sessions = await repo.findSessionsOfHost(hostId);
  const wanted = sessions.filter((session) => {
    const part = session.hosts.find((host) => host.hostId === hostId);
    return session.state !== "draining" && part?.state !== "detaching" && session.leaseEndsAt.getTime() > now;
  });
  return wanted.map((session) => ({
    id: session.id as DesiredTrace["id"],
    generation: session.generation,
    spec: session.spec,
    leaseEndsAtMs: session.leaseEndsAt.getTime(),
  }));
}

/** A report of another generation, or of a part that is over, changes no state. */
export async function applyHostReport(hostId: number, report: z.infer<typeof TraceReport>): Promise<void> {
  await repo.transact(async (tx) => {
    const session = await repo.lockSession(tx, report.id);
    const host = session?.hosts.find((part) => part.hostId === hostId);
    if (!session || !host || session.generation !== report.generation) return;
    await repo.setStats(tx, host, { ...readStats(host.stats), agent: report.stats });
    const cause = causeOf(host, report);
    const event = isRestart(host, report) ? "lost" : report.event;
    await applyToHost(tx, session, host, event, cause);
    await settleAfter(tx, session, host, cause);
  });
}

/** An agent that attaches what it had attached has forgotten it: it died in between, and events with it. */
const isRestart = (host: repo.HostRow, report: z.infer<typeof TraceReport>): boolean =>
  host.state === "attached" && report.event === "attach";

function causeOf(host: repo.HostRow, report: z.infer<typeof TraceReport>): Cause {
  const author = `agent of ${host.host.name}`;
  const base = { author, why: report.event, now: new Date(systemClock.now()) };
  if (isRestart(host, report)) return { ...base, end: "agent-lost", detail: "its agent restarted" };
  if (report.event === "refuse") return { ...base, end: report.end ?? "refused", detail: report.detail };
  const unasked = host.end === null && (report.event === "stop" || report.event === "detached");
  if (unasked && !report.end)
    return { ...base, end: "agent-lost", detail: report.detail ?? "its agent stopped" };
  return { ...base, end: report.end, detail: report.detail };
}

/** Stores what is new and fits; what the session's bound keeps out is counted as undelivered. */
export async function storeEvents(hostId: number, push: z.infer<typeof TracePush>): Promise<void> {
  await repo.transact(async (tx) => {
    const session = await repo.lockSession(tx, push.id);
    const host = session?.hosts.find((part) => part.hostId === hostId);
    if (!session || !host) return;
    const stats = readStats(host.stats);
    const kept = session.hosts.reduce((sum, part) => sum + readStats(part.stats).kept, 0);
    const fitting = push.events.slice(0, Math.max(0, TRACE_LIMITS.eventsKept - kept));
    const inserted = fitting.length > 0 ? await repo.insertEvents(tx, push.id, hostId, fitting) : 0;
    const notKept = stats.notKept + push.events.length - fitting.length;
    await repo.setStats(tx, host, { agent: push.stats, kept: stats.kept + inserted, notKept });
    await repo.tell(tx, "events", push.id);
  });
}
