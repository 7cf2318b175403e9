/** Rollups summed up for the overview, and what changed. Read only. */
import { VERDICT_NUMBER } from "@millrace/contract/verdict";
import { type Buckets, rollupFor, totalFor } from "../bucket.ts";
import { type BucketCache, cacheFor } from "../bucket-cache.ts";
import { databaseUrl, pool } from "../db.ts";

type Sums = {
  bytes: number;
  opened: number;
  drops: number;
  retransmits: number;
  packets: number;
  slow: number;
  fast: number;
  wouldDrop: number;
  sketch: number[];
};
export type BucketRow = Sums & { bucket: number };
const SUMS = `sum(r.fwd_bytes + r.rev_bytes)::float8 as bytes, sum(r.opened)::float8 as opened,
  sum(r.drops)::float8 as drops, sum(r.retransmits)::float8 as retransmits,
  sum(r.fwd_packets + r.rev_packets)::float8 as packets, sum(r.slow_packets)::float8 as slow,
  sum(r.fast_packets)::float8 as fast, coalesce(sum(r.updates) filter (where r.verdict = ${VERDICT_NUMBER["would-drop"]}), 0)::float8 as "wouldDrop",
  rtt_sketch_merge(r.rtt_sketch) as sketch`;

const during = (from: string, to: string): string =>
  `r.bucket >= to_timestamp(${from}::float8 / 1000) and r.bucket < to_timestamp(${to}::float8 / 1000)`;

/** What is kept of one database must not answer for another. */
export const databaseName = (): string => new URL(databaseUrl()).pathname;

const caches = new WeakMap<object, BucketCache<BucketRow>>();

/** By bucket of `cut`; those before its first have negative numbers, down to `earlier` of them. */
export async function findBuckets(cut: Buckets, earlier: number, nowMs: number): Promise<BucketRow[]> {
  const { bucketMs, fromMs, count } = cut;
  const starts = Array.from({ length: earlier + count }, (_, i) => fromMs + (i - earlier) * bucketMs);
  const read = (from: number, to: number) => readBuckets(bucketMs, from, to);
  const rows = await cacheFor(caches, pool()).rows("", bucketMs, starts, nowMs, read);
  return [...rows].map(([start, row]) => ({ ...row, bucket: Math.round((start - fromMs) / bucketMs) }));
}

async function readBuckets(bucketMs: number, fromMs: number, toMs: number): Promise<Map<number, BucketRow>> {
  const { rows } = await pool().query<BucketRow>(
    `select floor((extract(epoch from r.bucket)::float8 * 1000 - $1) / $2)::int as bucket, ${SUMS}
     from ${totalFor(bucketMs)} r where ${during("$1", "$3")} group by 1`,
    [fromMs, bucketMs, toMs],
  );
  return new Map(rows.map((row) => [fromMs + row.bucket * bucketMs, row]));
}

/** What is only ranked needs no edges to the minute: over hours, rollups by the hour do. */
const HOUR_MS = 3_600_000;
function ranked({ fromMs, bucketMs, count }: Buckets): { table: string; fromMs: number; toMs: number } {
  const toMs = fromMs + bucketMs * count;
  const coarse = toMs - fromMs >= 3 * HOUR_MS;
  if (!coarse) return { table: rollupFor(bucketMs), fromMs, toMs };
  return { table: rollupFor(HOUR_MS), fromMs: Math.floor(fromMs / HOUR_MS) * HOUR_MS, toMs };
}

export type ServiceRow = { name: string; drops: number; retransmits: number; sketch: number[] };
export type TalkerRow = { src: string; dst: string; bytes: number };
export type HostRow = { host: string; drops: number };
export type Ranks = { services: ServiceRow[]; talkers: TalkerRow[]; hosts: HostRow[] };

/** One walk over the keys for all three; sketches are merged for the worst services only. */
export async function findRanks(cut: Buckets, most: number): Promise<Ranks> {
  const { table, fromMs, toMs } = ranked(cut);
  const { rows } = await pool().query<{ ranks: Ranks }>(
    `with r as materialized (
       select r.host_id, r.src_id, r.dst_id, sum(r.fwd_bytes + r.rev_bytes)::float8 as bytes,
         sum(r.drops)::float8 as drops, sum(r.retransmits)::float8 as retransmits
       from ${table} r where ${during("$1", "$2")} group by 1, 2, 3),
     service as (
       select dst_id, sum(drops) as drops, sum(retransmits) as retransmits from r
       where dst_id in (select id from rollup_names where kind in ('service', 'pod'))
       group by 1 having sum(drops) + sum(retransmits) > 0 order by 2 desc, 3 desc, 1 limit $3),
     talker as (
       select src_id, dst_id, sum(bytes) as bytes from r group by 1, 2 order by 3 desc, 1, 2 limit $3),
     dropping as (
       select host_id, sum(drops) as drops from r group by 1 having sum(drops) > 0 order by 2 desc, 1 limit $3)
     select json_build_object(
       'services', (select coalesce(json_agg(json_build_object('name', n.name, 'drops', w.drops,
           'retransmits', w.retransmits, 'sketch', (select rtt_sketch_merge(r.rtt_sketch) from ${table} r
             where ${during("$1", "$2")} and r.dst_id = w.dst_id))
           order by w.drops desc, w.retransmits desc, n.name), '[]')
         from service w join rollup_names n on n.id = w.dst_id),
       'talkers', (select coalesce(json_agg(json_build_object('src', s.name, 'dst', d.name, 'bytes', t.bytes)
           order by t.bytes desc, s.name, d.name), '[]')
         from talker t join rollup_names s on s.id = t.src_id join rollup_names d on d.id = t.dst_id),
       'hosts', (select coalesce(json_agg(json_build_object('host', h.name, 'drops', p.drops)
           order by p.drops desc, h.name), '[]')
         from dropping p join hosts h on h.id = p.host_id)) as ranks`,
    [fromMs, toMs, most],
  );
  return (rows[0] as { ranks: Ranks }).ranks;
}

export async function worstReasons(
  fromMs: number,
  toMs: number,
  most: number,
): Promise<{ reason: string; packets: number }[]> {
  const { rows } = await pool().query<{ reason: string; packets: number }>(
    `select r.name as reason, sum(d.packets)::float8 as packets
     from drop_updates d join drop_reasons r on r.id = d.reason_id
     where d.class = 0 and d.ts >= to_timestamp($1::float8 / 1000) and d.ts < to_timestamp($2::float8 / 1000)
     group by 1 order by 2 desc limit $3`,
    [fromMs, toMs, most],
  );
  return rows;
}

export type ChangeRow = { at: number; what: string; target: string; author: string | null; detail: unknown };
/** What people did that shows in the data, and agents' new lives; the newest first. */
export async function findChanges(fromMs: number, toMs: number, most: number): Promise<ChangeRow[]> {
  const { rows } = await pool().query<ChangeRow>(
    `select extract(epoch from at)::float8 * 1000 as at, what, target, author, detail from (
       (select at, action as what, target, author, detail from audit_entries
        where outcome = 'done' and at >= to_timestamp($1::float8 / 1000) and at < to_timestamp($2::float8 / 1000)
          and action in ('traces.start', 'traces.stopAll', 'agents.enrol', 'agents.revoke', 'retention.set',
            'documents.applyAll', 'documents.delete')
        order by at desc limit $3)
       union all
       (select i.started_at, 'agent started', h.name, null, jsonb_build_object('version', i.agent_version)
        from incarnations i join hosts h on h.id = i.host_id
        where i.started_at >= to_timestamp($1::float8 / 1000) and i.started_at < to_timestamp($2::float8 / 1000)
        order by i.started_at desc limit $3)) c
     order by at desc limit $3`,
    [fromMs, toMs, most],
  );
  return rows;
}
