import { parseFilter } from "@millrace/contract/filter";
import { FLOW_SORTS, type FlowRow, FlowSearchInput } from "@millrace/contract/flow";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { testDatabase } from "../../../../../tools/testing/test-database.ts";
import { closeDatabase, pool, useDatabase } from "../db.ts";
import { knownNames } from "../testing/known-names.ts";
import { naiveMembers } from "../testing/naive-history.ts";
import { randomFilter, randomFlow } from "../testing/random-flows.ts";
import {
  anUpdate,
  insertUpdates,
  makePartitions,
  START_US,
  type UpdateRow,
} from "../testing/telemetry-rows.ts";
import { namesFor } from "../workload/service.ts";
import { encodeCursor } from "./cursor.ts";
import { getFlow } from "./detail.ts";
import { matches } from "./match.ts";
import { pairMembers } from "./pair.ts";
import { rowOf, wantedBy } from "./row.ts";
import { searchFlows } from "./service.ts";

const database = testDatabase();
let updates: UpdateRow[];

beforeAll(async () => {
  await useDatabase(database.url);
  await makePartitions();
  updates = fc.sample(randomFlow(await knownNames()), { numRuns: 300, seed: 11 }).flat();
  await insertUpdates(updates);
});
afterAll(closeDatabase);

async function naiveRows(fromMs: number, toMs: number, filter: string): Promise<FlowRow[]> {
  const members = naiveMembers(updates.filter((u) => u.ts >= fromMs * 1000 && u.ts < toMs * 1000));
  const names = await namesFor(wantedBy(members));
  const rows = pairMembers(members).map((pair) => rowOf(pair, names));
  return rows.filter((row) => matches(parseFilter(filter), row));
}

async function allPages(input: Omit<Parameters<typeof searchFlows>[0], "cursor">): Promise<FlowRow[]> {
  const rows: FlowRow[] = [];
  let cursor: string | null = null;
  do {
    const page = await searchFlows({ ...input, cursor });
    expect(page.rows.length).toBeLessThanOrEqual(input.limit);
    rows.push(...page.rows);
    cursor = page.nextCursor;
  } while (cursor);
  return rows;
}

const byId = (a: FlowRow, b: FlowRow) => (a.id < b.id ? -1 : 1);
const S = START_US / 1000;
const ranges = fc.constantFrom([S, S + 60_000], [S + 10_000, S + 30_000], [S - 3_600_000, S + 3_600_000]);

test("more searches at once than there are connections don't wait for each other's", async () => {
  const input = FlowSearchInput.parse({ range: { from: S, to: S + 60_000 } });
  const all = Array.from({ length: 3 * pool().options.max }, () => searchFlows(input));
  expect(await Promise.all(all)).toHaveLength(all.length);
});

test("the pages of a search together hold each matching flow once, summed up over the range", async () => {
  await fc.assert(
    fc.asyncProperty(
      randomFilter,
      ranges,
      fc.constantFrom(...FLOW_SORTS),
      fc.boolean(),
      fc.constantFrom(60, 200, 1000),
      async (filter, [from, to], sort, descending, limit) => {
        const input = FlowSearchInput.parse({
          range: { from, to },
          filter,
          sort,
          descending,
          limit: Math.max(limit, 7),
        });
        const found = await allPages(input);
        const wanted = await naiveRows(from as number, to as number, filter);
        expect(found.sort(byId)).toEqual(wanted.sort(byId));
      },
    ),
    { numRuns: 60 },
  );
});

test("newest first means by the newest update of either observer", async () => {
  const input = FlowSearchInput.parse({ range: { from: S, to: S + 60_000 }, limit: 20 });
  const newest = new Map<string, number>();
  for (const u of updates) newest.set(u.flow_id, Math.max(newest.get(u.flow_id) ?? 0, u.ts));
  const keys = (await allPages(input)).map((row) =>
    Math.max(newest.get(row.id) ?? 0, newest.get(row.otherId ?? "") ?? 0),
  );
  expect(keys).toEqual([...keys].sort((a, b) => b - a));
});

test("a first page that holds everything says the exact number; a short one says at least its own", async () => {
  const range = { from: S, to: S + 60_000 };
  const all = await searchFlows(FlowSearchInput.parse({ range, limit: 1000 }));
  expect(all.matched).toEqual({ count: all.rows.length, capped: false });
  const some = await searchFlows(FlowSearchInput.parse({ range, limit: 10 }));
  expect(some.matched.count).toBeGreaterThan(10);
});

test("rows of a part of the range, for want of time to order it all, say where the part begins", async () => {
  const whole = FlowSearchInput.parse({ range: { from: S, to: S + 60_000 }, sort: "bytes", limit: 1000 });
  expect(await searchFlows(whole)).toMatchObject({ orderedFrom: null });
  const after = { key: Number.MAX_SAFE_INTEGER, flowId: "ffffffff-ffff-7fff-8fff-ffffffffffff" };
  const cursor = encodeCursor({
    ...after,
    fromUs: START_US + 30e6,
    matched: { count: 1, capped: true },
  });
  const part = await searchFlows({ ...whole, cursor });
  expect(part.orderedFrom).toBe(S + 30_000);
  expect(part.rows.length).toBeGreaterThan(0);
});

test("across a NAT the two ends of a connection are one row, found from either side", async () => {
  const opened = START_US + 7200e6;
  const shared = { isn: 4242, first_seen: opened, fwd_bytes: 10, rev_bytes: 0 };
  const ids = ["018f0000-0000-7000-8000-00000000aaa1", "018f0000-0000-7000-8000-00000000aaa2"] as const;
  const web = {
    ...shared,
    flow_id: ids[0],
    pair_key: "71",
    src: "10.0.0.1",
    dst: "10.96.0.10",
    observer: 0,
    endpoint_id: 1,
  };
  const pod = {
    ...shared,
    flow_id: ids[1],
    pair_key: "72",
    src: "10.0.0.1",
    dst: "10.0.0.77",
    observer: 1,
    endpoint_id: 2,
  };
  const at = [1, 2, 50].map((s) => opened + s * 1e6);
  await insertUpdates([
    ...at.map((ts) => anUpdate({ ...web, ts })),
    ...at.map((ts) => anUpdate({ ...pod, ts: ts + 500_000, counted: false, dst_port: 8080 })),
  ]);
  const range = { from: opened / 1000 - 1000, to: opened / 1000 + 60_000 };
  for (const input of [{}, { sort: "bytes" }, { filter: "dst.ip=10.96.0.10" }]) {
    const { rows } = await searchFlows(FlowSearchInput.parse({ range, ...input }));
    expect(rows.map((row) => [row.join, row.id, row.otherId, row.dst.ip, row.forward.bytes])).toEqual([
      ["opening", ...ids, "10.96.0.10", 30],
    ]);
  }
  for (const id of ids)
    expect((await getFlow({ id })).row).toMatchObject({ join: "opening", id: ids[0], otherId: ids[1] });
});

test("a filter that can't be read says every problem and where", async () => {
  const input = FlowSearchInput.parse({ range: { from: S, to: S + 1 }, filter: "servce=web dst.port=99999" });
  await expect(searchFlows(input)).rejects.toMatchObject({
    code: "BAD_FILTER",
    publicMessage: expect.stringMatching(/did you mean “service”.*\(at 1–10\).*dst\.port.*\(at 12–25\)/),
  });
});

test("a cursor from elsewhere is refused", async () => {
  const input = FlowSearchInput.parse({ range: { from: S, to: S + 1 }, cursor: "bm90IG91cnM" });
  await expect(searchFlows(input)).rejects.toMatchObject({ code: "BAD_REQUEST" });
});
