/**
 * Makes partitions ahead of time and on demand, and knows which exist and from when on a table is kept. A
 * partition is made apart and attached, which blocks neither readers nor writers. Dropping is retention.ts's.
 */
import type pg from "pg";
import { type Connection, transaction } from "../db.ts";
import {
  PARTITIONED,
  type PartitionedTable,
  type Slot,
  slotAt,
  slotOf,
  slotsBetween,
  type TableName,
} from "./partition-slot.ts";

const AHEAD_MS = 3 * 3_600_000;
/** Partitions are made and dropped by one process at a time. */
export const DDL_LOCK = 0x6d72_0001;

export class Partitions {
  readonly #pool: pg.Pool;
  #existing = new Set<string>();
  #keptFromMs = new Map<TableName, number>();

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  /** Reads anew what exists: at start, and when a statement met another state than we knew. */
  async refresh(): Promise<void> {
    const { rows } = await this.#pool.query<{ name: string }>(
      `select c.relname as name from pg_inherits i
       join pg_class c on c.oid = i.inhrelid join pg_class p on p.oid = i.inhparent
       where p.relname = any($1::text[]) and not i.inhdetachpending`,
      [PARTITIONED.map((t) => t.table)],
    );
    const kept = await this.#pool.query<{ name: string; value: string }>(
      "select name, value from tallies where name like 'kept-from:%'",
    );
    this.#existing = new Set(rows.map((row) => row.name));
    for (const row of kept.rows)
      this.#keptFromMs.set(row.name.slice("kept-from:".length) as TableName, Number(row.value));
  }

  /** What is to come in the next hours. */
  async makeAhead(nowMs: number): Promise<void> {
    for (const table of PARTITIONED) await this.#make(table, slotsBetween(table, nowMs, nowMs + AHEAD_MS));
  }

  /** Makes what a batch of this moment needs; the answer names the tables that no longer keep it. */
  async ensure(atMs: number, oldestMs: (table: PartitionedTable) => number): Promise<ReadonlySet<TableName>> {
    const late = new Set<TableName>();
    for (const table of PARTITIONED) {
      const slot = slotAt(table, atMs);
      const keptFrom = Math.max(this.#keptFromMs.get(table.table) ?? 0, oldestMs(table));
      if (this.#existing.has(slot.name)) continue;
      if (slot.toMs <= keptFrom || slot.fromMs < (this.#keptFromMs.get(table.table) ?? 0))
        late.add(table.table);
      else await this.#make(table, [slot]);
    }
    return late;
  }

  /** After a drop: what is older comes too late. */
  dropped(table: TableName, slot: Slot): void {
    this.#existing.delete(slot.name);
    this.#keptFromMs.set(table, Math.max(this.#keptFromMs.get(table) ?? 0, slot.toMs));
  }
  list(table: PartitionedTable): Slot[] {
    return [...this.#existing]
      .flatMap((name) => slotOf(table, name) ?? [])
      .sort((a, b) => a.fromMs - b.fromMs);
  }

  async #make(table: PartitionedTable, slots: readonly Slot[]): Promise<void> {
    const missing = slots.filter((slot) => !this.#existing.has(slot.name));
    if (missing.length === 0) return;
    await transaction(
      async (connection) => {
        await connection.query("select pg_advisory_xact_lock($1)", [DDL_LOCK]);
        await connection.query("set local lock_timeout = '10s'");
        for (const slot of missing) await attach(connection, table, slot);
      },
      { pool: this.#pool },
    );
    for (const slot of missing) this.#existing.add(slot.name);
  }
}

/** Names and bounds come from our own table and clock, never from outside. */
async function attach(connection: Connection, table: PartitionedTable, slot: Slot): Promise<void> {
  const name = `partitions.${slot.name}`;
  const { rows } = await connection.query<{ there: boolean }>("select to_regclass($1) is not null as there", [
    name,
  ]);
  if (rows[0]?.there) return;
  const bound = (ms: number) => `'${new Date(ms).toISOString()}'`;
  await connection.query(
    `create table ${name} (like ${table.table} including defaults) with (fillfactor = ${table.fillfactor})`,
  );
  await connection.query(
    `alter table ${table.table} attach partition ${name} for values from (${bound(slot.fromMs)}) to (${bound(slot.toMs)})`,
  );
}
