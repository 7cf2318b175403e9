/** What presence.ts judges by: hosts, their last words, and which stretches of time their batches cover. */
import { Heartbeat } from "@millrace/contract/agent-protocol";
import type { Buckets } from "../bucket.ts";
import { pool } from "../db.ts";
import type { HostFacts } from "./presence.ts";

const RECENT_LOSSES = "5 minutes";

type FactsRow = Omit<HostFacts, "heartbeat"> & { heartbeat: unknown };

/** A stored heartbeat of an older form counts as none. */
export async function findFacts(): Promise<HostFacts[]> {
  const { rows } = await pool().query<FactsRow>(
    `select h.name, h.incompatible, h.heartbeat,
       (extract(epoch from h.revoked_at) * 1000)::float8 as "revokedAtMs",
       (extract(epoch from h.heartbeat_at) * 1000)::float8 as "heartbeatAtMs",
       coalesce((select jsonb_agg(jsonb_build_object('what', what, 'count', count)) from
         (select what, sum(count)::float8 as count from losses l
          where l.host_id = h.id and l.at > now() - interval '${RECENT_LOSSES}' group by what) l), '[]')
         as "recentLosses"
     from hosts h order by h.name`,
  );
  return rows.map((row) => {
    const heartbeat = Heartbeat.safeParse(row.heartbeat);
    return { ...row, heartbeat: heartbeat.success ? heartbeat.data : null };
  });
}

export async function countHosts(): Promise<number> {
  const { rows } = await pool().query<{ n: number }>("select count(*)::int as n from hosts");
  return rows[0]?.n ?? 0;
}

export type Range = { readonly from: number; readonly to: number };
export type CoverageRow = {
  hostId: number;
  host: string;
  expected: number;
  answered: number;
  answeredLast: boolean | null;
  lastHeardMs: number | null;
};

/** An idle agent's batches lie this far apart: a shorter stretch without one is no silence. */
const IDLE_S = 11;

/**
 * Cuts the range into slots. A slot is answered when the first batch that ends after the slot's begin
 * starts before its end (one index probe), or when the host said later that it lives and had nothing to
 * send. A host is expected from its first report on, until it was revoked.
 */
export async function findCoverage(range: Range, slots: number, nowMs: number): Promise<CoverageRow[]> {
  const { rows } = await pool().query<CoverageRow>(
    `with slot as (
       select to_timestamp(($1::float8 + i * ($2::float8 - $1) / $3) / 1000) as begins,
         to_timestamp(($1::float8 + (i + 1) * ($2::float8 - $1) / $3) / 1000) as ends
       from generate_series(0, $3::int - 1) i),
     host as (
       select h.id, h.name, h.heartbeat_at, h.revoked_at,
         (select min(started_at) from incarnations where host_id = h.id) as since,
         (select to_at from batches where host_id = h.id order by to_at desc limit 1) as last_to,
         (select to_at from batches where host_id = h.id and to_at <= to_timestamp($2 / 1000)
          order by to_at desc limit 1) as last_in
       from hosts h),
     probe as (
       select h.id, s.begins,
         coalesce(s.ends > h.last_to and h.heartbeat_at >= s.ends - interval '${IDLE_S} seconds', false) or
           coalesce((select b.from_at from batches b where b.host_id = h.id and b.to_at > s.begins
             order by b.to_at limit 1) < s.ends + interval '${IDLE_S} seconds', false) as answered
       from host h cross join slot s
       where h.since < s.ends and s.ends <= to_timestamp($4::float8 / 1000)
         and (h.revoked_at is null or h.revoked_at > s.ends))
     select h.id as "hostId", h.name as host, count(p.begins)::int as expected,
       (count(*) filter (where p.answered))::int as answered,
       (array_agg(p.answered order by p.begins desc) filter (where p.begins is not null))[1] as "answeredLast",
       (extract(epoch from greatest(h.last_in,
         case when h.heartbeat_at <= to_timestamp($2 / 1000) then h.heartbeat_at end)) * 1000)::float8
         as "lastHeardMs"
     from host h left join probe p on p.id = h.id
     group by h.id, h.name, h.last_in, h.heartbeat_at order by h.name`,
    [range.from, range.to, slots, nowMs],
  );
  return rows;
}

export type LossRow = { hostId: number; host: string; what: string; count: number; rows: number };
/** With the rows that the same host did deliver, where rows were lost. */
export async function findLosses(range: Range): Promise<LossRow[]> {
  const { rows } = await pool().query<LossRow>(
    `select l.host_id as "hostId", h.name as host, l.what, sum(l.count)::float8 as count,
       case when l.what = 'flow-updates' then (select coalesce(sum(b.flow_rows), 0)::float8 from batches b
         where b.host_id = l.host_id and b.to_at between to_timestamp($1::float8 / 1000)
           and to_timestamp($2::float8 / 1000)) else 0 end as rows
     from losses l join hosts h on h.id = l.host_id
     where l.at between to_timestamp($1::float8 / 1000) and to_timestamp($2::float8 / 1000)
     group by l.host_id, h.name, l.what order by h.name, l.what`,
    [range.from, range.to],
  );
  return rows;
}

/** Packets that no flow got: classes tableFull, flowRetired and overBudget, found by their partial index. */
export async function findUnattributed(range: Range): Promise<{ packets: number; bytes: number }> {
  const { rows } = await pool().query<{ packets: number; bytes: number }>(
    `select ${summed(10, 13, 22)} as packets, ${summed(12, 15, 24)} as bytes
     from endpoint_updates
     where ts between to_timestamp($1::float8 / 1000) and to_timestamp($2::float8 / 1000)
       and (egress[10] <> 0 or egress[13] <> 0 or egress[22] <> 0
         or ingress[10] <> 0 or ingress[13] <> 0 or ingress[22] <> 0)`,
    [range.from, range.to],
  );
  return rows[0] ?? { packets: 0, bytes: 0 };
}

/** Both ways; rows of older agents have fewer classes. */
function summed(...at: number[]): string {
  const each = at.flatMap((i) => [`coalesce(egress[${i}], 0)`, `coalesce(ingress[${i}], 0)`]);
  return `coalesce(sum(${each.join(" + ")}), 0)::float8`;
}

/** Buckets ended before `untilMs` that no batch of any host, or of the host given, reaches into: one index probe
 *  a bucket and host, until one does. */
export async function findSilent(cut: Buckets, untilMs: number, hostId?: number): Promise<number[]> {
  const { rows } = await pool().query<{ i: number }>(
    `select i from generate_series(0, $3::int - 1) i,
        lateral (select $1::float8 + i * $2::float8 as begins_ms, $1 + (i + 1) * $2 as ends_ms) ms,
        lateral (select to_timestamp(ms.begins_ms / 1000) as begins, to_timestamp(ms.ends_ms / 1000) as ends) s
      where ms.ends_ms < $4::float8 and not exists (
        select from hosts h cross join lateral
          (select b.from_at from batches b where b.host_id = h.id and b.to_at >= s.begins order by b.to_at limit 1) b
        where b.from_at < s.ends and ($5::int is null or h.id = $5)) order by i`,
    [cut.fromMs, cut.bucketMs, cut.count, untilMs, hostId ?? null],
  );
  return rows.map((row) => row.i);
}
