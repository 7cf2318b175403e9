import net from "node:net";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testDatabase } from "../../../../../tools/testing/test-database.ts";
import { pool } from "../db.ts";
import { aDrop, aFlow, batchBytes, flowId, newIncarnation } from "../testing/agent-batch.ts";
import { type Answer, IngestInstance, rows } from "../testing/ingest-instance.ts";

const database = testDatabase();
let instance: IngestInstance;
let credential: string;
let admin: pg.Client;

beforeAll(async () => {
  instance = await IngestInstance.start(database.url);
  credential = await instance.enrol("h1");
  admin = new pg.Client(database.url);
  await admin.connect();
});
afterAll(async () => {
  await admin?.end();
  await instance?.stop();
});

const at = Date.now() * 1000;
const bytesOf = (incarnation: ReturnType<typeof newIncarnation>) =>
  batchBytes(at, {
    incarnation,
    ...{
      reasons: ["NO_SOCKET"],
      places: ["f+0x1"],
      flows: [aFlow(at, { flowId: flowId(1), fwdBytes: 1000 })],
    },
    drops: [aDrop(at)],
    lost: [{ what: "ring-events", count: 5, firstSequence: null, lastSequence: null }],
  });

/** Polls until the condition holds. */
async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (
    const deadline = Date.now() + 20_000;
    Date.now() < deadline;
    await new Promise((r) => setTimeout(r, 5))
  )
    if (await holds()) return;
  throw new Error(`never came true: ${what}`);
}

async function stored(incarnation: string) {
  const [row] = await rows<Record<string, number>>(
    `with b as (select id from batches where incarnation = $1)
     select (select count(*) from b)::int as batches,
       (select count(*) from flow_updates where batch_id in (select id from b))::int as flows,
       (select count(*) from drop_updates where batch_id in (select id from b))::int as drops,
       (select count(*) from endpoint_updates where batch_id in (select id from b))::int as endpoints,
       (select count(*) from losses where incarnation = $1)::int as losses`,
    [incarnation],
  );
  return row;
}
const bytesRolledUp = async (table: string) =>
  (await rows<{ n: number }>(`select coalesce(sum(fwd_bytes), 0)::int as n from ${table}`))[0]?.n as number;

describe("a connection killed in the middle of a batch's transaction leaves nothing; the retry stores it once", () => {
  test.each([
    ...["incarnations", "batches", "flow_updates", "drop_updates", "endpoint_updates"],
    ...["rollup_10s", "rollup_1m", "rollup_1h", "losses"],
  ])("at %s", async (table) => {
    const incarnation = newIncarnation();
    const before = await bytesRolledUp("rollup_1h");
    await admin.query("begin");
    await admin.query(`lock table ${table} in share mode`); // writers wait, readers don't
    let first: Promise<Answer>;
    try {
      first = instance.push(bytesOf(incarnation), credential);
      await until("the batch waits at the table", async () => {
        const killed = await rows<{ killed: boolean }>(
          `select pg_terminate_backend(a.pid) as killed from pg_stat_activity a
           join pg_locks l on l.pid = a.pid and not l.granted
           where a.application_name = 'millrace-web' and a.datname = current_database()`,
        );
        return killed.length > 0;
      });
    } finally {
      await admin.query("rollback");
    }
    const refused = await first;
    expect([refused.status, refused.error?.data]).toMatchObject([
      503,
      { app: "UNAVAILABLE", retryable: true },
    ]);
    expect(refused.error?.data.pauseMs).toBeGreaterThan(0);
    expect(await stored(incarnation)).toEqual({ batches: 0, flows: 0, drops: 0, endpoints: 0, losses: 0 });

    expect((await instance.push(bytesOf(incarnation), credential)).result).toMatchObject({
      duplicate: false,
    });
    expect((await instance.push(bytesOf(incarnation), credential)).result).toMatchObject({ duplicate: true });
    expect(await stored(incarnation)).toEqual({ batches: 1, flows: 1, drops: 1, endpoints: 1, losses: 1 });
    for (const rollup of ["rollup_10s", "rollup_1m", "rollup_1h"])
      expect(await bytesRolledUp(rollup)).toBe(before + 1000);
  });
});

/** A way to the database that swallows the answer to a commit and hangs up: was it committed or not? */
async function forgetfulProxy(url: string) {
  const { hostname, port } = new URL(url);
  const sockets = new Set<net.Socket>();
  const state = { armed: false, hungUp: 0 };
  const server = net.createServer((client) => {
    const upstream = net.connect(Number(port), hostname);
    let committing = false;
    client.on("data", (data) => {
      if (state.armed && data.includes("commit\0")) committing = true;
      upstream.write(data);
    });
    upstream.on("data", (data) => {
      if (!committing) return void client.write(data);
      state.hungUp++;
      client.destroy();
      upstream.destroy();
    });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        client.destroy();
        upstream.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const target = new URL(url);
  target.port = String((server.address() as net.AddressInfo).port);
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { url: target.href, state, close };
}

test("a commit whose answer got lost isn't repeated by the retry", async () => {
  await instance.stop();
  const proxy = await forgetfulProxy(database.url);
  try {
    instance = await IngestInstance.start(proxy.url);
    const incarnation = newIncarnation();
    proxy.state.armed = true;
    const lost = await instance.push(bytesOf(incarnation), credential);
    expect([lost.status, lost.error?.data.app, proxy.state.hungUp]).toEqual([503, "UNAVAILABLE", 1]);
    proxy.state.armed = false;
    expect((await instance.push(bytesOf(incarnation), credential)).result).toEqual({
      ...{ acknowledged: 1, duplicate: true, pauseMs: 0 },
    });
    expect(await stored(incarnation)).toMatchObject({ batches: 1, flows: 1, drops: 1 });
    expect(pool().totalCount).toBeGreaterThan(0);
  } finally {
    await instance.stop();
    await proxy.close();
    instance = await IngestInstance.start(database.url);
  }
});
