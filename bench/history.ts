/**
 * Fills a database with hours of a pretended fleet's history, as ingest would have left it: names, rows and
 * rollups by ingest's own code, gathered to a minute a COPY. Not through the ingest process itself: a batch a
 * transaction, ten million updates would take many times as long to store.
 */
import { randomUUID } from "node:crypto";
import type pg from "pg";
import { transaction } from "../apps/web/src/server/db.ts";
import { Summing } from "../apps/web/src/server/ingest/batch-sums.ts";
import type { Batch } from "../apps/web/src/server/ingest/decode.ts";
import type { Reporter } from "../apps/web/src/server/ingest/endpoints.ts";
import { Enricher } from "../apps/web/src/server/ingest/enrich.ts";
import { Partitions } from "../apps/web/src/server/ingest/partitions.ts";
import { totalsOf } from "../apps/web/src/server/ingest/rollup.ts";
import { storeRollups, storeTotals } from "../apps/web/src/server/ingest/rollup-store.ts";
import { DROP_TABLE, dropRows, FLOW_TABLE, flowRows } from "../apps/web/src/server/ingest/rows.ts";
import { copy } from "../apps/web/src/server/ingest/store.ts";
import type { Fleet } from "./fleet.ts";
import type { FlowMix } from "./flow-mix.ts";
import { type BatchContent, HostBatch, headOf } from "./host-batch.ts";
import { RollupBuckets } from "./rollup-buckets.ts";

/** Longer than an agent's, so that there are fewer batches to make; the number of updates is the same. */
export const INTERVAL_US = 5_000_000;
const MINUTE_US = 60_000_000;
/** Of a COPY's message: signature, flags and extension length before the rows, the end mark after. */
const COPY_HEADER_BYTES = 19;
const COPY_END_BYTES = 2;

export type Filled = { updates: number; flows: number; drops: number; rollupRows: number };

export class History {
  readonly #pool: pg.Pool;
  readonly #fleet: Fleet;
  readonly #mix: FlowMix;
  readonly #partitions: Partitions;
  readonly #enricher: Enricher;
  readonly #buckets = new RollupBuckets();
  readonly #sums: Summing;
  readonly #nameIds = new Map<string, number>();
  readonly #incarnation = randomUUID();
  #hosts: Reporter[] = [];
  #batches: { id: number; hostId: number; content: BatchContent }[] = [];
  #flowParts: Buffer[] = [];
  #dropParts: Buffer[] = [];
  #nextId = 1;
  #written: Promise<void> = Promise.resolve();
  readonly filled: Filled = { updates: 0, flows: 0, drops: 0, rollupRows: 0 };

  constructor(pool: pg.Pool, fleet: Fleet, mix: FlowMix) {
    this.#pool = pool;
    this.#fleet = fleet;
    this.#mix = mix;
    this.#partitions = new Partitions(pool);
    this.#enricher = new Enricher(pool);
    this.#sums = new Summing(pool);
  }

  /** Whole minutes; one batch a host and interval. */
  async fill(fromUs: number, toUs: number): Promise<Filled> {
    await this.#partitions.refresh();
    for (const name of this.#fleet.hosts) this.#hosts.push(await this.#host(name, fromUs));
    for (let at = fromUs; at < toUs; at += INTERVAL_US) {
      await this.#interval(at, at + INTERVAL_US);
      if ((at + INTERVAL_US) % MINUTE_US === 0) await this.#minute(at + INTERVAL_US);
    }
    await this.#minute(toUs);
    await this.#written;
    await this.#pool.query("select setval('batches_id_seq', $1)", [this.#nextId]);
    await this.#pool.query("vacuum analyze");
    return this.filled;
  }

  async #host(name: string, sinceUs: number): Promise<Reporter> {
    const { rows } = await this.#pool.query<{ id: number }>(
      "insert into hosts (name, credential_hash, hello_at, heartbeat_at) values ($1, $1, now(), now()) returning id",
      [name],
    );
    const hostId = rows[0]?.id as number;
    await this.#pool.query(
      "insert into incarnations (host_id, id, started_at) values ($1, $2, to_timestamp($3::float8 / 1e6))",
      [hostId, this.#incarnation, sinceUs],
    );
    return { hostId, hostName: name };
  }

  async #interval(fromUs: number, toUs: number): Promise<void> {
    const writers = this.#fleet.hosts.map((_, host) => new HostBatch(this.#fleet.podsOf(host), 5000));
    this.#mix.interval(fromUs, toUs, (sighting) => {
      writers[sighting.observer.host]?.add(sighting, fromUs);
      if (sighting.row.firstSeen >= fromUs) this.filled.flows++;
    });
    for (const [host, writer] of writers.entries())
      if (writer.rows > 0) await this.#batch(host, writer.take(toUs));
  }

  async #batch(host: number, content: BatchContent): Promise<void> {
    const from = this.#hosts[host] as Reporter;
    const id = this.#nextId++;
    const batch: Batch = {
      head: headOf(content, { incarnation: this.#incarnation, sequence: id }),
      flows: content.flows,
      drops: content.drops,
      translations: content.translations,
      services: content.services,
    };
    const atMs = content.to / 1000;
    const ids = await this.#enricher.identify(batch, from, atMs);
    const names = this.#enricher.resolve(batch, from, ids);
    const { finest, nameIds, countedNames } = await this.#sums.of(batch, from.hostId, names);
    for (const [name, nameId] of nameIds) this.#nameIds.set(name, nameId);
    const stamp = { batchId: id, hostId: from.hostId };
    this.#batches.push({ id, hostId: from.hostId, content });
    this.#flowParts.push(rowsIn(flowRows(batch, names, countedNames, stamp)));
    this.#dropParts.push(rowsIn(dropRows(batch, names, stamp)));
    this.#buckets.add(from.hostId, atMs, finest, this.#sums.cardinality);
    this.filled.updates += content.flowRows;
    this.filled.drops += content.dropRows;
  }

  /** Stored while the next minute is being made. */
  async #minute(endUs: number): Promise<void> {
    await this.#written;
    const [batches, flows, drops] = [this.#batches, this.#flowParts, this.#dropParts];
    const rollups = this.#buckets.take(endUs / 1000);
    this.#batches = [];
    this.#flowParts = [];
    this.#dropParts = [];
    this.#written = this.#store(batches, flows, drops, rollups);
    this.#written.catch(() => undefined); // told when it is awaited
  }

  async #store(
    batches: { id: number; hostId: number; content: BatchContent }[],
    flows: Buffer[],
    drops: Buffer[],
    rollups: ReturnType<RollupBuckets["take"]>,
  ): Promise<void> {
    for (const { content } of batches) await this.#partitions.ensure(content.to / 1000, () => 0);
    await transaction(
      async (connection) => {
        await copy(connection, "flow_updates", FLOW_TABLE, message(flows));
        await copy(connection, "drop_updates", DROP_TABLE, message(drops));
        for (const bucket of rollups) {
          await storeRollups(connection, bucket.hostId, [bucket], this.#nameIds);
          await storeTotals(connection, bucket.hostId, [bucket], totalsOf(bucket.rows));
          this.filled.rollupRows += bucket.rows.length;
        }
        await connection.query(
          `insert into batches (id, host_id, incarnation, sequence, from_at, to_at, received_at, flow_rows, drop_rows)
           select id, host, $1, id, to_timestamp(f / 1e6), to_timestamp(t / 1e6), to_timestamp(t / 1e6), flows, drops
           from unnest($2::int8[], $3::int4[], $4::float8[], $5::float8[], $6::int4[], $7::int4[])
             as b (id, host, f, t, flows, drops)`,
          [
            this.#incarnation,
            batches.map((b) => b.id),
            batches.map((b) => b.hostId),
            ...(["from", "to", "flowRows", "dropRows"] as const).map((key) =>
              batches.map((b) => b.content[key]),
            ),
          ],
        );
      },
      { pool: this.#pool },
    );
  }
}

const rowsIn = (copied: Buffer): Buffer => copied.subarray(COPY_HEADER_BYTES, copied.length - COPY_END_BYTES);

/** One message of the rows of many. */
function message(parts: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(COPY_HEADER_BYTES);
  header.write("PGCOPY\n\xff\r\n\0", "latin1");
  return Buffer.concat([header, ...parts, Buffer.from([0xff, 0xff])]);
}
