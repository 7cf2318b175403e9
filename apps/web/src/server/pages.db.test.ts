import "./testing/environment.ts";
import { FlowSearchInput, TimeRange } from "@millrace/contract/flow";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testDatabase } from "../../../../tools/testing/test-database.ts";
import { saveHeartbeat } from "./agent-gateway/repo.ts";
import { pool } from "./db.ts";
import { getDropGroup, summarizeDrops } from "./drop/service.ts";
import { getHost, listHosts } from "./fleet/service.ts";
import { completeValue } from "./flow/complete.ts";
import { getFlow } from "./flow/detail.ts";
import { flowFacets } from "./flow/facets.ts";
import { flowHistogram } from "./flow/histogram.ts";
import { searchFlows } from "./flow/service.ts";
import { getOverview } from "./overview/service.ts";
import { DEFAULT_RETENTION, getRetention, tellAppliedRetention } from "./setting/service.ts";
import { aHeartbeat } from "./testing/hosts.ts";
import { openShop, type Shop } from "./testing/shop.ts";
import { insertHost } from "./testing/telemetry-rows.ts";

const database = testDatabase();
let shop: Shop;
let range: TimeRange;
/** Ends with the last report: a range to the present would come to hold the silence since, and other buckets, with time. */
let wide: TimeRange;

beforeAll(async () => {
  shop = await openShop(database.url);
  range = TimeRange.parse({ from: shop.nowMs - 60_000, to: Date.now() + 1000 });
  wide = TimeRange.parse({ from: shop.nowMs - 600_000, to: shop.nowMs + 1 });
});
afterAll(() => shop.ingest.stop());

const search = (filter: string) => searchFlows(FlowSearchInput.parse({ range, filter, limit: 500 }));

describe("flows", () => {
  test("a flow that both ends reported is one row with both observers, its bytes counted once", async () => {
    const { rows } = await search("src.service=web dst.service=checkout dst.port=80");
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({
      join: "tuple",
      src: { pod: "web-1", service: "web", host: "h1", ip: "10.0.0.1" },
      dst: { pod: "checkout-1", service: "checkout", host: "h2", ip: "10.0.0.2" },
      forward: { bytes: 30 * 200 },
      observers: [
        { host: "h1", side: "source" },
        { host: "h2", side: "destination" },
      ],
      verdict: "forwarded",
    });
  });

  test("each observer's account, the life and the drops of a flow are in its drawer", async () => {
    const [row] = (await search("dst.port=80")).rows;
    const detail = await getFlow({ id: row?.otherId as string });
    expect(detail.row.id).toBe(row?.id);
    expect(detail.observers.map((o) => o.observers[0]?.host)).toEqual(["h1", "h2"]);
    expect(detail.series.reduce((sum, point) => sum + point.forwardBytes, 0)).toBe(30 * 200);
    const [refused] = (await search("verdict=dropped")).rows;
    expect((await getFlow({ id: refused?.id as string, range })).drops).toMatchObject([
      { reason: "NO_SOCKET", place: "tcp_v4_rcv", packets: 2 },
    ]);
    const lately = TimeRange.parse({ from: shop.nowMs - 10_000, to: shop.nowMs + 1000 });
    const part = await getFlow({ id: row?.id as string, range: lately });
    expect(part.row.forward.bytes).toBe(11 * 200);
    expect(part.series.reduce((sum, point) => sum + point.forwardBytes, 0)).toBe(11 * 200);
    for (const id of [
      crypto.randomUUID(),
      "00000000-0000-7000-8000-000000000000",
      "ffffffff-ffff-7fff-bfff-ffffffffffff",
    ])
      await expect(getFlow({ id }), id).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("a verdict that one end met is the flow's, with its reason", async () => {
    const { rows, matched } = await search("verdict=dropped reason=NO_SOCKET");
    expect(rows).toHaveLength(30);
    expect(matched).toEqual({ count: 30, capped: false });
    expect(rows.every((row) => row.dropReason === "NO_SOCKET" && row.drops === 2)).toBe(true);
  });

  test("a flow that Millrace carries has the first observer's way and path tiers, and both ends' rules", async () => {
    const [row] = (await search("dst.service=checkout tier=fast")).rows;
    expect(row).toMatchObject({
      ...{ verdict: "forwarded", way: "overlay", pathTiers: { slow: 30, fast: 60 } },
      rules: [
        { policy: 12, place: 3, revision: 7 },
        { policy: 4, place: 1, revision: 8 },
      ],
    });
    const { observers } = await getFlow({ id: row?.id ?? "" });
    expect(observers.map(({ rules, pathTiers }) => [rules[0]?.policy, pathTiers])).toEqual([
      [12, { slow: 30, fast: 60 }],
      [4, { slow: 0, fast: 90 }],
    ]);
  });

  test.each([
    ["rule=12/3", 1],
    ["policy=4", 1],
    ["rule=9/0 verdict=would-drop way=host tier=slow", 30],
    ["policy=9 tier=fast", 0],
    ["way=none", 30],
  ])("%s finds what it says", async (filter, wanted) => {
    expect((await search(filter)).rows).toHaveLength(wanted);
  });

  test("the histogram from rollups says what the one from flows says", async () => {
    const totals = async (filter: string) => {
      const { buckets } = await flowHistogram({ range, filter });
      const sum = (of: "forwarded" | "dropped" | "bytes") => buckets.reduce((total, b) => total + b[of], 0);
      return [sum("forwarded"), sum("dropped"), sum("bytes")];
    };
    // A term that every flow meets but rollups don't have sends the same question to the flows.
    for (const filter of [
      "",
      "src.service=web",
      "dst.port=443",
      "verdict=forwarded",
      "-dst.service=checkout",
      "src.namespace=shop",
      "namespace~sho -dst.namespace=shop",
      'dst.namespace~""',
    ])
      expect(await totals(`${filter} packets>=0`), filter).toEqual(await totals(filter));
    expect(await totals("dst.port=80")).toEqual([30, 0, 30 * 300]);
    expect((await totals("verdict=dropped"))[1]).toBeGreaterThan(0);
  });

  test("where no host reported the histogram has a gap", async () => {
    const { gaps, bucketMs } = await flowHistogram({ range: wide, filter: "" });
    expect(gaps).toHaveLength(1);
    expect(gaps[0]?.to).toBeGreaterThan(shop.nowMs - 30_000 - 2 * bucketMs);
    expect(gaps[0]?.to).toBeLessThanOrEqual(shop.nowMs - 29_000);
  });

  test("facets count the flows of each value", async () => {
    const facets = await flowFacets({ range, filter: "" });
    const of = (field: string) =>
      Object.fromEntries(facets.find((f) => f.field === field)?.values.map((v) => [v.value, v.count]) ?? []);
    expect(of("src.service")).toEqual({ web: 61 });
    expect(of("dst.port")).toEqual({ "80": 1, "443": 30, "9999": 30 });
    expect(of("verdict")).toEqual({ forwarded: 1, dropped: 30, "would-drop": 30 });
    expect(of("tier")).toEqual({ fast: 1, slow: 30 });
    expect(of("way")).toEqual({ overlay: 1, host: 30 });
    expect(of("rule")).toEqual({ "12/3": 1, "9/0": 30 });
    expect(of("reason")).toEqual({ NO_SOCKET: 30 });
    expect(facets.every((f) => f.sampled === false)).toBe(true);
  });

  test.each([
    ["src.service", "che", ["checkout"]],
    ["pod", "WEB", ["web-1"]],
    ["label", "app:", ["app:web"]],
    ["observer", "h", ["h1", "h2"]],
    ["verdict", "dr", ["dropped"]],
    ["reason", "no_", ["NO_SOCKET"]],
    ["dst.ip", "10.0.0.2", ["10.0.0.2"]],
    ["dst.port", "44", ["443"]],
    ["proto", "u", ["UDP"]],
    ["tier", "f", ["fast"]],
    ["rule", "", []],
    ["nonsense", "", []],
  ])("completion of %s “%s”", async (field, prefix, values) => {
    expect(await completeValue({ field, prefix, range })).toEqual(values);
  });
});

describe("drops", () => {
  test("are grouped by reason, place and host, with their line and ends", async () => {
    const { groups, bucketMs } = await summarizeDrops({ range, filter: "", ordinary: false });
    expect(groups).toHaveLength(1);
    const [group] = groups;
    expect(group).toMatchObject({
      reason: "NO_SOCKET",
      class: "loss",
      place: "tcp_v4_rcv",
      host: "h2",
      packets: 60,
    });
    expect(group?.line.reduce<number>((sum, n) => sum + (n ?? 0), 0)).toBe(60);
    expect(bucketMs).toBe(10_000);
    expect(group?.endpoints).toEqual([
      {
        ...{ src: "10.0.0.1", dst: "10.0.0.2", dstPort: 9999, proto: 6, packets: 60 },
        ...{ srcService: "web", dstService: "checkout" },
      },
    ]);
  });

  test("a line is broken where no host reported, and zero where one did", async () => {
    const { groups, gaps, from, bucketMs } = await summarizeDrops({
      range: wide,
      filter: "",
      ordinary: true,
    });
    expect(gaps).toEqual((await getOverview({ range: wide })).gaps);
    const silent = (at: number) => gaps.some((gap) => gap.from <= at && at < gap.to);
    const line = groups[0]?.line ?? [];
    expect(line.map((n) => n === null)).toEqual(line.map((_, i) => silent(from + i * bucketMs)));
    expect([line[0], line.at(-1)]).toEqual([null, expect.any(Number)]);
  });

  test("can be filtered like flows, and asked for by group", async () => {
    const groups = async (filter: string) =>
      (await summarizeDrops({ range, filter, ordinary: false })).groups.length;
    expect(await groups("dst.service=checkout dst.port=9999 verdict=dropped")).toBe(1);
    expect(await groups("dst.service=web")).toBe(0);
    expect(await groups("ip=10.0.0.2 -src.port=1 checkout")).toBe(1);
    expect(await groups("-tier=fast -rule=1/1 -policy=1 way=none")).toBe(1);
    expect(await groups("tier=slow")).toBe(0);
    const group = { reason: "NO_SOCKET", place: "tcp_v4_rcv", host: "h2" };
    expect((await getDropGroup({ range, filter: "", ordinary: false, ...group })).packets).toBe(60);
    await expect(
      getDropGroup({ range, filter: "", ordinary: false, ...group, host: "h1" }),
    ).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});

describe("the overview and the fleet", () => {
  test("the overview's figures are the range's, beside the span before", async () => {
    const overview = await getOverview({ range });
    const silentMs = overview.gaps.reduce((sum, gap) => sum + gap.to - gap.from, 0);
    const seconds = (range.to - Math.floor(range.from / 10_000) * 10_000 - silentMs) / 1000;
    expect(overview.bytesPerSecond.now).toBeCloseTo((30 * 600) / seconds, 1);
    expect(overview.bytesPerSecond.before).toBeNull();
    expect(overview.rttP50Us.now).toBeGreaterThan(940);
    expect(overview.rttP50Us.now).toBeLessThan(1060);
    expect(overview.pathTiers).toEqual({ slow: 30 * 1 + 30 * 3, fast: 30 * 2 });
    expect(overview.wouldDrop).toBe(30);
    expect(overview.hosts).toEqual({ ok: 2, warn: 0, bad: 0, unknown: 0 });
    expect(overview.worst.reasons).toEqual([{ reason: "NO_SOCKET", packets: 60 }]);
    expect(overview.worst.hosts).toEqual([{ host: "h2", drops: 60, state: "ok" }]);
    expect(overview.worst.services[0]).toMatchObject({ name: "shop/checkout", drops: 60 });
    expect(overview.worst.talkers[0]).toMatchObject({ src: "shop/web" });
    expect(overview.changes.map((c) => c.text)).toEqual(
      expect.arrayContaining(["h1 was enrolled", "The agent of h1 started, version 0.1.0"]),
    );
  });

  test("time that nobody reported is a gap, and no part of a rate", async () => {
    const { bytesPerSecond, bucketMs, gaps } = await getOverview({ range: wide });
    expect(gaps).toHaveLength(1);
    const reported = (wide.to - (gaps[0]?.to ?? 0)) / 1000;
    expect(reported).toBeLessThanOrEqual((31_000 + 2 * bucketMs) / 1000);
    expect(bytesPerSecond.now).toBeCloseTo((30 * 600) / reported, 1);
    expect((await getHost("h2", wide)).gaps).toEqual([expect.objectContaining({ to: gaps[0]?.to })]);
  });

  test("the fleet lists hosts with their rates, a host's page its endpoints and lives", async () => {
    const hosts = await listHosts();
    expect(hosts.map((h) => [h.name, h.state, h.pods, h.flowTableShare])).toEqual([
      ["h1", "ok", 1, 0.1],
      ["h2", "ok", 1, 0.1],
    ]);
    const host = await getHost("h2", range);
    expect(host.endpoints).toMatchObject([{ interface: "eth0", pod: "checkout-1", namespace: "shop" }]);
    expect(host.incarnations).toMatchObject([{ agentVersion: "0.1.0", lastSequence: 30 }]);
    const dropped = host.line.reduce((sum, point) => sum + point.drops, 0);
    expect(dropped * (host.bucketMs / 1000)).toBeCloseTo(60);
    await expect(getHost("h3", range)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("a host's page has what its agent took, when it said so", async () => {
    const { line } = await getHost("h2", range);
    const told = line.filter((point) => point.cpuShare !== null);
    expect(told.map((point) => [point.cpuShare, point.residentBytes])).toEqual([[0.01, 90e6]]);
    expect(line.length).toBeGreaterThan(told.length);
  });

  test("heartbeats of ten seconds are one row, and no number that an agent makes up is refused", async () => {
    const id = await insertHost("h9");
    for (const [cpuShare, residentBytes] of [
      [0.2, 5e6],
      [0.4, 7e6],
    ])
      await saveHeartbeat(
        id,
        aHeartbeat({ cpuShare: cpuShare as number, residentBytes: residentBytes as number }),
      );
    const usage = async () => {
      const { rows } = await pool().query(
        `select sum(heartbeats)::int as n, round((sum(cpu_share * heartbeats) / sum(heartbeats))::numeric, 6)::float8 as cpu,
           max(resident_bytes)::float8 as memory, count(*) <= 2 as few from agent_usage where host_id = $1`,
        [id],
      );
      return rows[0];
    };
    expect(await usage()).toEqual({ n: 2, cpu: 0.3, memory: 7e6, few: true });
    for (const wild of [1e308, -1e308, 0.1])
      await saveHeartbeat(id, aHeartbeat({ cpuShare: wild, residentBytes: wild }));
    expect(await usage()).toMatchObject({ n: 5, memory: Number.MAX_SAFE_INTEGER });
    await pool().query("delete from hosts where id = $1", [id]);
  });

  test("retention says what is used", async () => {
    const view = await getRetention();
    expect(view.usedBytes).toBeGreaterThan(0);
    expect(view.partitions).toBeGreaterThan(0);
    expect(view.oldestMs).toBeLessThan(shop.nowMs);
  });

  test("retention says what is kept in fact, and why that is less than the default", async () => {
    await tellAppliedRetention({ ...DEFAULT_RETENTION, rawBytes: 3e9 });
    expect((await getRetention()).capped).toMatchObject({
      rawBytes: 3e9,
      why: expect.stringMatching(/disk/),
    });
    await tellAppliedRetention(DEFAULT_RETENTION);
    expect((await getRetention()).capped).toBeNull();
  });
});
