import "../testing/environment.ts";
import { TimeRange } from "@millrace/contract/flow";
import { type FlowMap, type MapEdge, MapInput } from "@millrace/contract/map";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testDatabase } from "../../../../../tools/testing/test-database.ts";
import { pool } from "../db.ts";
import { completenessFor } from "../host/service.ts";
import { openShop, type Shop } from "../testing/shop.ts";
import {
  anUpdate,
  insertUpdates,
  insertWorkload,
  makePartitions,
  START_US,
} from "../testing/telemetry-rows.ts";
import { MOST_EDGES } from "./edge-sql.ts";
import { getMap, sumsFor } from "./service.ts";

const database = testDatabase();
let shop: Shop;
let range: TimeRange;

beforeAll(async () => {
  shop = await openShop(database.url);
  await makePartitions();
  range = TimeRange.parse({ from: shop.nowMs - 60_000, to: Date.now() + 1000 });
});
afterAll(() => shop.ingest.stop());

const mapOf = (over: object = {}) => getMap(MapInput.parse({ range, ...over }));
const edge = ({ edges }: FlowMap, src: string, dst: string): MapEdge | undefined =>
  edges.find((one) => one.src === src && one.dst === dst);

describe("edges between services", () => {
  test("have the sums of one observer, and what either one lost", async () => {
    const map = await mapOf();
    expect(edge(map, "service shop/web", "service shop/checkout")).toMatchObject({
      ...{ bytes: 30 * 300, packets: 90, drops: 60, wouldDrop: 0, pathTiers: { slow: 30, fast: 60 } },
    });
    expect(edge(map, "service shop/web", "outside")).toMatchObject({
      ...{ bytes: 30 * 300, opened: 30, drops: 0, retransmits: 30, wouldDrop: 30 },
      pathTiers: { slow: 90, fast: 0 },
    });
    expect(map.edges).toHaveLength(2);
    expect(map.rest).toEqual({ edges: 0, bytes: 0, opened: 0, drops: 0 });
    expect(map.nodes.map(({ kind, name, namespace }) => [kind, name, namespace])).toEqual([
      ["outside", "outside", null],
      ["service", "checkout", "shop"],
      ["service", "web", "shop"],
    ]);
  });

  test("have the round-trip times that were measured", async () => {
    const found = edge(await mapOf(), "service shop/web", "service shop/checkout");
    for (const rtt of [found?.rttP50Us, found?.rttP95Us]) {
      expect(rtt).toBeGreaterThan(940);
      expect(rtt).toBeLessThan(1060);
    }
  });

  test("a rate's time is what hosts reported, and the answer says what it rests on", async () => {
    const map = await mapOf();
    expect(map.seconds).toBeGreaterThanOrEqual(29);
    expect(map.seconds).toBeLessThanOrEqual((range.to - range.from) / 1000 + 10);
    expect(map.completeness).toEqual(await completenessFor(range));
    expect(map.since).toBeNull();
  });

  test("the largest by what is measured come first", async () => {
    const first = async (measure: string) => (await mapOf({ measure })).edges[0]?.dst;
    expect(await first("drops")).toBe("service shop/checkout");
    expect(await first("opened")).toBe("outside");
  });
});

test("by namespace, services of one are one node", async () => {
  const map = await mapOf({ by: "namespace" });
  expect(edge(map, "namespace shop", "namespace shop")).toMatchObject({ bytes: 30 * 300, drops: 60 });
  expect(edge(map, "namespace shop", "outside")).toMatchObject({ wouldDrop: 30 });
  expect(map.nodes).toHaveLength(2);
});

describe("a filter", () => {
  // A term that every flow meets but rollups don't have sends the same question to the flows.
  test.each([
    "",
    "src.service=web",
    "dst.port=443",
    "verdict=dropped",
    "src.namespace=shop",
    'dst.namespace~""',
  ])("“%s” gets the same map from rollups and from flows", async (filter) => {
    for (const by of ["service", "namespace"]) {
      const [sums, flows] = await Promise.all([
        mapOf({ by, filter }),
        mapOf({ by, filter: `${filter} packets>=0` }),
      ]);
      expect(flows.edges, by).toEqual(sums.edges);
      expect(flows.nodes, by).toEqual(sums.nodes);
    }
  });

  test("that nothing matches leaves nothing, and one that can't be read is refused", async () => {
    expect((await mapOf({ filter: "service=nobody" })).edges).toEqual([]);
    await expect(mapOf({ filter: "nonsense=1" })).rejects.toMatchObject({ code: "BAD_FILTER" });
  });
});

describe("of more edges than can be drawn", () => {
  const startMs = START_US / 1000;
  const then = TimeRange.parse({ from: startMs, to: startMs + 600_000 });
  const EDGES = MOST_EDGES + 50;

  /** By the minute: a week later sums of ten seconds may be gone. Edge i has i kB, the last is 250 kB. */
  beforeAll(async () => {
    await pool().query(
      `with n as (
         insert into rollup_names (kind, name)
         select 'service', 'many/s' || i from generate_series(0, $2::int) i
         union all values ('external', '192.0.2.1'), ('external', '192.0.2.2') returning id, name),
       z as (select id from n where name = 'many/s0')
       insert into rollup_1m (bucket, host_id, src_id, dst_id, dst_port, proto, verdict, updates, opened, fwd_packets,
         fwd_bytes, rev_packets, rev_bytes, drops, retransmits, rtt_sketch)
       select to_timestamp($1), 1, z.id, n.id, 80, 6, 0, 1, 1, 1,
         case when n.name ~ '^many' then substr(n.name, 7)::int * 1000 else 1 end, 0, 0, 0, 0, '{}'
       from n, z where n.name <> 'many/s0'`,
      [startMs / 1000, EDGES],
    );
  });

  test("the largest are there, and the rest is counted with what it comes to", async () => {
    const map = await mapOf({ range: then });
    expect(map.edges).toHaveLength(MOST_EDGES);
    expect(map.edges[0]?.bytes).toBe(EDGES * 1000);
    const [left, smallest] = [EDGES + 1 - MOST_EDGES, EDGES - MOST_EDGES];
    expect(map.rest).toMatchObject({ edges: left, opened: left + 1 });
    expect(map.rest.bytes).toBe((smallest * (smallest + 1) * 1000) / 2 + 2);
    expect(map.nodes.some(({ kind }) => kind === "outside")).toBe(false);
  });

  test("external peers are one node, however many they are", async () => {
    const map = await mapOf({ range: then, by: "namespace" });
    expect(map.edges.map(({ src, dst }) => [src, dst])).toEqual([
      ["namespace many", "namespace many"],
      ["namespace many", "outside"],
    ]);
    expect(map.edges[1]).toMatchObject({ bytes: 2, opened: 2 });
  });
});

describe("by host", () => {
  const startUs = START_US + 3600 * 1_000_000;
  const then = TimeRange.parse({ from: startUs / 1000 - 1000, to: startUs / 1000 + 300_000 });

  beforeAll(async () => {
    const { rows } = await pool().query<{ id: number }>("select id from hosts order by name");
    const [h1 = 0, h2 = 0] = rows.map(({ id }) => id);
    const pod = (host_id: number | null) =>
      insertWorkload({ host_id, namespace: "shop", pod: "p", service: "s" });
    const ends = { src_workload: await pod(h1), dst_workload: await pod(h2) };
    const flow = (n: number) => ({ ts: startUs, flow_id: `018f0000-0000-7000-8000-00000000000${n}` });
    await insertUpdates([
      anUpdate({ ...flow(1), ...ends, host_id: h1, slow_packets: 1, rtt_us: 1000 }),
      anUpdate({ ...flow(2), ...ends, host_id: h2, observer: 1, counted: false, verdict: 1, drops: 3 }),
      anUpdate({ ...flow(3), src_workload: ends.dst_workload, dst_workload: null, host_id: h2 }),
      anUpdate({ ...flow(4), src_workload: await pod(null), dst_workload: ends.dst_workload, host_id: h2 }),
    ]);
  });

  test("ends are where their workloads stand, whoever observed them", async () => {
    const map = await mapOf({ range: then, by: "host" });
    expect(edge(map, "host h1", "host h2")).toMatchObject({
      ...{ bytes: 300, packets: 2, opened: 1, drops: 3, pathTiers: { slow: 1, fast: 1 } },
    });
    expect(map.edges.map(({ src, dst }) => `${src} → ${dst}`).sort()).toEqual([
      "host h1 → host h2",
      "host h2 → outside",
      "unplaced → host h2",
    ]);
    expect(map.since).toBeNull();
  });
});

test("short and recent times are summed up from fine rollups, others from those that are kept", () => {
  const now = START_US / 1000;
  const table = (agoMs: number, lengthMs: number) =>
    sumsFor(TimeRange.parse({ from: now - agoMs, to: now - agoMs + lengthMs }), now).table;
  const [minute, hour] = [60_000, 3_600_000];
  expect(table(5 * minute, 5 * minute)).toBe("rollup_10s");
  expect(table(72 * hour, 5 * minute)).toBe("rollup_1m");
  expect(table(hour, hour)).toBe("rollup_1m");
  expect(table(24 * hour, 24 * hour)).toBe("rollup_1h");
});
