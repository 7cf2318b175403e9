/**
 * The one place where trace sessions and their hosts change state: an event is applied when the tables in the
 * contract allow it, by an UPDATE that names the state it leaves, with its transition written beside it. What
 * follows from the hosts' states for the session is derived here too. The caller holds the session's lock.
 */
import { next } from "@millrace/contract/machines/machine";
import { TRACE_HOST, type TraceHostEvent } from "@millrace/contract/machines/trace-host";
import { TRACE_SESSION, type TraceSessionEvent } from "@millrace/contract/machines/trace-session";
import type { TraceEnd } from "@millrace/contract/trace-kind";
import type { Transaction } from "../audit/service.ts";
import * as repo from "./repo.ts";

/** Who does it and why; the end's reason, when it leads to the end. */
export type Cause = {
  author: string;
  why: string;
  end?: TraceEnd | null;
  detail?: string | null;
  now: Date;
};

/** The first reason given for an end stays. */
const endOf = (row: { end: TraceEnd | null; endDetail: string | null }, cause: Cause) =>
  row.end
    ? { end: row.end, endDetail: row.endDetail }
    : { end: cause.end ?? null, endDetail: cause.detail ?? null };

function deadline(ms: number | undefined, now: Date, latest: Date): Date | null {
  if (ms === undefined) return null;
  return new Date(Math.min(now.getTime() + ms, Math.max(latest.getTime(), now.getTime())));
}
const FAR = new Date(8.64e15);

/** False: the table has no such event in this state. */
export async function applyToHost(
  tx: Transaction,
  session: repo.SessionRow,
  host: repo.HostRow,
  event: TraceHostEvent,
  cause: Cause,
): Promise<boolean> {
  const from = host.state;
  const to = next(TRACE_HOST, from, event);
  if (!to) return false;
  const ends = to === "ended" || to === "detaching";
  const latest = to === "attached" ? session.leaseEndsAt : FAR;
  const set = {
    ...(ends ? endOf(host, cause) : { end: host.end, endDetail: host.endDetail }),
    deadlineAt: deadline(TRACE_HOST.states[to].deadline?.ms, cause.now, latest),
    attachedAt: to === "attached" ? cause.now : host.attachedAt,
  };
  if (!(await repo.moveHost(tx, host, { from, to, ...set }))) return false;
  await repo.insertTransition(tx, transition(session.id, host.hostId, event, from, to, cause));
  Object.assign(host, { state: to, ...set });
  return true;
}

async function applyToSession(
  tx: Transaction,
  session: repo.SessionRow,
  event: TraceSessionEvent,
  cause: Cause,
): Promise<boolean> {
  const from = session.state;
  const to = next(TRACE_SESSION, from, event);
  if (!to) return false;
  const ends = to === "draining" || to === "done";
  const latest = to === "running" ? session.leaseEndsAt : FAR;
  const set = {
    ...(ends ? endOf(session, cause) : { end: session.end, endDetail: session.endDetail }),
    deadlineAt: deadline(TRACE_SESSION.states[to].deadline?.ms, cause.now, latest),
  };
  if (!(await repo.moveSession(tx, session, { from, to, ...set }))) return false;
  await repo.insertTransition(tx, transition(session.id, null, event, from, to, cause));
  Object.assign(session, { state: to, ...set });
  return true;
}

const transition = (
  sessionId: string,
  hostId: number | null,
  event: string,
  fromState: string,
  toState: string,
  { author, why, now }: Cause,
): repo.Transition => ({ sessionId, hostId, event, fromState, toState, at: now, author, why });

/** Ends the session and tells every host's part in it to end. False when it is ending or over already. */
export async function stop(tx: Transaction, session: repo.SessionRow, cause: Cause): Promise<boolean> {
  if (!(await applyToSession(tx, session, "stop", cause))) return false;
  for (const host of session.hosts) await applyToHost(tx, session, host, "stop", cause);
  await settle(tx, session, cause);
  return true;
}

/** After a host's event: when it ends the session, the host's end is the session's. */
export const settleAfter = (
  tx: Transaction,
  session: repo.SessionRow,
  host: repo.HostRow,
  cause: Cause,
): Promise<void> => settle(tx, session, { ...cause, end: host.end, detail: host.endDetail });

/** What the hosts' states mean for the session, until nothing more follows; then everybody hears of it. */
async function settle(tx: Transaction, session: repo.SessionRow, cause: Cause): Promise<void> {
  for (let event = following(session); event; event = following(session))
    if (!(await applyToSession(tx, session, event, cause))) break;
  if (session.state === "done") {
    const lost: Cause = { ...cause, end: "agent-lost", detail: "it didn't say that it had detached" };
    for (const host of session.hosts) await applyToHost(tx, session, host, "lost", lost);
  }
  await repo.tell(tx, "state", session.id);
}

function following({ state, hosts }: repo.SessionRow): TraceSessionEvent | undefined {
  const allEnded = hosts.every((host) => host.state === "ended");
  switch (state) {
    case "requested":
      return hosts.some((host) => host.state !== "pending") ? "arm" : undefined;
    case "arming":
      if (allEnded) return "refuse";
      return hosts.some((h) => h.state === "pending" || h.state === "attaching") ? undefined : "armed";
    case "running":
      return allEnded ? "stop" : undefined;
    case "draining":
      return allEnded ? "drained" : undefined;
    case "done":
      return undefined;
  }
}

/** Deadlines of the session and its hosts that have passed by `cause.now`, fired as the tables say. */
export async function fireDeadlines(tx: Transaction, session: repo.SessionRow, now: Date): Promise<boolean> {
  const cause: Cause = { author: "millrace", why: "deadline", now };
  let fired = false;
  for (const host of session.hosts) {
    const rule = TRACE_HOST.states[host.state].deadline;
    if (!rule || !host.deadlineAt || host.deadlineAt > now) continue;
    const lease = host.state === "attached";
    const end: TraceEnd = lease ? "lease" : "agent-lost";
    const detail = lease ? null : `no answer from its agent while ${host.state}`;
    if (!(await applyToHost(tx, session, host, rule.event, { ...cause, end, detail }))) continue;
    await settleAfter(tx, session, host, cause);
    fired = true;
  }
  return (await fireSessionDeadline(tx, session, cause)) || fired;
}

async function fireSessionDeadline(
  tx: Transaction,
  session: repo.SessionRow,
  cause: Cause,
): Promise<boolean> {
  const { now } = cause;
  const rule = TRACE_SESSION.states[session.state].deadline;
  const leaseOver = session.leaseEndsAt <= now && session.state !== "draining";
  if (!rule || !(leaseOver || (session.deadlineAt && session.deadlineAt <= now))) return false;
  if (rule.event !== "stop") {
    const moved = await applyToSession(tx, session, rule.event, cause);
    await settle(tx, session, cause);
    return moved;
  }
  const lost: Pick<Cause, "end" | "detail"> = { end: "agent-lost", detail: "no agent took it up in time" };
  return stop(tx, session, {
    ...cause,
    ...(leaseOver || session.state === "running" ? { end: "lease" } : lost),
  });
}
