/**
 * One batch, exactly once: its key, rows, rollups, losses and watermark in one transaction, committed to
 * disk before the answer. The second arrival of a batch finds its key, or the watermark past it, and is answered
 * without being stored. What is prepared (names, partitions) was written before and harms nobody if unused.
 */
import type { Loss, PushOutput } from "@millrace/contract/batch";
import { AppError } from "@millrace/contract/error";
import type { Retention } from "@millrace/contract/setting";
import type pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { notify } from "../bus.ts";
import { type Connection, transaction } from "../db.ts";
import type { Batch } from "./decode.ts";
import type { Reporter } from "./endpoints.ts";
import { Enricher, type Names } from "./enrich.ts";
import { rollupNameInterner } from "./names.ts";
import type { TableName } from "./partition-slot.ts";
import type { Partitions } from "./partitions.ts";
import { oldestKeptMs } from "./retention.ts";
import { addUp, admitted, peerBytes, ROLLUP_WIDTHS, type RollupRow } from "./rollup.ts";
import { RollupCardinality } from "./rollup-cardinality.ts";
import { type NameIds, rollupNameIds, storeRollup } from "./rollup-store.ts";
import { DROP_TABLE, dropRows, ENDPOINT_TABLE, endpointRows, FLOW_TABLE, flowRows } from "./rows.ts";
import { advance } from "./watermark.ts";

export type Stored = Pick<PushOutput, "acknowledged" | "duplicate"> & {
  readonly lateRows: number;
  readonly writeMs: number;
};
type Prepared = {
  readonly names: Names;
  readonly rollups: readonly { width: (typeof ROLLUP_WIDTHS)[number]; bucketMs: number; rows: RollupRow[] }[];
  readonly nameIds: NameIds;
  readonly late: ReadonlySet<TableName>;
};

/** What Postgres says when a row's partition is gone: check_violation, no partition of relation found. */
const NO_PARTITION = "23514";
/** More settled sequences than this beyond a gap are looked at when the gap has moved. */
const LOOK_AHEAD = 10_000;

export class BatchStore {
  readonly enricher: Enricher;
  readonly cardinality = new RollupCardinality();
  readonly #pool: pg.Pool;
  readonly #partitions: Partitions;
  readonly #retention: () => Retention;
  readonly #rollupNames;

  constructor(pool: pg.Pool, partitions: Partitions, retention: () => Retention) {
    this.#pool = pool;
    this.#partitions = partitions;
    this.#retention = retention;
    this.enricher = new Enricher(pool);
    this.#rollupNames = rollupNameInterner(pool);
  }

  async store(batch: Batch, from: Reporter, nowMs: number): Promise<Stored> {
    const names = await this.enricher.enrich(batch, from, nowMs);
    try {
      return await this.#write(batch, from, await this.#prepare(batch, from, names, nowMs));
    } catch (error) {
      if ((error as { code?: string }).code !== NO_PARTITION) throw error;
      await this.#partitions.refresh(); // dropped meanwhile: what it held is late now
      return this.#write(batch, from, await this.#prepare(batch, from, names, nowMs));
    }
  }

  async #prepare(batch: Batch, from: Reporter, names: Names, nowMs: number): Promise<Prepared> {
    const atMs = batch.head.to / 1000;
    const late = await this.#partitions.ensure(atMs, (table) =>
      oldestKeptMs(table, this.#retention(), nowMs),
    );
    const peers = this.cardinality.namedPeers(from.hostId, atMs, peerBytes(batch, names));
    const finest = addUp(batch, names, peers);
    const rollups = ROLLUP_WIDTHS.map((width) => {
      const bucketMs = Math.floor(atMs / width.ms) * width.ms;
      const bucket = `${width.table} ${from.hostId} ${bucketMs}`;
      return { width, bucketMs, rows: admitted(finest, bucket, this.cardinality) };
    });
    const nameIds = await rollupNameIds(
      this.#rollupNames,
      rollups.flatMap((r) => r.rows),
    );
    return { names, rollups, nameIds, late };
  }

  #write(batch: Batch, from: Reporter, prepared: Prepared): Promise<Stored> {
    const startedAt = performance.now();
    return transaction(
      async (connection) => {
        await connection.query("set local synchronous_commit = on");
        const acknowledged = await lockIncarnation(connection, batch, from);
        const lateRows = countLate(batch, prepared.late);
        const id =
          batch.head.sequence > acknowledged
            ? await insertKey(connection, batch, from.hostId, lateRows)
            : undefined;
        if (id === undefined) return { acknowledged, duplicate: true, lateRows: 0, writeMs: 0 };
        await copyRows(connection, batch, prepared, { batchId: id, hostId: from.hostId });
        for (const { width, bucketMs, rows } of prepared.rollups)
          if (!prepared.late.has(width.table))
            await storeRollup(
              connection,
              width.table,
              { bucketMs, hostId: from.hostId },
              rows,
              prepared.nameIds,
            );
        await insertLosses(connection, batch, from.hostId);
        if (lateRows > 0) await addTally(connection, "late_rows", lateRows);
        const reached = await moveWatermark(connection, batch, from.hostId, acknowledged);
        await notify(connection, "millrace_batches", String(id));
        return { acknowledged: reached, duplicate: false, lateRows, writeMs: performance.now() - startedAt };
      },
      { pool: this.#pool },
    );
  }
}

/** Locks what only one batch of an incarnation may change at a time; a revoked host gets no further. */
async function lockIncarnation(connection: Connection, { head }: Batch, from: Reporter): Promise<number> {
  const host = await connection.query<{ revoked: boolean }>(
    "select revoked_at is not null as revoked from hosts where id = $1 for key share",
    [from.hostId],
  );
  if (host.rows[0]?.revoked !== false)
    throw new AppError("UNAUTHENTICATED", `host ${from.hostName} is revoked or unknown`);
  const { rows } = await connection.query<{ acknowledged: string }>(
    `insert into incarnations as i (host_id, id) values ($1, $2)
     on conflict (host_id, id) do update set acknowledged = i.acknowledged returning acknowledged`,
    [from.hostId, head.incarnation],
  );
  return Number(rows[0]?.acknowledged);
}

/** undefined: the batch is there already. */
async function insertKey(
  connection: Connection,
  { head }: Batch,
  hostId: number,
  lateRows: number,
): Promise<number | undefined> {
  const { rows } = await connection.query<{ id: string }>(
    `insert into batches (host_id, incarnation, sequence, from_at, to_at, flow_rows, drop_rows, late_rows)
     values ($1, $2, $3, 'epoch'::timestamptz + $4 * interval '1 microsecond',
       'epoch'::timestamptz + $5 * interval '1 microsecond', $6, $7, $8)
     on conflict (host_id, incarnation, sequence) do nothing returning id`,
    [hostId, head.incarnation, head.sequence, head.from, head.to, head.flowRows, head.dropRows, lateRows],
  );
  return rows[0] && Number(rows[0].id);
}

function countLate({ head }: Batch, late: ReadonlySet<TableName>): number {
  const flows = late.has("flow_updates") ? head.flowRows : 0;
  return flows + (late.has("drop_updates") ? head.dropRows : 0);
}

async function copyRows(
  connection: Connection,
  batch: Batch,
  { names, late }: Prepared,
  stamp: { batchId: number; hostId: number },
): Promise<void> {
  if (batch.head.flowRows > 0 && !late.has("flow_updates"))
    await copy(connection, "flow_updates", FLOW_TABLE, flowRows(batch, names, stamp));
  if (batch.head.dropRows > 0 && !late.has("drop_updates"))
    await copy(connection, "drop_updates", DROP_TABLE, dropRows(batch, names, stamp));
  if (batch.head.endpoints.length > 0 && !late.has("endpoint_updates")) {
    const endpoints = endpointRows(batch, names, stamp);
    if (endpoints.rows > 0) await copy(connection, "endpoint_updates", ENDPOINT_TABLE, endpoints.bytes);
  }
}

export function copy(
  connection: Connection,
  table: string,
  columns: readonly string[],
  bytes: Buffer,
): Promise<void> {
  const stream = connection.query(
    copyFrom(`copy ${table} (${columns.join(", ")}) from stdin (format binary)`),
  );
  return new Promise((resolve, reject) => {
    stream.once("error", reject);
    stream.once("finish", resolve);
    stream.end(bytes);
  });
}

/** A range of lost batches counts for the watermark if it lies before the batch that tells of it. */
const isGap = (loss: Loss, sequence: number): boolean =>
  loss.what === "batches" && loss.lastSequence !== null && loss.lastSequence < sequence;

async function insertLosses(connection: Connection, { head }: Batch, hostId: number): Promise<void> {
  const lost = head.lost.filter((loss) => loss.count > 0);
  if (lost.length === 0) return;
  const rows = lost.map((loss) => {
    const range = isGap(loss, head.sequence)
      ? { first: loss.firstSequence, last: loss.lastSequence }
      : { first: null, last: null };
    return { what: loss.what, count: loss.count, ...range };
  });
  await connection.query(
    `insert into losses (host_id, incarnation, at, what, count, first_sequence, last_sequence)
     select $1, $2, to_timestamp($3::float8 / 1e6), what, count, first, last
     from jsonb_to_recordset($4::jsonb) as l (what text, count int8, first int8, last int8)`,
    [hostId, head.incarnation, head.to, JSON.stringify(rows)],
  );
}

async function moveWatermark(
  connection: Connection,
  { head }: Batch,
  hostId: number,
  acknowledged: number,
): Promise<number> {
  const key = [hostId, head.incarnation, acknowledged];
  const stored = await connection.query<{ sequence: string }>(
    `select sequence from batches where host_id = $1 and incarnation = $2 and sequence > $3
     order by sequence limit ${LOOK_AHEAD}`,
    key,
  );
  const lost = await connection.query<{ first: string; last: string }>(
    `select first_sequence as first, last_sequence as last from losses
     where host_id = $1 and incarnation = $2 and last_sequence > $3 limit ${LOOK_AHEAD}`,
    key,
  );
  const reached = advance(
    acknowledged,
    stored.rows.map((row) => Number(row.sequence)),
    lost.rows.map((row) => ({ first: Number(row.first), last: Number(row.last) })),
  );
  if (reached > acknowledged)
    await connection.query("update incarnations set acknowledged = $3 where host_id = $1 and id = $2", [
      hostId,
      head.incarnation,
      reached,
    ]);
  return reached;
}

async function addTally(connection: Connection, name: string, count: number): Promise<void> {
  await connection.query(
    `insert into tallies (name, value) values ($1, $2)
     on conflict (name) do update set value = tallies.value + excluded.value`,
    [name, count],
  );
}
