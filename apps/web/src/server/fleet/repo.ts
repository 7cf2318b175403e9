/** Hosts as pages show them: their own words from `hosts`, their traffic from rollups and endpoint updates. Read only. */

import type { Buckets } from "../bucket.ts";
import { rollupFor } from "../bucket.ts";
import { pool } from "../db.ts";

export type HostRow = {
  id: number;
  name: string;
  hello: unknown;
  heartbeat: unknown;
  enrolledAtMs: number;
  lastSeenMs: number | null;
  flows: number;
  bytes: number;
  drops: number;
};
/** Traffic is summed over this much, ending where buckets are complete. */
export const RATE_S = 60;

export async function findHosts(name: string | null): Promise<HostRow[]> {
  const { rows } = await pool().query<HostRow>(
    `select h.id, h.name, h.hello, h.heartbeat,
       extract(epoch from h.enrolled_at)::float8 * 1000 as "enrolledAtMs",
       extract(epoch from h.heartbeat_at)::float8 * 1000 as "lastSeenMs",
       coalesce(t.flows, 0)::float8 as flows, coalesce(t.bytes, 0)::float8 as bytes, coalesce(t.drops, 0)::float8 as drops
     from hosts h left join (
       select host_id, sum(opened) as flows, sum(fwd_bytes + rev_bytes) as bytes, sum(drops) as drops
       from rollup_10s
       where bucket >= now() - interval '${RATE_S + 10} s' and bucket < now() - interval '10 s'
       group by host_id) t on t.host_id = h.id
     where $1::text is null or h.name = $1 order by h.name`,
    [name],
  );
  return rows;
}

export type EndpointRow = {
  uid: string;
  interface: string;
  pod: string | null;
  namespace: string | null;
  addresses: string[];
  totalPackets: number;
  totalBytes: number;
  unattributedPackets: number;
  notIpPackets: number;
  otherHostPackets: number;
  spoofedPackets: number;
  overBudgetPackets: number;
};
const MOST_ENDPOINTS = 2000;

/** Columns by class and count: see EndpointUpdate in schema.prisma. */
export async function findEndpoints(hostId: number, fromMs: number, toMs: number): Promise<EndpointRow[]> {
  const both = (...at: number[]) => at.map((i) => `u.egress[${i}] + u.ingress[${i}]`).join(" + ");
  const sum = (...at: number[]) => `coalesce(sum(${both(...at)}), 0)::float8`;
  const { rows } = await pool().query<EndpointRow>(
    `select e.uid, e.interface, w.pod, w.namespace, e.addresses, ${sum(1)} as "totalPackets",
       ${sum(3)} as "totalBytes", ${sum(10, 13)} as "unattributedPackets", ${sum(4)} as "notIpPackets",
       ${sum(16)} as "otherHostPackets", ${sum(19)} as "spoofedPackets",
       ${sum(22)} as "overBudgetPackets"
     from endpoints e left join workloads w on w.id = e.workload_id
     left join endpoint_updates u on u.endpoint_id = e.id
       and u.ts >= to_timestamp($2::float8 / 1000) and u.ts < to_timestamp($3::float8 / 1000)
     where e.host_id = $1 and e.last_seen >= to_timestamp($2::float8 / 1000)
       and e.first_seen < to_timestamp($3::float8 / 1000)
     group by e.id, w.id order by w.namespace, w.pod, e.interface limit ${MOST_ENDPOINTS}`,
    [hostId, fromMs, toMs],
  );
  return rows;
}

export type LossRow = { at: number; what: string; count: number };
export async function findLosses(hostId: number, fromMs: number, toMs: number): Promise<LossRow[]> {
  const { rows } = await pool().query<LossRow>(
    `select extract(epoch from at)::float8 * 1000 as at, what, count::float8 as count from losses
     where host_id = $1 and at >= to_timestamp($2::float8 / 1000) and at < to_timestamp($3::float8 / 1000)
     order by id desc limit 200`,
    [hostId, fromMs, toMs],
  );
  return rows;
}

export type LineRow = { bucket: number; bytes: number; drops: number };
export async function findLine(hostId: number, cut: Buckets): Promise<LineRow[]> {
  const { rows } = await pool().query<LineRow>(
    `select floor((extract(epoch from bucket)::float8 * 1000 - $2) / $3)::int as bucket,
       sum(fwd_bytes + rev_bytes)::float8 as bytes, sum(drops)::float8 as drops
     from ${rollupFor(cut.bucketMs)}
     where host_id = $1 and bucket >= to_timestamp($2::float8 / 1000)
       and bucket < to_timestamp(($2::float8 + $3::float8 * $4::int) / 1000) group by 1`,
    [hostId, cut.fromMs, cut.bucketMs, cut.count],
  );
  return rows;
}

export type UsageRow = { bucket: number; cpuShare: number; residentBytes: number };
/** The agent's own cost: its CPU on average, its memory at most. */
export async function findUsage(hostId: number, cut: Buckets): Promise<UsageRow[]> {
  const { rows } = await pool().query<UsageRow>(
    `select floor((extract(epoch from at)::float8 * 1000 - $2) / $3)::int as bucket,
       sum(cpu_share * heartbeats) / sum(heartbeats) as "cpuShare", max(resident_bytes)::float8 as "residentBytes"
     from agent_usage
     where host_id = $1 and at >= to_timestamp($2::float8 / 1000)
       and at < to_timestamp(($2::float8 + $3::float8 * $4::int) / 1000) group by 1`,
    [hostId, cut.fromMs, cut.bucketMs, cut.count],
  );
  return rows;
}

export type IncarnationRow = {
  incarnation: string;
  startedAtMs: number;
  agentVersion: string;
  lastSequence: number;
};
export async function findIncarnations(hostId: number): Promise<IncarnationRow[]> {
  const { rows } = await pool().query<IncarnationRow>(
    `select id as incarnation, extract(epoch from started_at)::float8 * 1000 as "startedAtMs",
       agent_version as "agentVersion", acknowledged::float8 as "lastSequence"
     from incarnations where host_id = $1 order by started_at desc limit 50`,
    [hostId],
  );
  return rows;
}
