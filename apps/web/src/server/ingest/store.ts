/**
 * One batch, exactly once: its key, rows, rollups, losses and watermark in one transaction, committed to
 * disk before the answer. The second arrival of a batch finds its key, or the watermark past it, and is answered
 * without being stored. What is prepared (names, partitions) was written before and harms nobody if unused.
 */
import type { PushOutput } from "@millrace/contract/batch";
import type { Retention } from "@millrace/contract/setting";
import type pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { type Connection, transaction } from "../db.ts";
import { closeBatch, insertLosses, insertRefused, type Opened, openBatch } from "./batch-key.ts";
import { Summing } from "./batch-sums.ts";
import type { Batch } from "./decode.ts";
import type { Reporter } from "./endpoints.ts";
import { Enricher, type Ids, type Names } from "./enrich.ts";
import { claimHidden, HIDDEN_PER_HOUR, leaveHidden } from "./hidden-sources.ts";
import { HOUR_MS, NameBudgets } from "./name-budget.ts";
import type { TableName } from "./partition-slot.ts";
import type { Partitions } from "./partitions.ts";
import { oldestKeptMs } from "./retention.ts";
import { admitted, ROLLUP_WIDTHS, type TotalRow, totalsOf } from "./rollup.ts";
import type { RollupCardinality } from "./rollup-cardinality.ts";
import { type NameIds, type RollupPart, storeRollups, storeTotals } from "./rollup-store.ts";
import {
  type CountedNames,
  DROP_TABLE,
  dropRows,
  ENDPOINT_TABLE,
  endpointRows,
  FLOW_TABLE,
  flowRows,
} from "./rows.ts";

export type Stored = Pick<PushOutput, "acknowledged" | "duplicate"> & {
  readonly lateRows: number;
  /** Updates whose other observer counts too, for want of budget. */
  readonly refusedHidden: number;
  /** Of the transaction, its commit included. */
  readonly writeMs: number;
};
type Prepared = {
  readonly names: Names;
  readonly rollups: readonly RollupPart[];
  readonly totals: readonly TotalRow[];
  readonly nameIds: NameIds;
  readonly countedNames: CountedNames;
  readonly late: ReadonlySet<TableName>;
};

/** What Postgres says when a row's partition is gone: check_violation, no partition of relation found. */
const NO_PARTITION = "23514";

export class BatchStore {
  readonly enricher: Enricher;
  readonly #pool: pg.Pool;
  readonly #partitions: Partitions;
  readonly #retention: () => Retention;
  readonly #sums: Summing;
  readonly #hiddenBudgets: NameBudgets;

  constructor(pool: pg.Pool, partitions: Partitions, retention: () => Retention, hidden = HIDDEN_PER_HOUR) {
    this.#hiddenBudgets = new NameBudgets(hidden, HOUR_MS);
    this.#pool = pool;
    this.#partitions = partitions;
    this.#retention = retention;
    this.enricher = new Enricher(pool);
    this.#sums = new Summing(pool);
  }
  get cardinality(): RollupCardinality {
    return this.#sums.cardinality;
  }

  async store(batch: Batch, from: Reporter, nowMs: number): Promise<Stored> {
    const ids = await this.enricher.identify(batch, from, nowMs);
    try {
      return await this.#write(batch, from, ids, nowMs);
    } catch (error) {
      if ((error as { code?: string }).code !== NO_PARTITION) throw error;
      await this.#partitions.refresh(); // dropped meanwhile: what it held is late now
      return this.#write(batch, from, ids, nowMs);
    }
  }

  async #write(batch: Batch, from: Reporter, ids: Ids, nowMs: number): Promise<Stored> {
    const late = await this.#partitions.ensure(batch.head.to / 1000, (table) =>
      oldestKeptMs(table, this.#retention(), nowMs),
    );
    const startedAt = performance.now();
    const stored = await transaction(
      async (connection) => {
        await this.enricher.coverage.hold(connection);
        const opened = await openBatch(connection, batch.head, from, countLate(batch, late));
        const { acknowledged, id } = opened;
        if (id === undefined) return { acknowledged, duplicate: true, lateRows: 0, refusedHidden: 0 };
        const names = this.enricher.resolve(batch, from, ids);
        await leaveHidden(connection, batch, names);
        const budget = this.#hiddenBudgets.of(from.hostId, nowMs);
        const refused = await claimHidden(connection, batch, names.pairKeys, budget);
        if (refused > 0) await insertRefused(connection, batch.head, from.hostId, refused);
        const prepared = await this.#prepare(batch, from, names, late, nowMs);
        const filled = await this.#fill(connection, batch, from, prepared, opened, id);
        return { ...filled, refusedHidden: refused };
      },
      { pool: this.#pool },
    );
    return { ...stored, writeMs: performance.now() - startedAt };
  }

  /** What who is where and who counts makes of the sums. Held: see coverage-store.ts. */
  async #prepare(
    batch: Batch,
    from: Reporter,
    names: Names,
    late: ReadonlySet<TableName>,
    nowMs: number,
  ): Promise<Prepared> {
    const atMs = batch.head.to / 1000;
    const budget = this.enricher.budget(from.hostId, nowMs);
    const { finest, nameIds, countedNames } = await this.#sums.of(batch, from.hostId, names, budget);
    const rollups = ROLLUP_WIDTHS.filter(({ table }) => !late.has(table)).map(({ table, total, ms }) => {
      const bucketMs = Math.floor(atMs / ms) * ms;
      const rows = admitted(finest, `${table} ${from.hostId} ${bucketMs}`, this.cardinality);
      return { table, bucketMs, rows, hasTotal: !late.has(total) };
    });
    return { names, rollups, totals: totalsOf(finest), nameIds, countedNames, late };
  }

  async #fill(
    connection: Connection,
    batch: Batch,
    from: Reporter,
    prepared: Prepared,
    opened: Opened,
    batchId: number,
  ): Promise<Omit<Stored, "writeMs" | "refusedHidden">> {
    const { head } = batch;
    const { rollups, nameIds, totals } = prepared;
    const lateRows = countLate(batch, prepared.late);
    await copyRows(connection, batch, prepared, { batchId, hostId: from.hostId });
    await storeRollups(connection, from.hostId, rollups, nameIds);
    await insertLosses(connection, head, from.hostId);
    if (lateRows > 0) await addTally(connection, "late_rows", lateRows);
    await storeTotals(connection, from.hostId, rollups, totals);
    const reached = await closeBatch(connection, head, from.hostId, opened);
    return { acknowledged: reached, duplicate: false, lateRows };
  }
}

function countLate({ head }: Batch, late: ReadonlySet<TableName>): number {
  const flows = late.has("flow_updates") ? head.flowRows : 0;
  return flows + (late.has("drop_updates") ? head.dropRows : 0);
}

async function copyRows(
  connection: Connection,
  batch: Batch,
  { names, countedNames, late }: Prepared,
  stamp: { batchId: number; hostId: number },
): Promise<void> {
  if (batch.head.flowRows > 0 && !late.has("flow_updates"))
    await copy(connection, "flow_updates", FLOW_TABLE, flowRows(batch, names, countedNames, stamp));
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

async function addTally(connection: Connection, name: string, count: number): Promise<void> {
  await connection.query(
    `insert into tallies (name, value) values ($1, $2)
     on conflict (name) do update set value = tallies.value + excluded.value`,
    [name, count],
  );
}
