import "../testing/environment.ts";
import type { FlowRow } from "@millrace/contract/flow";
import { FlowSearchInput } from "@millrace/contract/flow";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { testDatabase } from "../../../../../tools/testing/test-database.ts";
import { closeBus } from "../bus.ts";
import { closeDatabase, pool, useDatabase } from "../db.ts";
import {
  anUpdate,
  insertHost,
  makePartitions,
  openBatch,
  type UpdateRow,
} from "../testing/telemetry-rows.ts";
import { findBatches } from "./batch.ts";
import { Feed, forgetLive, Live } from "./live.ts";
import { readSnapshot } from "./repo.ts";
import { searchFlows } from "./service.ts";
import { tailFlows } from "./tail.ts";

const database = testDatabase();
const hosts: number[] = [];
beforeAll(async () => {
  await useDatabase(database.url);
  await makePartitions();
  hosts.push(await insertHost("h1"), await insertHost("h2"));
});
beforeEach(async () => {
  await pool().query("truncate flow_updates, batches");
  forgetLive(); // it remembers flows that are no longer there
});
afterAll(async () => {
  await closeBus();
  await closeDatabase();
});

const NOW_US = Date.now() * 1000;
const RANGE = { from: NOW_US / 1000 - 600_000, to: NOW_US / 1000 + 600_000 };
const flowId = (n: number) => `018f0000-0000-7000-8000-${String(n).padStart(12, "0")}`;

/** A generator of numbers that are the same for the same seed. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
}

/** Batch `n` moves some of 40 flows; flow f is observed by host f % 2, two of them make a pair. */
function batchRows(n: number, next: (below: number) => number): { host: number; rows: UpdateRow[] } {
  const host = next(2);
  const ts = NOW_US + n * 1_000_000;
  const flows = new Set(Array.from({ length: 8 }, () => next(20) * 2 + host));
  const rows = [...flows].map((f) =>
    anUpdate({
      ...{ ts, flow_id: flowId(f), pair_key: String(100 + (f >> 1)), endpoint_id: 1 + host, observer: host },
      ...{
        first_seen: NOW_US - 5_000_000,
        counted: host === 0,
        fwd_bytes: 1 + next(100),
        src_port: 1000 + (f >> 1),
      },
    }),
  );
  return { host: hosts[host] as number, rows };
}

/** Commits in an order that isn't that of ids, snapshots taken in between. */
async function outOfOrder(seed: number, count: number, between: (committed: string) => Promise<void>) {
  const next = random(seed);
  const open: Awaited<ReturnType<typeof openBatch>>[] = [];
  const written: UpdateRow[] = [];
  for (let n = 0; n < count; n++) {
    const { host, rows } = batchRows(n, next);
    open.push(await openBatch(host, seed * 1000 + n, rows));
    written.push(...rows);
    while (open.length > next(8)) {
      const [one] = open.splice(next(open.length), 1);
      await one?.commit();
      await between(one?.id as string);
    }
  }
  for (const one of open) {
    await one.commit();
    await between(one.id);
  }
  return written;
}

test.each([1, 2, 3])(
  "between snapshots each batch is found exactly once, in whatever order they commit (%i)",
  async (seed) => {
    const most = { batches: 1000, rows: 1e6 };
    const next = random(seed + 99);
    let at = await readSnapshot(async (_, snapshot) => snapshot);
    const found: string[] = [];
    const read = async () => {
      at = await readSnapshot(async (on, snapshot) => {
        found.push(...(await findBatches(on, at, null, most)).batches.map((batch) => batch.id));
        return snapshot;
      });
    };
    const committed: string[] = [];
    await outOfOrder(seed, 60, async (id) => {
      committed.push(id);
      if (next(3) === 0) await read();
    });
    await read();
    expect(found.sort()).toEqual(committed.sort());
  },
);

type Ticks = AsyncIterable<{ rows: FlowRow[]; notShown: number }>;

/** Reads until a row is the wanted one, to the end of its tick; the rows and the count of those not shown. */
async function readUntil(
  ticks: Ticks,
  last: (row: FlowRow) => boolean,
  row: (row: FlowRow) => void = () => {},
) {
  const rows: FlowRow[] = [];
  let notShown = 0;
  for await (const tick of ticks) {
    for (const one of tick.rows) row(one);
    rows.push(...tick.rows);
    notShown += tick.notShown;
    if (tick.rows.some(last)) break;
  }
  return { rows, notShown };
}

test("history and the stream that goes on from it together hold every flow with all it counted", async () => {
  const seen = new Map<string, FlowRow>();
  const upsert = (row: FlowRow) => {
    if (row.otherId) seen.delete(row.otherId);
    seen.set(row.id, row);
  };
  const stop = new AbortController();
  let reading: Promise<unknown> | undefined;
  const marker = flowId(999);
  let commits = 0;
  const written = await outOfOrder(5, 80, async () => {
    if (++commits !== 25) return;
    const history = await searchFlows(FlowSearchInput.parse({ range: RANGE, limit: 1000 }));
    for (const row of history.rows) upsert(row);
    reading = readUntil(tailFlows("", history.snapshot, stop.signal), (row) => row.id === marker, upsert);
  });
  const last = anUpdate({ ts: NOW_US + 100_000_000, flow_id: marker, pair_key: "999" });
  await (await openBatch(hosts[0] as number, 99_999, [last])).commit();
  await reading;
  stop.abort();
  const wanted = new Map<string, number>();
  for (const u of written) if (u.counted) wanted.set(u.flow_id, (wanted.get(u.flow_id) ?? 0) + u.fwd_bytes);
  const got = new Map([...seen.values()].map((row) => [row.id as string, row.forward.bytes]));
  got.delete(marker);
  for (const [id] of got) if (!wanted.has(id)) got.delete(id); // flows of which only the other end was written
  expect(got).toEqual(wanted);
});

test("a row of an old flow holds its last minutes, drawn live or caught up with, and reads no further back", async () => {
  const minute = 60_000_000;
  const old = (ts: number, fwd_bytes: number) =>
    anUpdate({ ts, first_seen: NOW_US - 600 * minute, fwd_bytes, src_port: 9 });
  const history = [old(NOW_US - 300 * minute, 1000), old(NOW_US - 2 * minute, 20)];
  await (await openBatch(hosts[0] as number, 1, history)).commit();
  const before = await readSnapshot(async (_, snapshot) => snapshot);
  const live = tailFlows("src.port=9", before);
  const read = readUntil(live, () => true);
  await (await openBatch(hosts[0] as number, 2, [old(NOW_US, 3)])).commit();
  expect((await read).rows[0]?.forward.bytes).toBe(23);
  const caughtUp = await readUntil(tailFlows("src.port=9", before), () => true);
  expect(caughtUp.rows[0]).toMatchObject({ forward: { bytes: 23 }, firstSeen: NOW_US / 1000 - 600 * 60_000 });
});

test("a flow that was thrown out is read again, also while another host catches up with long ago", async () => {
  const live = new Live(2);
  const feed = live.join();
  const deadline = AbortSignal.timeout(30_000);
  const second = 1_000_000;
  const opened = Date.now() * 1000 + 20 * second;
  const move = async (host: number, sequence: number, flow: number, ts: number, fwd_bytes: number) => {
    const first_seen = Math.min(ts, opened);
    const row = anUpdate({ ts, flow_id: flowId(flow), pair_key: String(flow), first_seen, fwd_bytes });
    await (await openBatch(hosts[host] as number, sequence, [row])).commit();
  };
  const bytesOf = async (flow: number) => {
    for (;;) {
      const tick = await feed.next(deadline);
      const row = tick?.rows.find(({ id }) => id === flowId(flow));
      if (row) return row.forward.bytes;
    }
  };
  try {
    await feed.start(deadline);
    for (const flow of [1, 2, 3]) {
      await move(0, flow, flow, opened + flow * second, 100);
      expect(await bytesOf(flow)).toBe(100);
    }
    await move(1, 1, 4, opened - 5 * second, 7);
    await move(0, 4, 1, opened + 30 * second, 1);
    expect(await bytesOf(1)).toBe(101);
  } finally {
    feed.leave();
  }
});

test("a client that comes back goes on from its last snapshot", async () => {
  const before = await readSnapshot(async (_, snapshot) => snapshot);
  await (await openBatch(hosts[0] as number, 1, [anUpdate({ ts: NOW_US, src_port: 7 })])).commit();
  const { rows } = await readUntil(tailFlows("src.port=7", before), () => true);
  expect(rows.map((row) => row.src.port)).toEqual([7]);
});

test("what a tick leaves out is counted, and what the filter leaves out is not", async () => {
  const before = await readSnapshot(async (_, snapshot) => snapshot);
  const rows = Array.from({ length: 1500 }, (_, n) =>
    anUpdate({ ts: NOW_US, flow_id: flowId(n), pair_key: String(n + 1), dst_port: n < 1200 ? 80 : 443 }),
  );
  await (await openBatch(hosts[0] as number, 1, rows)).commit();
  const found = await readUntil(tailFlows("dst.port=80", before), () => true);
  expect(found.rows.every((row) => row.dst.port === 80)).toBe(true);
  expect(found.rows.length + found.notShown).toBe(1200);
  expect(found.notShown).toBeGreaterThan(0);
});

test("a snapshot that was made up gives no history, and the stream goes on", async () => {
  await (await openBatch(hosts[0] as number, 1, [anUpdate({ ts: NOW_US })])).commit();
  const reading = readUntil(tailFlows("", "999999999:999999999:"), () => true);
  const row = anUpdate({ ts: NOW_US + 1, flow_id: flowId(5), pair_key: "5", src_port: 5 });
  for (let n = 2; await isPending(reading); n++)
    await (await openBatch(hosts[0] as number, n, [row])).commit();
  expect((await reading).rows.map((found) => found.src.port)).toEqual([5]);
});

const isPending = (promise: Promise<unknown>): Promise<boolean> =>
  Promise.race([promise.then(() => false), new Promise<boolean>((resolve) => setTimeout(resolve, 50, true))]);

test("a feed that isn't read is cut off, not filled without end", async () => {
  const feed = new Feed(() => {});
  feed.begin("1:1:");
  for (let n = 0; n <= Feed.MOST_QUEUED; n++) feed.push({ snapshot: `${n}:${n}:`, rows: [], skipped: 0 });
  expect(await feed.next(undefined)).toBeNull();
  expect(await feed.start(undefined)).toBe(`${Feed.MOST_QUEUED}:${Feed.MOST_QUEUED}:`);
  feed.push({ snapshot: "20:20:", rows: [], skipped: 0 });
  expect((await feed.next(undefined))?.snapshot).toBe("20:20:");
});
