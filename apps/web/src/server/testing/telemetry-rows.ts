/**
 * Telemetry as ingest would have stored it, for tests of what reads it: rows with defaults, written by plain
 * SQL into one partition that takes everything. Test material; nothing of the product imports it.
 */
import { pool, type Queryable } from "../db.ts";

export type UpdateRow = {
  ts: number;
  batch_id: number;
  host_id: number;
  flow_id: string;
  first_seen: number;
  last_seen: number;
  pair_key: string;
  src: string;
  dst: string;
  src_port: number;
  dst_port: number;
  proto: number;
  vlan: number;
  observer: number;
  opener_known: boolean;
  counted: boolean;
  verdict: number;
  reason_id: number | null;
  drops: number;
  fwd_packets: number;
  fwd_segments: number;
  fwd_bytes: number;
  rev_packets: number;
  rev_segments: number;
  rev_bytes: number;
  fwd_flags: number;
  rev_flags: number;
  tcp_state: number;
  rtt_us: number | null;
  rtt_min_us: number | null;
  retransmits: number;
  opens: number;
  isn: number;
  src_workload: number | null;
  dst_workload: number | null;
  endpoint_id: number;
  final: boolean;
  counted_src: number | null;
  counted_dst: number | null;
  nat_src: string | null;
  nat_dst: string | null;
  nat_src_port: number | null;
  nat_dst_port: number | null;
  way: number | null;
  slow_packets: number | null;
  rule: number | null;
  revision: number | null;
  asked_service: number | null;
};

export const START_US = Date.UTC(2026, 10, 23, 12) * 1000;

export const anUpdate = (over: Partial<UpdateRow>): UpdateRow => {
  const ts = over.ts ?? START_US;
  return {
    ...{ ts, batch_id: 1, host_id: 1, flow_id: "018f0000-0000-7000-8000-000000000001" },
    ...{ first_seen: ts - 500_000, last_seen: ts, pair_key: "1", src: "10.0.0.1", dst: "10.0.0.2" },
    ...{ src_port: 40_000, dst_port: 80, proto: 6, vlan: 0, observer: 0, opener_known: true, counted: true },
    ...{ verdict: 0, reason_id: null, drops: 0, fwd_packets: 1, fwd_segments: 1, fwd_bytes: 100 },
    ...{ rev_packets: 1, rev_segments: 1, rev_bytes: 200, fwd_flags: 2, rev_flags: 18, tcp_state: 2 },
    ...{ rtt_us: null, rtt_min_us: null, retransmits: 0, opens: 1, isn: 0 },
    ...{ src_workload: null, dst_workload: null, endpoint_id: 1, final: false },
    ...{ counted_src: null, counted_dst: null },
    ...{ nat_src: null, nat_dst: null, nat_src_port: null, nat_dst_port: null },
    ...{ way: null, slow_packets: null, rule: null, revision: null, asked_service: null },
    ...over,
  };
};

const TIMES = ["ts", "first_seen", "last_seen"] as const;
const iso = (us: number) =>
  `${new Date(Math.floor(us / 1000)).toISOString().slice(0, -1)}${String(us % 1000).padStart(3, "0")}Z`;

export async function makePartitions(): Promise<void> {
  for (const table of [
    "flow_updates",
    "drop_updates",
    "endpoint_updates",
    "rollup_10s",
    "rollup_1m",
    "rollup_1h",
    "total_10s",
    "total_1m",
    "total_1h",
  ])
    await pool().query(`create table if not exists ${table}_all partition of ${table} default`);
}

export async function insertUpdates(rows: readonly UpdateRow[], on: Queryable = pool()): Promise<void> {
  const json = JSON.stringify(
    rows.map((row) => ({ ...row, ...Object.fromEntries(TIMES.map((t) => [t, iso(row[t])])) })),
  );
  await on.query("insert into flow_updates select * from json_populate_recordset(null::flow_updates, $1)", [
    json,
  ]);
}

/** A host by name, simulated or not; its id. */
export async function insertHost(name: string): Promise<number> {
  const { rows } = await pool().query(
    "insert into hosts (name, credential_hash, hello_at) values ($1, $1, now()) returning id",
    [name],
  );
  return rows[0].id;
}

export type WorkloadFields = {
  kind: string;
  host_id: number | null;
  namespace: string | null;
  pod: string | null;
  container: string | null;
  service: string | null;
  labels: Record<string, string>;
};
export async function insertWorkload(fields: Partial<WorkloadFields>): Promise<number> {
  const w = {
    kind: "pod",
    host_id: null,
    namespace: null,
    pod: null,
    container: null,
    service: null,
    ...fields,
  };
  const { rows } = await pool().query(
    `insert into workloads (hash, kind, host_id, namespace, pod, container, service, labels)
     values (gen_random_uuid()::text, $1, $2, $3, $4, $5, $6, $7) returning id`,
    [w.kind, w.host_id, w.namespace, w.pod, w.container, w.service, JSON.stringify(fields.labels ?? {})],
  );
  return rows[0].id;
}

/** Named or, without a name, nobody's. */
export async function insertAskedService(address: string, port: number, name = ""): Promise<number> {
  const { rows } = await pool().query(
    "insert into asked_services (address, port, namespace, name) values ($1, $2, $3, $4) returning id",
    [address, port, name && "shop", name],
  );
  return rows[0].id;
}

export async function insertReason(name: string): Promise<number> {
  return (await pool().query("insert into drop_reasons (name) values ($1) returning id", [name])).rows[0].id;
}

/** A batch as one transaction of ingest writes it, not yet committed: `commit` does that. */
export async function openBatch(
  hostId: number,
  sequence: number,
  rows: readonly UpdateRow[],
): Promise<{ id: string; commit: () => Promise<void> }> {
  const on = await pool().connect();
  await on.query("begin");
  const to = Math.max(...rows.map((row) => row.ts));
  const { rows: made } = await on.query(
    `insert into batches (host_id, incarnation, sequence, from_at, to_at, flow_rows, drop_rows)
     values ($1, '018f0000-0000-7000-8000-00000000000a', $2, $3, $4, $5, 0) returning id`,
    [hostId, sequence, iso(to - 1_000_000), iso(to), rows.length],
  );
  const { id } = made[0];
  await insertUpdates(
    rows.map((row) => ({ ...row, batch_id: Number(id), host_id: hostId })),
    on,
  );
  await on.query("select pg_notify('millrace_batches', $1)", [id]);
  return {
    id,
    commit: async () => {
      await on.query("commit");
      on.release();
    },
  };
}
