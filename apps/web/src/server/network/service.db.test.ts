import "../testing/environment.ts";
import { FIRST_IDENTITY, LAST_IDENTITY } from "@millrace/contract/identity";
import { LeaseInput, type PublishedEndpoint, PublishInput, RESOLVE_LIMITS } from "@millrace/contract/network";
import { CreatePoolInput } from "@millrace/contract/pool";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { testDatabase } from "../../../../../tools/testing/test-database.ts";
import { bus, closeBus } from "../bus.ts";
import { closeDatabase, pool, useDatabase } from "../db.ts";
import { createPool } from "../pool/service.ts";
import { anUnderlay, silence } from "../testing/hosts.ts";
import { hosts, NAMES, type Name, threeHostsOnline, underlayOf } from "../testing/three-hosts.ts";
import { PLACES } from "./repo.ts";
import { lease, publish, releaseHost, resolve, sweepNetwork } from "./service.ts";

const database = testDatabase();
const ANN = { email: "ann@example.org", via: "session" };
let told: string[] = [];

beforeAll(async () => {
  await useDatabase(database.url);
  await threeHostsOnline();
  const pools = [
    { name: "default", mode: "direct", prefix4: "10.201.0.0/16", prefix6: "fd00:201::/48" },
    { name: "far", mode: "overlay", prefix4: "10.202.0.0/16" },
  ];
  for (const input of pools) await createPool(CreatePoolInput.parse(input), ANN);
  bus().listen("millrace_network", (payload) => payload !== null && told.push(payload));
  await heard(); // the bus is connected
});
beforeEach(async () => {
  for (const table of ["network_endpoints", "resolve_leases", "blocks", "underlays", "identities"])
    await pool().query(`delete from ${table}`);
  await pool().query("update hosts set revoked_at = null, heartbeat_at = now()");
  await ask("h1"); // 10.201.0.0/26
  await ask("h2"); // 10.201.0.64/26
  await heard();
});
afterAll(async () => {
  await closeBus();
  await closeDatabase();
});

const ask = (name: Name, over: object = {}) =>
  lease(
    hosts[name],
    LeaseInput.parse({ blocks: [], want: { default: 1 }, underlay: underlayOf(name), ...over }),
  );
const endpoint = (attachmentId: string, address4: string | null, over: Partial<PublishedEndpoint> = {}) => ({
  ...{ attachmentId, address4, address6: null, labels: { app: attachmentId } },
  ...over,
});
const say = (name: Name, generation: number, endpoints: object[], last = true) =>
  publish(hosts[name], PublishInput.parse({ generation, endpoints, last }));
const where = async (name: Name, ...addresses: string[]) =>
  (await resolve(hosts[name], { addresses })).resolved;
const reason = async (name: Name, ...addresses: string[]) =>
  (await where(name, ...addresses)).map(({ found, reason }) => found?.host.name ?? reason);
const failure = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "done",
    (error: { code: string; publicMessage: string }) => `${error.code} ${error.publicMessage}`,
  );

/** Who was told since the last question. A notification sent now is heard after all that were sent before. */
async function heard(): Promise<string[]> {
  const marker = crypto.randomUUID();
  await vi.waitFor(
    async () => {
      await pool().query("select pg_notify('millrace_network', $1)", [marker]);
      expect(told).toContain(marker);
    },
    { timeout: 20_000, interval: 5 },
  );
  const names = new Map(NAMES.map((name) => [String(hosts[name].hostId), name as string]));
  const before = told.slice(0, told.indexOf(marker)).filter((payload) => !payload.includes("-"));
  told = [];
  return before.flatMap((payload) => payload.split(",")).map((id) => names.get(id) ?? id);
}

test("an uplink that lies in a pool which is being made at that moment is refused", async () => {
  const maker = await pool().connect();
  try {
    await maker.query("begin");
    await maker.query("select pg_advisory_xact_lock(7318003)");
    await maker.query(
      `insert into pools (name, mode, prefix4, block_length4, block_length6, masquerade)
       values ('meanwhile', 'direct', '198.51.100.0/24', 26, 122, false)`,
    );
    const leased = failure(ask("h3", { underlay: anUnderlay({ uplink4: "198.51.100.9" }) }));
    await vi.waitFor(
      async () => {
        const waiting = await pool().query(
          `select from pg_locks l join pg_database d on d.oid = l.database
           where d.datname = current_database() and l.locktype = 'advisory' and not l.granted`,
        );
        expect(waiting.rowCount).toBe(1);
      },
      { timeout: 20_000, interval: 5 },
    );
    await maker.query("commit");
    expect(await leased).toBe("CONFLICT its uplink 198.51.100.9 is an address of pool “meanwhile”");
  } finally {
    maker.release();
    await pool().query("delete from pools where name = 'meanwhile'");
  }
});

describe("publishing", () => {
  test("gives one identity to equal labels, whatever their order and host, and another to others", async () => {
    const labels = { app: "web", tier: "front" };
    const one = await say("h1", 1, [
      endpoint("a", "10.201.0.1", { labels }),
      endpoint("b", "10.201.0.2", { labels: { tier: "front", app: "web" } }),
      endpoint("c", "10.201.0.3", { labels: {} }),
    ]);
    const two = await say("h2", 1, [endpoint("a", "10.201.0.65", { labels })]);
    const [a, b, c] = one.identities.map(({ identity }) => identity);
    expect([a === b, a === c, two.identities[0]?.identity === a]).toEqual([true, false, true]);
    expect(Math.min(a ?? 0, c ?? 0)).toBeGreaterThanOrEqual(FIRST_IDENTITY);
  });

  test("by many hosts at once gives a set one number", async () => {
    await ask("h3");
    const sets = Array.from({ length: 20 }, (_, i) => ({ app: `app-${i}` }));
    const all = await Promise.all(
      NAMES.map((name, h) => {
        const order = h % 2 ? [...sets].reverse() : sets;
        return say(
          name,
          1,
          order.map((labels, i) => endpoint(labels.app, `10.201.0.${h * 64 + i}`, { labels })),
        );
      }),
    );
    const numbers = all.map(({ identities }) =>
      Object.fromEntries(identities.map(({ attachmentId, identity }) => [attachmentId, identity])),
    );
    expect(numbers[1]).toEqual(numbers[0]);
    expect(numbers[2]).toEqual(numbers[0]);
    expect(new Set(Object.values(numbers[0] ?? {})).size).toBe(20);
  });

  test("refuses addresses that aren't the host's to give, by name, and takes the rest", async () => {
    const output = await say("h1", 1, [
      endpoint("mine", "10.201.0.1"),
      endpoint("theirs", "10.201.0.65"),
      endpoint("nobody's", "10.201.9.1"),
      endpoint("half", "10.201.0.2", { address6: "fd00:201::40" }),
      endpoint("outside", "8.8.8.8"),
    ]);
    expect(output.identities.map(({ attachmentId }) => attachmentId)).toEqual(["mine"]);
    expect(output.refused).toEqual([
      { attachmentId: "theirs", address: "10.201.0.65" },
      { attachmentId: "nobody's", address: "10.201.9.1" },
      { attachmentId: "half", address: "fd00:201::40" },
      { attachmentId: "outside", address: "8.8.8.8" },
    ]);
    expect(await reason("h2", "10.201.0.1", "10.201.0.2", "10.201.0.65")).toEqual([
      ...["h1", "no-endpoint", "no-endpoint"],
    ]);
  });

  test("is of the whole set: what isn't named is gone, addresses may change hands", async () => {
    await say("h1", 1, [
      endpoint("a", "10.201.0.1"),
      endpoint("b", "10.201.0.2"),
      endpoint("c", "10.201.0.3"),
    ]);
    await say("h1", 2, [endpoint("a", "10.201.0.2"), endpoint("b", "10.201.0.1")]);
    const answers = await where("h2", "10.201.0.1", "10.201.0.2", "10.201.0.3");
    expect(answers.map(({ found }) => found?.labels)).toEqual([{ app: "b" }, { app: "a" }, undefined]);
  });

  test("in parts removes nothing before the last", async () => {
    await say("h1", 1, [endpoint("a", "10.201.0.1"), endpoint("old", "10.201.0.9")]);
    await say("h1", 2, [endpoint("b", "10.201.0.2")], false);
    expect(await reason("h2", "10.201.0.1", "10.201.0.2", "10.201.0.9")).toEqual(["h1", "h1", "h1"]);
    await say("h1", 2, [endpoint("a", "10.201.0.1")], true);
    expect(await reason("h2", "10.201.0.1", "10.201.0.2", "10.201.0.9")).toEqual(["h1", "h1", "no-endpoint"]);
  });

  test("of an older generation is refused, of the same is done again; the newest is told with the lease", async () => {
    await say("h1", 5, [endpoint("a", "10.201.0.1")]);
    const again = await say("h1", 5, [endpoint("a", "10.201.0.1")]);
    expect(again.identities).toHaveLength(1);
    expect(await failure(say("h1", 4, []))).toBe(
      "CONFLICT generation 4 of h1 is older than 5, which is published",
    );
    expect((await ask("h1")).publishedGeneration).toBe(5);
    expect(await reason("h2", "10.201.0.1")).toEqual(["h1"]);
  });

  test("needs a lease before", async () => {
    expect(await failure(say("h3", 1, []))).toBe("CONFLICT host h3 has to lease before it publishes");
  });

  test.each<[string, object[], RegExp]>([
    ["without an address", [endpoint("a", null)], /an endpoint has an IPv4 or an IPv6 address/],
    ["twice by one name", [endpoint("a", "10.201.0.1"), endpoint("a", "10.201.0.2")], /is there twice/],
    [
      "twice at one address in two writings",
      [endpoint("a", null, { address6: "fd00:201::1" }), endpoint("b", null, { address6: "fd00:201:0::1" })],
      /is there twice/,
    ],
    [
      "with more labels than anybody has",
      [
        endpoint("a", "10.201.0.1", {
          labels: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`l${i}`, ""])),
        }),
      ],
      /at most 64 labels/,
    ],
  ])("an endpoint %s is no input", (_, endpoints, why) => {
    expect(() => PublishInput.parse({ generation: 1, endpoints, last: true })).toThrow(why);
  });
});

describe("an identity", () => {
  const numbers = async () =>
    (await pool().query<{ id: number }>("select id from identities order by id")).rows.map((row) => row.id);

  test("is kept for a day after its last endpoint, and forgotten then", async () => {
    const { identities } = await say("h1", 1, [endpoint("a", "10.201.0.1")]);
    await pool().query("update identities set last_used_at = now() - interval '9 days'");
    await sweepNetwork();
    expect(await numbers()).toEqual(identities.map(({ identity }) => identity));
    await say("h1", 2, []);
    await sweepNetwork();
    expect(await numbers()).toHaveLength(1);
    await pool().query("update identities set last_used_at = now() - interval '25 hours'");
    await sweepNetwork();
    expect(await numbers()).toEqual([]);
  });

  test("after the last number the first that is free follows, and none below the reserved", async () => {
    const three = ["x", "y", "z"].map((app, i) => endpoint(app, `10.201.0.${i}`));
    await pool().query("select setval('identities_id_seq', $1)", [FIRST_IDENTITY]);
    await say("h1", 1, three.slice(0, 1));
    const [taken] = await numbers();
    await pool().query("select setval('identities_id_seq', $1, false)", [LAST_IDENTITY]);
    await pool().query("update identities set id = $1 where id = $2", [FIRST_IDENTITY, taken]);
    await say("h1", 2, three);
    expect(await numbers()).toEqual([FIRST_IDENTITY, FIRST_IDENTITY + 1, LAST_IDENTITY]);
  });
});

describe("resolving", () => {
  test("answers where an address is, how to get there, and what it is", async () => {
    await ask("h1", { want: { far: 1 } });
    await say("h1", 1, [
      endpoint("a", "10.201.0.1", { address6: "fd00:201::1" }),
      endpoint("b", "10.202.0.1", { labels: { "k8s.io/app": "b" } }),
    ]);
    const host = { name: "h1", ...underlayOf("h1") };
    const a = { host, pool: "default", mode: "direct", labels: { app: "a" }, identity: expect.any(Number) };
    const held = { reason: null, leaseSeconds: RESOLVE_LIMITS.foundSeconds };
    expect(await where("h2", "fd00:0201::0:1", "10.202.0.1", "10.201.0.1")).toEqual([
      { address: "fd00:0201::0:1", found: a, ...held },
      {
        ...{ address: "10.202.0.1", ...held },
        found: { ...a, pool: "far", mode: "overlay", labels: { "k8s.io/app": "b" } },
      },
      { address: "10.201.0.1", found: a, ...held },
    ]);
  });

  test("says why there is nothing, for a short time", async () => {
    await say("h1", 1, [endpoint("a", "10.201.0.1")]);
    const addresses = ["8.8.8.8", "::ffff:10.201.0.1", "10.201.200.1", "fd00:201:0:ffff::1", "10.201.0.2"];
    expect(await reason("h2", ...addresses)).toEqual([
      ...["not-in-pool", "not-in-pool", "no-block", "no-block", "no-endpoint"],
    ]);
    expect((await where("h2", "10.201.0.2"))[0]).toMatchObject({
      leaseSeconds: RESOLVE_LIMITS.absentSeconds,
    });
  });

  test("goes on while a host's agent is silent, for its pods do; not when it was revoked or released", async () => {
    await say("h1", 1, [endpoint("a", "10.201.0.1")]);
    await silence(hosts.h1.hostId, 3600);
    await sweepNetwork();
    expect(await reason("h2", "10.201.0.1")).toEqual(["h1"]);
    await pool().query("update hosts set revoked_at = now() where name = 'h1'");
    expect(await reason("h2", "10.201.0.1")).toEqual(["host-gone"]);
    await releaseHost("h1", ANN);
    expect(await reason("h2", "10.201.0.1")).toEqual(["no-block"]);
  });

  test("answers which host has an underlay address, unless it was revoked", async () => {
    const which = async (...addresses: string[]) => {
      const { hosts: answers = [] } = await resolve(hosts.h3, { addresses: [], hosts: addresses });
      return answers.map(({ address, host, leaseSeconds }) => [address, host?.name ?? null, leaseSeconds]);
    };
    const { uplink4, uplink6 } = underlayOf("h1");
    expect(await which("192.0.2.99", uplink4 as string, "10.201.0.5")).toEqual([
      ["192.0.2.99", null, 5],
      [uplink4, "h1", 120],
      ["10.201.0.5", null, 5],
    ]);
    if (uplink6) expect(await which(uplink6)).toEqual([[uplink6, "h1", 120]]);
    await pool().query("update hosts set revoked_at = now() where name = 'h1'");
    expect(await which(uplink4 as string)).toEqual([[uplink4, null, 5]]);
  });

  test("looks everything up by index, so that it costs the same in a large fleet", async () => {
    await pool().query(
      `insert into hosts (name, credential_hash) select 'n' || i, '' from generate_series(1, 20000) i;
       insert into underlays (host_id, uplink4, mac, mtu, vtep_port)
         select id, '192.0.2.9', '02:00:00:00:00:02', 1500, 4789 from hosts where name like 'n%';
       insert into blocks (pool_id, index, host_id, state, generation, leased_at, last_confirmed_at)
         select p.id, 1000 + row_number() over (), h.id, 'leased', 1, now(), now()
         from hosts h, pools p where h.name like 'n%' and p.name = 'default';
       insert into identities (hash, labels) select i::text, '{}' from generate_series(1, 20000) i;
       insert into network_endpoints (host_id, attachment_id, address4, address6, identity_id, generation)
         select h.id, 'a', '11.0.0.0'::inet + h.id, 'fd01::'::inet + h.id, i.id, 1
         from hosts h join identities i on i.hash = (h.id % 20000 + 1)::text where h.name like 'n%'`,
    );
    await pool().query("analyze");
    const addresses = Array.from({ length: RESOLVE_LIMITS.addresses }, (_, i) => `11.0.1.${i}`);
    const values = [addresses, addresses.map(() => 1), addresses.map((_, i) => 1000 + i)];
    const { rows } = await pool().query<{ "QUERY PLAN": string }>(`explain ${PLACES}`, values);
    const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
    await pool().query("delete from blocks where index > 999");
    await pool().query("delete from hosts where name like 'n%'");
    expect(plan).not.toMatch(/Seq Scan/);
  });
});

describe("who asked", () => {
  beforeEach(async () => {
    await say("h1", 1, [endpoint("a", "10.201.0.1"), endpoint("b", "10.201.0.2")]);
    await heard();
  });

  test("is told when the answer changes, and nobody else is", async () => {
    await where("h2", "10.201.0.1");
    await where("h3", "10.201.0.2");
    await say("h1", 2, [
      endpoint("a", "10.201.0.1"),
      endpoint("b", "10.201.0.2"),
      endpoint("c", "10.201.0.3"),
    ]);
    expect(await heard()).toEqual([]);
    await say("h1", 3, [endpoint("a", "10.201.0.1", { labels: {} }), endpoint("b", "10.201.0.2")]);
    expect(await heard()).toEqual(["h2"]);
    await say("h1", 4, []);
    expect((await heard()).sort()).toEqual(["h2", "h3"]);
  });

  test("for nothing is told when there is something", async () => {
    await where("h3", "10.201.0.3");
    await say("h1", 2, [endpoint("c", "10.201.0.3")]);
    expect(await heard()).toEqual(["h3"]);
  });

  test("is told when the host is reached otherwise, or its blocks are released", async () => {
    await where("h2", "10.201.0.1");
    await ask("h1");
    expect(await heard()).toEqual([]);
    await ask("h1", { underlay: anUnderlay({ uplink4: "192.0.2.77" }) });
    expect(await heard()).toEqual(["h2"]);
    await silence(hosts.h1.hostId, 90);
    await releaseHost("h1", ANN);
    expect(await heard()).toEqual(["h2"]);
  });

  test("is told nothing after the lease, which is then forgotten", async () => {
    await where("h2", "10.201.0.1");
    await pool().query("update resolve_leases set until = now() - interval '1 s'");
    await say("h1", 2, []);
    expect(await heard()).toEqual([]);
    await sweepNetwork();
    expect((await pool().query("select 1 from resolve_leases")).rows).toEqual([]);
  });

  test("while it changed has the new answer, or is told", async () => {
    for (let generation = 2; generation < 52; generation++) {
      await pool().query("delete from resolve_leases");
      const labels = { generation: String(generation) };
      const [[answer]] = await Promise.all([
        where("h2", "10.201.0.1"),
        say("h1", generation, [endpoint("a", "10.201.0.1", { labels })]),
      ]);
      const isNew = answer?.found?.labels.generation === labels.generation;
      const isTold = (await heard()).includes("h2");
      expect([generation, isNew || isTold]).toEqual([generation, true]);
    }
  });

  test("for more than is kept has those kept that last longest", async () => {
    await pool().query(
      `insert into resolve_leases (address, host_id, until)
       select '11.0.0.0'::inet + i, $1, now() + i * interval '1 ms' from generate_series(1, 16384) i`,
      [hosts.h2.hostId],
    );
    await where("h2", "10.201.0.1", "10.201.0.2");
    const { rows } = await pool().query(
      `select count(*)::int as kept, bool_or(address = '11.0.0.1') as first, bool_or(address = '11.0.0.3') as third,
         bool_or(address = '10.201.0.1') as asked from resolve_leases where host_id = $1`,
      [hosts.h2.hostId],
    );
    expect(rows).toEqual([{ kept: 16_384, first: false, third: true, asked: true }]);
  });
});

test("every host is told when a pool is made or removed", async () => {
  await createPool(CreatePoolInput.parse({ name: "more", mode: "direct", prefix4: "10.203.0.0/16" }), ANN);
  expect(await heard()).toEqual(["*"]);
});
