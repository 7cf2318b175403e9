/**
 * How fast telemetry gets into the store: batches pushed over HTTP to the real ingest process, against plain
 * COPY of the very rows it stored into the very table, slice by slice in random order.
 * `node --import tsx bench/ingest.ts [pairs]`; the result is written to bench/results/ingest.json.
 */
import { randomUUID } from "node:crypto";
import { buffer } from "node:stream/consumers";
import pg from "pg";
import { from as copyFrom, to as copyTo } from "pg-copy-streams";
import { Fleet } from "./fleet.ts";
import { FlowMix } from "./flow-mix.ts";
import { type BatchContent, encoded, HostBatch } from "./host-batch.ts";
import { familyCpuSeconds } from "./process-time.ts";
import { Random } from "./random.ts";
import { type Finding, percentile, ratioOf, shown, writeResult } from "./result.ts";
import { buildPrograms, type Database, IngestProcess, openDatabase } from "./stage.ts";

const HOSTS = 4;
const SLICE_ROWS = 40_000;
const WARM_UP = 2;
const SECOND_US = 1_000_000;
const PAIRS = Number(process.argv[2] ?? 16);

type Batch = { host: number; content: BatchContent; copy: Buffer };
type Slice = Batch[];
type Measured = Awaited<ReturnType<typeof measure>>;
type Cost = { rows: number; seconds: number; ingest: number; postgres: number };
const none = (): Cost => ({ rows: 0, seconds: 0, ingest: 0, postgres: 0 });
const random = new Random(7);

/** Enough full batches of every host for all slices of one configuration. */
function makeSlices(fleet: Fleet, fromUs: number, batchRows: number, slices: number): Slice[] {
  const perHost = SLICE_ROWS / batchRows / HOSTS;
  const mix = new FlowMix(fleet, { newPerInterval: 4000 });
  const writers = fleet.hosts.map((_, host) => new HostBatch(fleet.podsOf(host), batchRows));
  const made: BatchContent[][] = writers.map(() => []);
  for (let at = fromUs; made.some((list) => list.length < perHost * slices); at += SECOND_US)
    mix.interval(at, at + SECOND_US, (sighting) => {
      const { host } = sighting.observer;
      const writer = writers[host] as HostBatch;
      writer.add(sighting, at);
      if (writer.full) made[host]?.push(writer.take(at + SECOND_US));
    });
  return Array.from({ length: slices }, (_, slice) =>
    Array.from({ length: perHost }, (_, i) => slice * perHost + i).flatMap((i) =>
      made.map((list, host) => ({ host, content: list[i] as BatchContent, copy: Buffer.alloc(0) })),
    ),
  );
}

class Contest {
  readonly #database: Database;
  readonly #ingest: IngestProcess;
  readonly #credentials: readonly string[];
  readonly #copiers: readonly pg.Client[];

  constructor(database: Database, ingest: IngestProcess, credentials: string[], copiers: pg.Client[]) {
    this.#database = database;
    this.#ingest = ingest;
    this.#credentials = credentials;
    this.#copiers = copiers;
  }

  /** Lets ingest store each batch once, and takes the rows out as COPY wants them. */
  async prepare(slices: readonly Slice[]): Promise<void> {
    const [client] = this.#copiers as [pg.Client];
    await this.#wipe(client);
    for (const slice of slices) {
      for (const batch of slice) {
        await this.#ingest.push(this.#credential(batch), encoded(batch.content, freshKey()));
        const { rows } = await client.query("select max(id) as id from batches");
        const out = `copy (select * from flow_updates where batch_id = ${Number(rows[0].id)}) to stdout (format binary)`;
        batch.copy = await buffer(client.query(copyTo(out)));
      }
    }
    await this.#wipe(client);
    await client.query("vacuum analyze");
    await client.query("checkpoint");
  }

  /** As many at a time as there are lanes: one of each host, as agents push. */
  async byIngest(slice: Slice, lanes: number): Promise<Cost> {
    const bodies = slice.map((batch) => ({ batch, body: encoded(batch.content, freshKey()) }));
    return this.#costOf(slice, () =>
      inLanes(bodies, lanes, async ({ batch, body }) => this.#ingest.push(this.#credential(batch), body)),
    );
  }
  async byCopy(slice: Slice, lanes: number): Promise<Cost> {
    return this.#costOf(slice, () =>
      inLanes(slice, lanes, (batch, lane) => copyInto(this.#copiers[lane] as pg.Client, batch.copy)),
    );
  }

  async #costOf(slice: Slice, work: () => Promise<void>): Promise<Cost> {
    const before = this.#cpu();
    const started = performance.now();
    await work();
    const seconds = (performance.now() - started) / 1000;
    const after = this.#cpu();
    const rows = slice.reduce((sum, batch) => sum + batch.content.flowRows, 0);
    return {
      rows,
      seconds,
      ingest: after.ingest - before.ingest,
      postgres: after.postgres - before.postgres,
    };
  }
  #cpu() {
    return { ingest: familyCpuSeconds(this.#ingest.pid), postgres: familyCpuSeconds(this.#database.pid) };
  }
  #credential(batch: Batch): string {
    return this.#credentials[batch.host] as string;
  }
  async #wipe(client: pg.Client): Promise<void> {
    await client.query(
      "truncate flow_updates, endpoint_updates, drop_updates, rollup_10s, rollup_1m, rollup_1h, " +
        "total_10s, total_1m, total_1h, batches, incarnations",
    );
  }
}

/** Of an agent's first batch: before it none is missing, so that storing it is what an agent mostly causes. */
const freshKey = () => ({ incarnation: randomUUID(), sequence: 1 });

/** Batches go to lanes by host, so that a host has one on its way. */
async function inLanes<T extends { host: number } | { batch: Batch }>(
  batches: readonly T[],
  lanes: number,
  send: (batch: T, lane: number) => Promise<void>,
): Promise<void> {
  const hostOf = (one: T) => ("batch" in one ? one.batch.host : one.host);
  await Promise.all(
    Array.from({ length: lanes }, async (_, lane) => {
      for (const one of batches) if (hostOf(one) % lanes === lane) await send(one, lane);
    }),
  );
}

function copyInto(client: pg.Client, bytes: Buffer): Promise<void> {
  const stream = client.query(copyFrom("copy flow_updates from stdin (format binary)"));
  return new Promise((resolve, reject) => {
    stream.once("error", reject);
    stream.once("finish", resolve);
    stream.end(bytes);
  });
}

const add = (to: Cost, cost: Cost): void => {
  for (const key of ["rows", "seconds", "ingest", "postgres"] as const) to[key] += cost[key];
};
const rate = (cost: Cost): number => cost.rows / cost.seconds;

async function measure(contest: Contest, slices: readonly Slice[], lanes: number) {
  const pairs: [number, number][] = [];
  const ingest = none();
  const copy = none();
  for (const [at, slice] of slices.entries()) {
    const order = random.shuffled(["ingest", "copy"] as const);
    const costs = { ingest: none(), copy: none() };
    for (const one of order)
      costs[one] = await (one === "ingest" ? contest.byIngest(slice, lanes) : contest.byCopy(slice, lanes));
    if (at < WARM_UP) continue;
    pairs.push([rate(costs.ingest), rate(costs.copy)]);
    add(ingest, costs.ingest);
    add(copy, costs.copy);
  }
  const perMillion = (seconds: number, rows: number) => Number(((seconds / rows) * 1e6).toFixed(2));
  return {
    ratio: ratioOf(pairs),
    ingestRowsPerSecond: Math.round(
      percentile(
        pairs.map(([a]) => a),
        0.5,
      ),
    ),
    copyRowsPerSecond: Math.round(
      percentile(
        pairs.map(([, b]) => b),
        0.5,
      ),
    ),
    cpuSecondsPerMillionRows: {
      ingestProcess: perMillion(ingest.ingest, ingest.rows),
      postgresUnderIngest: perMillion(ingest.postgres, ingest.rows),
      postgresUnderCopy: perMillion(copy.postgres, copy.rows),
    },
  };
}

function findingsOf(name: string, measured: Measured): Finding[] {
  const { ratio, ingestRowsPerSecond, copyRowsPerSecond } = measured;
  const { ingestProcess, postgresUnderIngest, postgresUnderCopy } = measured.cpuSecondsPerMillionRows;
  const rates = `${ingestRowsPerSecond} of ${copyRowsPerSecond} rows/s`;
  return [
    { what: name, goal: "≥ 0.8 of COPY", measured: `${shown(ratio)}: ${rates}`, met: ratio.median >= 0.8 },
    {
      what: `${name}: CPU a million rows`,
      measured: `ingest ${ingestProcess} s, Postgres ${postgresUnderIngest} s; under COPY Postgres ${postgresUnderCopy} s`,
    },
  ];
}

async function main(): Promise<void> {
  await buildPrograms("ingest", "setup");
  const database = await openDatabase();
  let ingest: IngestProcess | undefined;
  const copiers = Array.from({ length: HOSTS }, () => new pg.Client(database.url));
  try {
    ingest = await IngestProcess.start(database);
    const fleet = new Fleet({ hosts: HOSTS, podsPerHost: 30, services: 40, externals: 20_000 });
    const credentials: string[] = [];
    for (const host of fleet.hosts) credentials.push(await ingest.enrol(host));
    for (const copier of copiers) await copier.connect();
    const contest = new Contest(database, ingest, credentials, copiers);
    const figures: Record<string, Measured> = {};
    for (const batchRows of [1000, 5000]) {
      const slices = makeSlices(fleet, (Date.now() - 600_000) * 1000, batchRows, PAIRS + WARM_UP);
      await contest.prepare(slices);
      for (const lanes of [1, HOSTS])
        figures[`${batchRows} rows a batch, ${lanes} at a time`] = await measure(contest, slices, lanes);
    }
    writeResult("ingest", {
      question:
        "rows a second through HTTP, ingest and Postgres to the commit, against plain COPY of the same rows",
      method:
        `${HOSTS} hosts' batches of a pretended shop, packed and compressed as the agent sends; the peer is COPY … FROM STDIN BINARY of the rows ` +
        `that ingest had stored into the same flow_updates (partitions, all indexes, synchronous_commit on), one batch a ` +
        `transaction, as many connections as pushes at a time; slices of ${SLICE_ROWS} rows, ${PAIRS} pairs in random order; ` +
        "median of paired ratios with quartiles. Ingest also writes endpoints, three rollups, three totals and the batch's key",
      findings: Object.entries(figures).flatMap(([name, measured]) => findingsOf(name, measured)),
      figures,
    });
  } finally {
    for (const copier of copiers) await copier.end().catch(() => undefined);
    await ingest?.stop();
    await database.stop();
  }
}

await main();
