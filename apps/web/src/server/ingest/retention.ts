/**
 * Forgetting: whole partitions, the oldest first, by age and by bytes; then the small rows that only made
 * sense with them. A drop waits for its lock for a moment only and is tried again at the next round, so that
 * ingest never queues behind it. What comes later for a dropped partition is counted (store.ts).
 */
import type { Retention } from "@millrace/contract/setting";
import type pg from "pg";
import { transaction } from "../db.ts";
import { PARTITIONED, type PartitionedTable, type Slot, type TableName } from "./partition-slot.ts";
import { DDL_LOCK, type Partitions } from "./partitions.ts";

const DAY_MS = 86_400_000;
/** Rollups by minutes are kept for the setting's days, but not beyond a quarter. */
const MOST_MINUTE_DAYS = 92;
const LOCK_WAIT = "500ms";
const CHUNK = 20_000;
/** Keys of batches are needed for as long as an agent may send one again. */
const LEAST_BATCH_DAYS = 8;

export function oldestKeptMs(table: PartitionedTable, retention: Retention, nowMs: number): number {
  const days = {
    raw: retention.rawDays,
    minutes: Math.max(retention.rawDays, Math.min(retention.rollupDays, MOST_MINUTE_DAYS)),
    hours: Math.max(retention.rawDays, retention.rollupDays),
  }[table.keep];
  return nowMs - days * DAY_MS;
}

type Candidate = { readonly table: PartitionedTable; readonly slot: Slot; readonly bytes: number };
export type Victim = Candidate & { readonly why: "age" | "bytes" };

/** Pure: what must go, oldest first. A partition that may still be written to stays. */
export function victims(all: readonly Candidate[], retention: Retention, nowMs: number): Victim[] {
  const old = all.filter((c) => c.slot.toMs <= oldestKeptMs(c.table, retention, nowMs));
  const left = all
    .filter((c) => !old.includes(c) && c.table.keep === "raw")
    .sort((a, b) => a.slot.toMs - b.slot.toMs);
  let bytes = left.reduce((sum, c) => sum + c.bytes, 0);
  const over: Candidate[] = [];
  for (const candidate of left) {
    if (bytes <= retention.rawBytes || candidate.slot.toMs > nowMs) break;
    over.push(candidate);
    bytes -= candidate.bytes;
  }
  const because = (why: Victim["why"]) => (c: Candidate) => ({ ...c, why });
  return [...old.map(because("age")), ...over.map(because("bytes"))];
}

export class RetentionSweep {
  readonly #pool: pg.Pool;
  readonly #partitions: Partitions;
  readonly #forgotten: (hostId: number, endpointUid: string) => void;

  constructor(
    pool: pg.Pool,
    partitions: Partitions,
    forgotten: (hostId: number, endpointUid: string) => void = () => {},
  ) {
    this.#pool = pool;
    this.#partitions = partitions;
    this.#forgotten = forgotten;
  }

  /** One round. Returns what was dropped; what couldn't be locked stays for the next. */
  async run(retention: Retention, nowMs: number): Promise<Victim[]> {
    await this.#partitions.refresh();
    const dropped: Victim[] = [];
    const blocked = new Set<string>();
    for (const victim of victims(await this.#measured(), retention, nowMs)) {
      if (blocked.has(victim.table.table)) continue;
      if (await this.#drop(victim)) dropped.push(victim);
      else blocked.add(victim.table.table); // waiting again would hold ingest up again
    }
    await this.#prune(retention, nowMs);
    return dropped;
  }

  async #measured(): Promise<Candidate[]> {
    const { rows } = await this.#pool.query<{ name: string; bytes: number }>(
      `select relname as name, pg_total_relation_size(oid)::float8 as bytes
       from pg_class where relnamespace = 'partitions'::regnamespace and relkind = 'r'`,
    );
    const bytes = new Map(rows.map((row) => [row.name, row.bytes]));
    return PARTITIONED.flatMap((table) =>
      this.#partitions.list(table).map((slot) => ({ table, slot, bytes: bytes.get(slot.name) ?? 0 })),
    );
  }

  async #drop({ table, slot }: Victim): Promise<boolean> {
    const name = table.table as TableName;
    try {
      await transaction(
        async (connection) => {
          await connection.query(`set local lock_timeout = '${LOCK_WAIT}'`);
          await connection.query("select pg_advisory_xact_lock($1)", [DDL_LOCK]);
          await connection.query(`drop table if exists partitions.${slot.name}`);
          await connection.query(
            `insert into tallies (name, value) values ($1, $2)
             on conflict (name) do update set value = greatest(tallies.value, excluded.value)`,
            [`kept-from:${name}`, slot.toMs],
          );
        },
        { pool: this.#pool },
      );
    } catch (error) {
      if ((error as { code?: string }).code === "55P03") return false; // lock not available
      throw error;
    }
    this.#partitions.dropped(name, slot);
    return true;
  }

  async #prune(retention: Retention, nowMs: number): Promise<void> {
    const [oldestFlow] = this.#partitions.list(PARTITIONED[0]);
    const rawMs = Math.max(oldestFlow?.fromMs ?? 0, nowMs - retention.rawDays * DAY_MS);
    const batchMs = Math.min(rawMs, nowMs - LEAST_BATCH_DAYS * DAY_MS);
    const rollupMs = nowMs - retention.rollupDays * DAY_MS;
    // What the watermark hasn't passed still tells a batch that came twice.
    await this.#delete(
      `batches where id in (select o.id from hosts h cross join lateral (
         select b.id from batches b join incarnations i on i.host_id = b.host_id and i.id = b.incarnation
         where b.host_id = h.id and b.sequence <= i.acknowledged and b.to_at < to_timestamp($1::float8 / 1000)
         order by b.to_at limit ${CHUNK}) o)`,
      batchMs,
    );
    await this.#delete(
      "agent_usage where at < to_timestamp($1::float8 / 1000)",
      nowMs - retention.rawDays * DAY_MS,
    );
    await this.#delete("losses where at < to_timestamp($1::float8 / 1000)", rollupMs);
    await this.#delete(
      `trace_events e using trace_sessions s where s.id = e.session_id and s.state = 'done' and e.id in
         (select id from trace_events where at < to_timestamp($1::float8 / 1000) limit ${CHUNK})`,
      nowMs - retention.rawDays * DAY_MS,
    );
    await this.#delete(
      "trace_sessions where state = 'done' and created_at < to_timestamp($1::float8 / 1000)",
      rollupMs,
    );
    const gone = await this.#pool.query<{ host_id: number; uid: string }>(
      `delete from endpoints where last_seen < to_timestamp($1::float8 / 1000) returning host_id, uid`,
      [Math.min(rawMs, batchMs) - DAY_MS],
    );
    for (const row of gone.rows) this.#forgotten(row.host_id, row.uid);
  }
  async #delete(what: string, beforeMs: number): Promise<void> {
    await this.#pool.query(`delete from ${what}`, [beforeMs]);
  }
}
