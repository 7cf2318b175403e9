import "../testing/environment.ts";
import { type BlockName, LeaseInput } from "@millrace/contract/network";
import { CreatePoolInput, MOST_POOLS } from "@millrace/contract/pool";
import { overlaps, type Prefix, parsePrefix } from "@millrace/contract/prefix";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { testDatabase } from "../../../../../tools/testing/test-database.ts";
import { closeBus } from "../bus.ts";
import { closeDatabase, pool, useDatabase } from "../db.ts";
import { lease, publish, releaseHost, sweepNetwork } from "../network/service.ts";
import { runSetup } from "../setup/command.ts";
import { anUnderlay, onlineHost, silence } from "../testing/hosts.ts";
import { createPool, listHeld, listPools, removePool } from "./service.ts";

const database = testDatabase();
const ANN = { email: "ann@example.org", via: "session" };
const hosts: Record<string, { hostId: number; hostName: string }> = {};

beforeAll(async () => {
  await useDatabase(database.url);
  for (const name of ["h1", "h2", "h3"]) hosts[name] = { hostId: await onlineHost(name), hostName: name };
});
beforeEach(async () => {
  await pool().query("delete from network_endpoints");
  await pool().query("delete from pools");
  await pool().query("delete from underlays");
  await pool().query("update hosts set revoked_at = null, heartbeat_at = now()");
});
afterAll(async () => {
  await closeBus();
  await closeDatabase();
});

const create = (name: string, prefix4: string | null, over: object = {}) =>
  createPool(CreatePoolInput.parse({ name, mode: "direct", prefix4, ...over }), ANN);
const hostOf = (name: string) => hosts[name] as { hostId: number; hostName: string };
const ask = (host: string, want: LeaseInput["want"], blocks: BlockName[] = []) =>
  lease(hostOf(host), LeaseInput.parse({ blocks, want, underlay: anUnderlay() }));
const prefixes = async (host: string, want: LeaseInput["want"] = {}) =>
  (await ask(host, want)).blocks.map((block) => block.prefix4);
const use = async () => (await listPools())[0]?.blocks;
const failure = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "done",
    (error: { code: string; publicMessage: string }) => `${error.code} ${error.publicMessage}`,
  );

describe("a lease", () => {
  test("answers the host's blocks, and all that it needs to know of the pools", async () => {
    await create("default", "10.201.0.0/16", { prefix6: "fd00:201::/48" });
    await create("far", "10.202.0.0/16", { mode: "overlay", masquerade: false });
    expect(await ask("h1", { default: 1 })).toEqual({
      pools: [
        {
          ...{ name: "default", mode: "direct", prefix4: "10.201.0.0/16", prefix6: "fd00:201::/48" },
          ...{ blockLength4: 26, blockLength6: 122, masquerade: true, mtuOverhead: 0 },
          ...{ gateway4: "169.254.1.1", gateway6: "fe80::1" },
        },
        {
          ...{ name: "far", mode: "overlay", prefix4: "10.202.0.0/16", prefix6: null },
          ...{ blockLength4: 26, blockLength6: 122, masquerade: false, mtuOverhead: 50 },
          ...{ gateway4: "169.254.1.1", gateway6: "fe80::1" },
        },
      ],
      blocks: [{ pool: "default", prefix4: "10.201.0.0/26", prefix6: "fd00:201::/122", generation: 1 }],
      notOwn: [],
      publishedGeneration: 0,
    });
  });

  test("asked twice answers the same, also when both arrive at once", async () => {
    await create("default", "10.201.0.0/16");
    const first = await Promise.all(Array.from({ length: 8 }, () => ask("h1", { default: 2 })));
    expect(new Set(first.map((answer) => JSON.stringify(answer))).size).toBe(1);
    const { blocks } = await ask("h1", { default: 2 });
    expect(blocks).toEqual(first[0]?.blocks);
    expect((await ask("h1", { default: 1 }, blocks)).blocks).toHaveLength(3);
  });

  test("never gives one block to two hosts that ask at once", async () => {
    await create("default", "10.201.0.0/16", { prefix6: "fd00:201::/48" });
    const held: Record<string, BlockName[]> = { h1: [], h2: [] };
    for (let i = 0; i < 50; i++)
      await Promise.all(
        ["h1", "h2"].map(async (host) => {
          held[host] = (await ask(host, { default: 1 }, held[host])).blocks;
        }),
      );
    const blocks = [...(held.h1 ?? []), ...(held.h2 ?? [])];
    expect([held.h1?.length, held.h2?.length]).toEqual([50, 50]);
    const all = blocks.flatMap(({ prefix4, prefix6 }) =>
      [prefix4, prefix6].map((text) => parsePrefix(text ?? "") as Prefix),
    );
    const clashes = all.filter((a, i) => all.some((b, j) => i < j && overlaps(a, b)));
    expect([all.length, clashes]).toEqual([200, []]);
    expect(await use()).toEqual({ total: 1024, leased: 100, quarantined: 0, free: 924 });
  });

  test("of hosts that fight for the last blocks gives all of them out, once, and tells the rest which pool is empty", async () => {
    await create("small", "10.201.0.0/24");
    const answers = await Promise.all(
      ["h1", "h2", "h3"].flatMap((host) => [1, 2].map((n) => failure(ask(host, { small: n })))),
    );
    const { leased, free } = (await use()) ?? { leased: 0, free: 0 };
    expect([leased + free, leased >= 3]).toEqual([4, true]);
    for (const answer of answers)
      expect(answer).toMatch(/^(done|CONFLICT pool small is exhausted: of its 4 blocks)/);
    await ask("h1", { small: free }, (await ask("h1", {})).blocks);
    expect(await failure(ask("h1", { small: 1 }, (await ask("h1", {})).blocks))).toBe(
      "CONFLICT pool small is exhausted: of its 4 blocks 0 are free, 1 are wanted",
    );
  });

  test("that can't be had as a whole takes nothing", async () => {
    await create("a", "10.201.0.0/24");
    await create("b", "10.202.0.0/26");
    expect(await failure(ask("h1", { a: 1, b: 2 }))).toMatch(/pool b is exhausted/);
    expect(await failure(ask("h1", { a: 1, none: 1 }))).toBe("NOT_FOUND There is no pool “none”");
    expect((await listPools()).map(({ blocks }) => blocks.leased)).toEqual([0, 0]);
  });

  test("has a bound for each host, whatever it asks for", async () => {
    await create("default", "10.201.0.0/16");
    let blocks: BlockName[] = [];
    for (let i = 0; i < 4; i++) blocks = (await ask("h1", { default: 16 }, blocks)).blocks;
    expect(await failure(ask("h1", { default: 1 }, blocks))).toBe(
      "CONFLICT host h1 would hold 65 blocks, and may hold 64",
    );
  });

  test("names what a host holds and may not: another's, one that was released, one of a pool made anew", async () => {
    await create("default", "10.201.0.0/16");
    const { blocks: first } = await ask("h1", { default: 1 });
    const { blocks, notOwn } = await ask("h2", { default: 1 }, first);
    expect(notOwn).toEqual(first.map(({ generation: _, ...name }) => name));
    expect(blocks.map(({ prefix4 }) => prefix4)).toEqual(["10.201.0.64/26"]);
    const other = { pool: "default", prefix4: "10.9.0.0/26", prefix6: null };
    expect((await ask("h1", {}, [...first, other])).notOwn).toEqual([other]);
  });

  test("is refused to a host that is reached by an address of a pool", async () => {
    await create("default", "10.201.0.0/16");
    const underlay = anUnderlay({ uplink4: "10.201.7.7" });
    expect(await failure(lease(hostOf("h1"), { blocks: [], want: { default: 1 }, underlay }))).toBe(
      "CONFLICT its uplink 10.201.7.7 is an address of pool “default”",
    );
  });

  test("of a pool of IPv6 only has no IPv4", async () => {
    await create("six", null, { prefix6: "fd00:201::/48" });
    expect((await ask("h1", { six: 1 })).blocks).toMatchObject([
      { prefix4: null, prefix6: "fd00:201::/122" },
    ]);
  });
});

describe("a silent host", () => {
  beforeEach(async () => {
    await create("small", "10.201.0.0/25");
    await ask("h1", { small: 2 });
  });

  test("has its blocks quarantined, keeps them from everybody, and has them again when it is heard", async () => {
    await silence(hostOf("h1").hostId, 59);
    expect(await sweepNetwork()).toEqual({ quarantined: [], returned: [] });
    await silence(hostOf("h1").hostId, 61);
    expect(await sweepNetwork()).toEqual({ quarantined: [{ host: "h1", blocks: 2 }], returned: [] });
    expect(await use()).toEqual({ total: 2, leased: 0, quarantined: 2, free: 0 });
    expect(await failure(ask("h2", { small: 1 }))).toMatch(/exhausted/);
    await silence(hostOf("h1").hostId, 0);
    expect(await sweepNetwork()).toEqual({ quarantined: [], returned: [{ host: "h1", blocks: 2 }] });
    expect(await use()).toMatchObject({ leased: 2, quarantined: 0 });
  });

  test("has them again at once when it asks", async () => {
    await silence(hostOf("h1").hostId, 61);
    await sweepNetwork();
    expect(await prefixes("h1")).toEqual(["10.201.0.0/26", "10.201.0.64/26"]);
    expect(await use()).toMatchObject({ leased: 2, quarantined: 0 });
  });

  test("loses them when a person releases them, with what it published; they go to others, as other blocks than before", async () => {
    const { blocks } = await ask("h1", {});
    await publish(hostOf("h1"), {
      ...{ generation: 1, last: true },
      endpoints: [{ attachmentId: "a", address4: "10.201.0.5", address6: null, labels: {} }],
    });
    await silence(hostOf("h1").hostId, 61);
    const names = blocks.map(({ generation: _, ...name }) => name);
    expect(await releaseHost("h1", ANN)).toEqual({ host: "h1", blocks: names, endpoints: 1 });
    expect((await listPools())[0]).toMatchObject({ blocks: { free: 2 }, addressesUsed: { ip4: 0, ip6: 0 } });
    expect((await ask("h2", { small: 1 })).blocks).toMatchObject([
      { prefix4: "10.201.0.0/26", generation: 2 },
    ]);
    expect(await ask("h1", {}, names)).toMatchObject({ blocks: [], notOwn: names });
  });

  test("that is heard has nothing taken from it; one whose agent was revoked does at once", async () => {
    expect(await failure(releaseHost("h1", ANN))).toMatch(/^CONFLICT host “h1” was heard 0 seconds ago/);
    expect(await failure(releaseHost("nobody", ANN))).toBe("NOT_FOUND there is no host “nobody”");
    await silence(hostOf("h2").hostId, 600);
    expect(await failure(releaseHost("h2", ANN))).toBe("CONFLICT host “h2” holds no block");
    await pool().query("update hosts set revoked_at = now() where name = 'h1'");
    expect(await releaseHost("h1", ANN)).toMatchObject({ blocks: [{}, {}] });
  });

  test("that comes back while it is released has all its blocks or none", async () => {
    for (let i = 0; i < 20; i++) {
      await silence(hostOf("h1").hostId, 61);
      const [released, back] = await Promise.all([failure(releaseHost("h1", ANN)), ask("h1", { small: 2 })]);
      expect(released).toMatch(/^(done|CONFLICT host “h1” was heard)/);
      expect(await prefixes("h1")).toEqual(["10.201.0.0/26", "10.201.0.64/26"]);
      expect(back.blocks).toHaveLength(2);
    }
  });
});

describe("what hosts hold", () => {
  test("is listed by host and pool, those of silent hosts first, with what they published", async () => {
    await create("default", "10.201.0.0/16");
    await ask("h1", { default: 1 });
    await ask("h2", { default: 2 });
    expect(await listHeld()).toMatchObject({
      more: 0,
      held: [
        {
          host: "h1",
          pool: "default",
          state: "leased",
          blocks: [{ prefix4: "10.201.0.0/26", prefix6: null }],
        },
        { host: "h2", state: "leased", endpoints: 0, blocks: [{}, {}] },
      ],
    });
    await silence(hostOf("h2").hostId, 61);
    await sweepNetwork();
    const { held } = await listHeld();
    expect(held.map(({ host, state }) => [host, state])).toEqual([
      ["h2", "quarantined"],
      ["h1", "leased"],
    ]);
    expect(held[0]?.confirmedAtMs).toBeLessThan(Date.now() - 60_000);
    await releaseHost("h2", ANN);
    expect((await listHeld()).held.map(({ host }) => host)).toEqual(["h1"]);
  });
});

test("a freed block rests: what was never used goes first, then what rested longest", async () => {
  await create("small", "10.201.0.0/24");
  expect(await prefixes("h1", { small: 1 })).toEqual(["10.201.0.0/26"]);
  expect(await prefixes("h2", { small: 1 })).toEqual(["10.201.0.64/26"]);
  await silence(hostOf("h1").hostId, 61);
  await releaseHost("h1", ANN);
  await silence(hostOf("h2").hostId, 300);
  await releaseHost("h2", ANN);
  expect(await prefixes("h3", { small: 4 })).toHaveLength(4);
  const { rows } = await pool().query(
    "select host(prefix4) as first from blocks order by leased_at, generation, index",
  );
  expect(rows.map((row) => row.first)).toEqual(["10.201.0.128", "10.201.0.192", "10.201.0.0", "10.201.0.64"]);
});

describe("a pool", () => {
  test("is listed with its use", async () => {
    await create("default", "10.201.0.0/16", { prefix6: "fd00:201::/48" });
    await create("other", "10.202.0.0/16");
    await ask("h1", { default: 1, other: 1 });
    const endpoint = (attachmentId: string, address4: string | null, address6: string | null) => ({
      ...{ attachmentId, address4, address6, labels: {} },
    });
    await publish(hostOf("h1"), {
      ...{ generation: 1, last: true },
      endpoints: [
        endpoint("a", "10.201.0.0", "fd00:201::3f"),
        endpoint("b", "10.201.0.63", null),
        endpoint("c", "10.202.0.1", null),
      ],
    });
    expect(
      (await listPools()).map(({ name, blocks, addressesUsed }) => ({ name, blocks, addressesUsed })),
    ).toEqual([
      {
        name: "default",
        blocks: { total: 1024, leased: 1, quarantined: 0, free: 1023 },
        addressesUsed: { ip4: 2, ip6: 1 },
      },
      {
        name: "other",
        blocks: { total: 1024, leased: 1, quarantined: 0, free: 1023 },
        addressesUsed: { ip4: 1, ip6: 0 },
      },
    ]);
  });

  test.each([
    ["10.201.0.0/16", /^CONFLICT prefix4: 10\.201\.0\.0\/16 overlaps 10\.201\.0\.0\/17 of pool “a”/],
    ["10.201.64.0/20", /^CONFLICT prefix4: .* overlaps 10\.201\.0\.0\/17/],
    ["192.0.2.0/24", /^CONFLICT prefix4: 192\.0\.2\.0\/24 holds 192\.0\.2\.1, by which host “h1” is reached/],
    ["10.201.128.0/17", /^done/],
  ])("%s beside another, where it may be", async (prefix4, answer) => {
    await create("a", "10.201.0.0/17", { prefix6: "fd00:201::/48" });
    await ask("h1", {});
    expect(await failure(create("b", prefix4))).toMatch(answer);
    expect(await failure(create("c", null, { prefix6: "fd00:201:0:1::/64" }))).toMatch(/^CONFLICT prefix6: /);
    expect(await failure(create("a", "10.9.0.0/16"))).toBe("CONFLICT name: there is a pool “a” already");
  });

  test("of those made at once, no two overlap", async () => {
    const made = await Promise.all(
      [16, 17, 18, 19, 20, 21].map((length) => failure(create(`p${length}`, `10.201.0.0/${length}`))),
    );
    expect(made.filter((answer) => answer === "done")).toHaveLength(1);
  });

  test("goes only when none of its blocks is anybody's", async () => {
    await create("default", "10.201.0.0/16");
    await ask("h1", { default: 1 });
    expect(await failure(removePool("default", ANN))).toBe(
      "CONFLICT pool “default”: hosts hold 1 of its blocks",
    );
    await silence(hostOf("h1").hostId, 61);
    await sweepNetwork();
    expect(await failure(removePool("default", ANN))).toMatch(/^CONFLICT/);
    await releaseHost("h1", ANN);
    expect(await removePool("default", ANN)).toEqual({ name: "default" });
    expect([await listPools(), await failure(removePool("default", ANN))]).toEqual([
      [],
      "NOT_FOUND there is no pool “default”",
    ]);
  });

  test("there are only so many of", async () => {
    for (let i = 0; i < MOST_POOLS; i++) await create(`p${i}`, `10.${i}.0.0/16`);
    expect(await failure(create("one-more", "10.200.0.0/16"))).toMatch(/^CONFLICT there are 32 pools/);
  });

  test("is made by the setup command where there is none yet", async () => {
    const make = () => runSetup(["pool", "--pool", "name=default,mode=overlay,v4=10.201.0.0/16"]);
    expect([await make(), await make()]).toEqual([{ pool: "default" }, { pool: null }]);
  });
});
