/** trace_sessions, trace_hosts, trace_transitions, trace_events. Which changes are allowed is session.ts's. */
import type { TraceHostState } from "@millrace/contract/machines/trace-host";
import type { TraceSessionState } from "@millrace/contract/machines/trace-session";
import type { TraceEvent, TraceSpec } from "@millrace/contract/trace";
import type { TraceEnd } from "@millrace/contract/trace-kind";
import type { Transaction } from "../audit/service.ts";
import { pool, prisma } from "../db.ts";
import type { Prisma } from "../generated/prisma/client.ts";

export const transact = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> =>
  prisma().$transaction(work, { timeout: 15_000, maxWait: 5000 });

const WITH_HOSTS = {
  hosts: { include: { host: { select: { name: true } } }, orderBy: { hostId: "asc" } },
} satisfies Prisma.TraceSessionInclude;
type Stored = Prisma.TraceSessionGetPayload<{ include: typeof WITH_HOSTS }>;
type StoredHost = Stored["hosts"][number];
export type HostRow = Omit<StoredHost, "state" | "end"> & { state: TraceHostState; end: TraceEnd | null };
export type SessionRow = Omit<Stored, "state" | "end" | "spec" | "hosts"> & {
  state: TraceSessionState;
  end: TraceEnd | null;
  spec: TraceSpec;
  hosts: HostRow[];
};
/** What stands in these columns was checked when it was written. */
const typed = (row: Stored): SessionRow => row as unknown as SessionRow;

/** Whoever changes a session or stores its events holds this lock, so events are numbered as they commit. */
export async function lockSession(tx: Transaction, id: string): Promise<SessionRow | null> {
  await tx.$queryRaw`select 1 from trace_sessions where id = ${id}::uuid for no key update`;
  const row = await tx.traceSession.findUnique({ where: { id }, include: WITH_HOSTS });
  return row && typed(row);
}
export async function findSession(id: string): Promise<SessionRow | null> {
  const row = await prisma().traceSession.findUnique({ where: { id }, include: WITH_HOSTS });
  return row && typed(row);
}

export type Position = { createdAt: Date; id: string };
export async function findSessions(before: Position | null, limit: number): Promise<SessionRow[]> {
  const rows = await prisma().traceSession.findMany({
    where: before
      ? {
          OR: [
            { createdAt: { lt: before.createdAt } },
            { createdAt: before.createdAt, id: { lt: before.id } },
          ],
        }
      : {},
    include: WITH_HOSTS,
    orderBy: [{ createdAt: "desc" }, { id: "desc" }],
    take: limit,
  });
  return rows.map(typed);
}

export async function findOpenSessionIds(): Promise<string[]> {
  const rows = await prisma().traceSession.findMany({
    where: { state: { not: "done" } },
    select: { id: true },
    orderBy: { createdAt: "asc" },
  });
  return rows.map((row) => row.id);
}

/** Sessions that a host has a part in that isn't over. */
export async function findSessionsOfHost(hostId: number): Promise<SessionRow[]> {
  const rows = await prisma().traceSession.findMany({
    where: { state: { not: "done" }, hosts: { some: { hostId, state: { not: "ended" } } } },
    include: WITH_HOSTS,
    orderBy: { createdAt: "asc" },
  });
  return rows.map(typed);
}

export type NewSession = {
  id: string;
  spec: TraceSpec;
  state: string;
  deadlineAt: Date;
  author: string;
  createdAt: Date;
  leaseEndsAt: Date;
};
export type NewHost = { hostId: number; state: string; deadlineAt: Date; stats: object };
export async function insertSession(tx: Transaction, session: NewSession, hosts: NewHost[]): Promise<void> {
  const spec = session.spec as Prisma.InputJsonObject;
  await tx.traceSession.create({ data: { ...session, spec }, select: { id: true } });
  await tx.traceHost.createMany({
    data: hosts.map((h) => ({ ...h, sessionId: session.id, stats: h.stats as Prisma.InputJsonObject })),
  });
}

export type Move<State> = {
  from: State;
  to: State;
  deadlineAt: Date | null;
  end: TraceEnd | null;
  endDetail: string | null;
};

/** False when the session isn't in that state and generation any more. */
export async function moveSession(
  tx: Transaction,
  session: SessionRow,
  { from, to, ...set }: Move<TraceSessionState>,
): Promise<boolean> {
  const { count } = await tx.traceSession.updateMany({
    where: { id: session.id, state: from, generation: session.generation },
    data: { state: to, ...set },
  });
  return count === 1;
}
export async function moveHost(
  tx: Transaction,
  host: HostRow,
  { from, to, ...set }: Move<TraceHostState> & { attachedAt: Date | null },
): Promise<boolean> {
  const { count } = await tx.traceHost.updateMany({
    where: { sessionId: host.sessionId, hostId: host.hostId, state: from },
    data: { state: to, ...set },
  });
  return count === 1;
}

export type Transition = {
  sessionId: string;
  hostId: number | null;
  event: string;
  fromState: string;
  toState: string;
  at: Date;
  author: string;
  why: string;
};
export async function insertTransition(tx: Transaction, transition: Transition): Promise<void> {
  await tx.traceTransition.create({ data: transition, select: { id: true } });
}

export async function setStats(tx: Transaction, host: HostRow, stats: object): Promise<void> {
  await tx.traceHost.update({
    where: { sessionId_hostId: { sessionId: host.sessionId, hostId: host.hostId } },
    data: { stats: stats as Prisma.InputJsonObject },
    select: { hostId: true },
  });
}

/** Heard when the transaction commits. */
export async function tell(tx: Transaction, what: "state" | "events", id: string): Promise<void> {
  const channel = what === "state" ? "millrace_traces" : "millrace_trace_events";
  await tx.$executeRaw`select pg_notify(${channel}, ${id})`;
}

/** How many of them were new. */
export function insertEvents(
  tx: Transaction,
  sessionId: string,
  hostId: number,
  events: readonly TraceEvent[],
): Promise<number> {
  return tx.$executeRaw`
    insert into trace_events (session_id, host_id, sequence, at, event)
    select ${sessionId}::uuid, ${hostId}::int, (e->>'sequence')::int, to_timestamp((e->>'at')::float8 / 1e6), e
    from jsonb_array_elements(${JSON.stringify(events)}::jsonb) e
    on conflict do nothing`;
}

export type EventRow = { id: bigint; hostId: number; event: TraceEvent };
export async function findEvents(sessionId: string, after: bigint, limit: number): Promise<EventRow[]> {
  const rows = await prisma().traceEvent.findMany({
    where: { sessionId, id: { gt: after } },
    select: { id: true, hostId: true, event: true },
    orderBy: { id: "asc" },
    take: limit,
  });
  return rows as unknown as EventRow[];
}

/** Where to begin so that at most `limit` events follow, and how many that leaves out. */
export async function skipTo(
  sessionId: string,
  after: bigint,
  limit: number,
): Promise<{ after: bigint; skipped: number }> {
  const { rows } = await pool().query<{ total: number; at: string | null }>(
    `select (select count(*)::int from trace_events where session_id = $1 and id > $2) as total,
            (select id from trace_events where session_id = $1 and id > $2 order by id desc offset $3 limit 1) as at`,
    [sessionId, String(after), limit],
  );
  const { total = 0, at = null } = rows[0] ?? {};
  return at === null ? { after, skipped: 0 } : { after: BigInt(at), skipped: total - limit };
}

export type HostFacts = {
  id: number;
  name: string;
  /** Since the last sign of life; null: none ever. */
  silentMs: number | null;
  revoked: boolean;
  incompatible: string | null;
  hello: unknown;
  heartbeat: unknown;
  traces: number;
};
/** All hosts, or those named; without their heartbeats' details unless asked for. */
export const findHostFacts = (
  names: string[] | null,
  details: boolean,
  tx: Transaction = prisma(),
): Promise<HostFacts[]> =>
  tx.$queryRaw<HostFacts[]>`
    select h.id, h.name, h.revoked_at is not null as revoked, h.incompatible, h.hello,
      extract(epoch from clock_timestamp() - h.heartbeat_at)::float8 * 1000 as "silentMs",
      case when ${details}::boolean then h.heartbeat end as heartbeat,
      (select count(*)::int from trace_hosts t where t.host_id = h.id and t.state <> 'ended') as traces
    from hosts h where ${names}::text[] is null or h.name = any(${names}::text[]) order by h.name`;

/** What a trace of this kind would have met in the last minute on these hosts, a second. */
export async function recentRate(kind: "drops" | "connections", hostIds: number[]): Promise<number> {
  const text =
    kind === "drops"
      ? "select coalesce(sum(packets), 0)::float8 / 60 as rate from drop_updates where ts > now() - interval '60 s' and host_id = any($1)"
      : "select coalesce(sum(opened), 0)::float8 / 60 as rate from rollup_10s where bucket > now() - interval '70 s' and host_id = any($1) and proto = 6";
  return (await pool().query<{ rate: number }>(text, [hostIds])).rows[0]?.rate ?? 0;
}

/** Until the transaction's end: who counts a host's traces and adds one does so alone. */
export async function asOnlyStarter(tx: Transaction): Promise<void> {
  await tx.$executeRaw`select pg_advisory_xact_lock(7318002)`;
}

/** One sweeper at a time, whichever process it is in. */
export async function asOnlySweeper(tx: Transaction): Promise<boolean> {
  const rows = await tx.$queryRaw<{ got: boolean }[]>`select pg_try_advisory_xact_lock(7318001) as got`;
  return rows[0]?.got ?? false;
}
