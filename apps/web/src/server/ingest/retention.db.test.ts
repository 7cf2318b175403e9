import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { testDatabase } from "../../../../../tools/testing/test-database.ts";
import { pool } from "../db.ts";
import { aDrop, aFlow, batchBytes, flowId, newIncarnation } from "../testing/agent-batch.ts";
import { IngestInstance, rows } from "../testing/ingest-instance.ts";
import { RetentionSweep } from "./retention.ts";

const database = testDatabase();
let instance: IngestInstance;
let credential: string;
let sweep: RetentionSweep;
const HOUR = 3_600_000;
const NOW = Date.now();
const generous = { rawDays: 365, rawBytes: 1e12, rollupDays: 365 };

beforeAll(async () => {
  instance = await IngestInstance.start(database.url);
  credential = await instance.enrol("h1");
  instance.ingest.retention = generous;
  sweep = new RetentionSweep(pool(), instance.ingest.partitions);
});
afterAll(() => instance?.stop());

async function pushAt(
  atMs: number,
  parts: { incarnation?: ReturnType<typeof newIncarnation>; sequence?: number; rows?: number } = {},
) {
  const at = atMs * 1000;
  const { incarnation = newIncarnation(), sequence = 1, rows: n = 1 } = parts;
  const flows = Array.from({ length: n }, (_, i) => aFlow(at, { flowId: flowId(i) }));
  const names = { reasons: ["NO_SOCKET"], places: ["f+0x1"] };
  return instance.push(
    batchBytes(at, { incarnation, sequence, flows, drops: [aDrop(at)], ...names }),
    credential,
  );
}
const hours = async () =>
  (
    await rows<{ ago: number }>(
      `select distinct floor((extract(epoch from to_timestamp($1::float8 / 1000)) - extract(epoch from ts)) / 3600)::int as ago
     from flow_updates order by 1`,
      [NOW],
    )
  ).map((row) => row.ago);
const tally = async (name: string) =>
  Number((await rows<{ value: string }>("select value from tallies where name = $1", [name]))[0]?.value ?? 0);

test("data of any hour that is kept is stored, in a partition made on demand", async () => {
  for (const ago of [0, 1, 5, 30, 50]) expect((await pushAt(NOW - ago * HOUR)).status).toBe(200);
  expect(await hours()).toEqual([0, 1, 5, 30, 50]);
});

test("partitions for the next hours are there before they are needed", async () => {
  await instance.maintenance.once();
  const [row] = await rows<{ there: boolean }>("select to_regclass($1) is not null as there", [
    `partitions.flow_updates_${new Date(Date.now() + 2 * HOUR).toISOString().slice(0, 13).replace(/\D/g, "")}`,
  ]);
  expect(row?.there).toBe(true);
});

test("by age: what is older than its days is gone, the rest is there", async () => {
  const dropped = await sweep.run({ ...generous, rawDays: 1, rollupDays: 1 }, NOW);
  expect(dropped.map((d) => `${d.table.table} ${d.why}`).filter((d) => d.startsWith("flow"))).toEqual([
    ...["flow_updates age", "flow_updates age"],
  ]);
  expect(await hours()).toEqual([0, 1, 5]);
});

test("late data for a dropped partition is acknowledged, counted, and not stored", async () => {
  const incarnation = newIncarnation();
  const before = await tally("late_rows");
  const answer = await pushAt(NOW - 50 * HOUR, { incarnation, rows: 3 });
  expect(answer.result).toMatchObject({ acknowledged: 1, duplicate: false });
  expect((await pushAt(NOW - 50 * HOUR, { incarnation, rows: 3 })).result).toMatchObject({ duplicate: true });
  expect((await tally("late_rows")) - before).toBe(4); // three flows, one drop
  expect(
    await rows("select late_rows, flow_rows from batches where incarnation = $1", [incarnation]),
  ).toEqual([{ late_rows: 4, flow_rows: 3 }]);
  expect(await hours()).toEqual([0, 1, 5]);
});

test("a partition dropped by another process makes its batch late, not failed", async () => {
  await pushAt(NOW - 8 * HOUR);
  const other = new RetentionSweep(pool(), new (await import("./partitions.ts")).Partitions(pool()));
  const dropped = await other.run({ ...generous, rawDays: 1 }, NOW + 17 * HOUR);
  expect(dropped.map((d) => d.table.table)).toContain("flow_updates");
  const before = await tally("late_rows");
  expect((await pushAt(NOW - 8 * HOUR)).status).toBe(200);
  expect(await tally("late_rows")).toBeGreaterThan(before);
});

test("by bytes: the oldest go until the rest fits; the partition written to stays", async () => {
  await sweep.run({ ...generous, rawBytes: 1 }, NOW);
  expect(await hours()).toEqual([0]);
  const left = await rows<{ name: string }>(
    `select relname as name from pg_class where relnamespace = 'partitions'::regnamespace and relkind = 'r'
     and relname like 'rollup_1h%'`,
  );
  expect(left.length).toBeGreaterThan(0); // hours of rollups are not raw
});

test("a reader in the way delays a drop, not ingest", async () => {
  await pushAt(NOW);
  instance.ingest.retention = generous;
  const reader = new pg.Client(database.url);
  await reader.connect();
  try {
    await reader.query("begin");
    await reader.query("select count(*) from flow_updates");
    const later = NOW + 2 * 24 * HOUR;
    const blocked = await sweep.run({ ...generous, rawDays: 1 }, later);
    expect(blocked.filter((d) => d.table.table === "flow_updates")).toEqual([]);
    expect((await pushAt(NOW)).status).toBe(200);
    await reader.query("commit");
    const done = await sweep.run({ ...generous, rawDays: 1 }, later);
    expect(done.filter((d) => d.table.table === "flow_updates").length).toBeGreaterThan(0);
  } finally {
    await reader.end();
  }
});

test("a batch's key outlives its rows for as long as the agent may send it again", async () => {
  const incarnation = newIncarnation();
  await pushAt(NOW, { incarnation });
  await pushAt(NOW, { incarnation, sequence: 3 });
  const keys = () => rows("select sequence from batches where incarnation = $1 order by 1", [incarnation]);
  await sweep.run({ ...generous, rawDays: 1 }, NOW + 2 * 24 * HOUR);
  expect(await keys()).toHaveLength(2);
  await sweep.run({ ...generous, rawDays: 1 }, NOW + 9 * 24 * HOUR);
  expect(await keys()).toEqual([{ sequence: "3" }]); // beyond the watermark: still needed
  expect((await pushAt(NOW, { incarnation })).result).toMatchObject({ acknowledged: 1, duplicate: true });
});

test("however many batches wait beyond a gap for good, those that are settled go", async () => {
  const [incarnation, settled] = [newIncarnation(), newIncarnation()];
  await pushAt(NOW, { incarnation, sequence: 2 });
  await rows(
    `insert into batches (host_id, incarnation, sequence, from_at, to_at, flow_rows, drop_rows)
     select host_id, incarnation, n, from_at - interval '20 days', to_at - interval '20 days', 0, 0
     from batches, generate_series(3, 20003) n where incarnation = $1`,
    [incarnation],
  );
  await pushAt(NOW, { incarnation: settled });
  await sweep.run({ ...generous, rawDays: 1 }, NOW + 9 * 24 * HOUR);
  expect(await rows("select from batches where incarnation = $1", [settled])).toEqual([]);
});

test("what agents cost their hosts is kept as long as raw flows", async () => {
  const days = (n: number) => new Date(NOW - n * 24 * HOUR);
  await rows(
    `insert into agent_usage select h.id, t.at, 1, 0.1, 1 from hosts h, unnest($1::timestamptz[]) t(at)`,
    [[days(0.5), days(1.5)]],
  );
  await sweep.run({ ...generous, rawDays: 1 }, NOW);
  expect(await rows("select distinct at from agent_usage")).toEqual([{ at: days(0.5) }]);
});
