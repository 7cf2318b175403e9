import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { testDatabase } from "../../../../../tools/testing/test-database.ts";
import { pool } from "../db.ts";
import {
  aFlow,
  anEndpoint,
  aWorkload,
  batchBytes,
  type FlowRow,
  flowId,
  ip,
  newIncarnation,
  SECOND_US,
} from "../testing/agent-batch.ts";
import { IngestInstance, rows } from "../testing/ingest-instance.ts";
import { decodeBatch } from "./decode.ts";
import { forgetHidden, settleHidden } from "./hidden-sources.ts";
import { BatchStore } from "./store.ts";

const database = testDatabase();
let instance: IngestInstance;
const credentials: Record<string, string> = {};
beforeAll(async () => {
  instance = await IngestInstance.start(database.url);
  for (const host of ["client", "server"]) credentials[host] = await instance.enrol(host);
});
afterAll(() => instance?.stop());

const START_US = Math.floor(Date.now() / 60_000 - 480) * 60 * SECOND_US;
type Tuple = readonly [src: string, srcPort: number, dst: string, dstPort: number];
/** What each end's observer sees, and what its host's conntrack says of the other side. */
type Road = { client: Tuple; clientNat?: Tuple; server: Tuple; serverNat?: Tuple };

const CLIENT = "10.1.0.5";
const SERVER = "10.2.0.7";
const roads = {
  "no NAT": { client: [CLIENT, 4000, SERVER, 80], server: [CLIENT, 4000, SERVER, 80] },
  "a masquerading client's host": {
    ...{ client: [CLIENT, 4000, SERVER, 80], clientNat: ["192.0.2.1", 61_000, SERVER, 80] },
    server: ["192.0.2.1", 61_000, SERVER, 80],
  },
  "a service's address at the client's host": {
    ...{ client: [CLIENT, 4000, "10.96.0.10", 80], clientNat: [CLIENT, 4000, SERVER, 8080] },
    server: [CLIENT, 4000, SERVER, 8080],
  },
  "a port of the server's host": {
    ...{ client: [CLIENT, 4000, "192.0.2.2", 8080], server: [CLIENT, 4000, SERVER, 80] },
    serverNat: [CLIENT, 4000, "192.0.2.2", 8080],
  },
  "a server's host that hides the source": {
    ...{ client: [CLIENT, 4000, "192.0.2.2", 8080], server: ["192.0.2.2", 5000, SERVER, 80] },
    serverNat: [CLIENT, 4000, "192.0.2.2", 8080],
  },
  "NAT at both hosts": {
    client: [CLIENT, 4000, "192.0.2.2", 8080],
    clientNat: ["192.0.2.1", 61_000, "192.0.2.2", 8080],
    server: ["192.0.2.1", 61_000, SERVER, 80],
    serverNat: ["192.0.2.1", 61_000, "192.0.2.2", 8080],
  },
  "IPv6, masqueraded": {
    ...{ client: ["fd00:1::5", 4000, "fd00:2::7", 80], clientNat: ["fd00::1", 61_000, "fd00:2::7", 80] },
    server: ["fd00::1", 61_000, "fd00:2::7", 80],
  },
} satisfies Record<string, Road>;

let run = 0;
/** A run's own ports, so that runs don't meet. */
const moved = ([src, srcPort, dst, dstPort]: Tuple): Tuple => [src, srcPort + run * 4, dst, dstPort];
const ends = (tuple: Tuple): Partial<FlowRow> => {
  const [src, srcPort, dst, dstPort] = moved(tuple);
  return { src: ip(src), srcPort, dst: ip(dst), dstPort };
};

type Part = { at: "client" | "server"; second: number };
function bytesOf(road: Road, { at, second }: Part, incarnation: ReturnType<typeof newIncarnation>) {
  const isClient = at === "client";
  const atUs = START_US + (run * 90 + second) * SECOND_US;
  const nat = isClient ? road.clientNat : road.serverNat;
  const other = nat && moved(nat);
  const own = isClient ? road.client[0] : road.server[2];
  return batchBytes(atUs, {
    incarnation,
    workloads: [aWorkload({ pod: at, service: at })],
    endpoints: [anEndpoint({ uid: `${at}:${own}`, workload: 1, addresses: [own] })],
    flows: [
      aFlow(atUs, {
        ...ends(isClient ? road.client : road.server),
        ...{ flowId: flowId(run * 2 + (isClient ? 1 : 0)), firstSeen: START_US + run * 90 * SECOND_US },
        ...{ observer: isClient ? 0 : 1, [isClient ? "srcWorkload" : "dstWorkload"]: 1 },
        ...{ fwdBytes: 1000 + second, revBytes: 10, opens: second === 0 ? 1 : 0, rttUs: 300 },
      }),
    ],
    ...(other && {
      translations: [{ row: 0, src: ip(other[0]), srcPort: other[1], dst: ip(other[2]), dstPort: other[3] }],
    }),
  });
}

const PARTS: Part[] = ["client", "server"].flatMap((at) =>
  [0, 1, 2].map((second) => ({ at, second }) as Part),
);

test.each(Object.entries(roads))(
  "across %s both observers have one key, and one of them counts, whatever the order of batches",
  async (_, road) => {
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray(PARTS, { minLength: 6 }),
        fc.nat(7),
        async (order, settleAfter) => {
          run++;
          const keys: string[] = [];
          for (const [i, part] of order.entries()) {
            const key = newIncarnation();
            keys.push(key);
            const answer = await instance.push(bytesOf(road, part, key), credentials[part.at] as string);
            expect(answer).toMatchObject({ status: 200 });
            if (i === settleAfter) await settleHidden(pool());
          }
          await settleHidden(pool());
          expect(await keptOf(keys)).toEqual({ keys: 1, counted: ["0", "0", "0"], bytes: 3003 });
        },
      ),
      { numRuns: 8 },
    );
    await expectSums();
  },
);

test("a flow from the host itself counts: nobody stands behind its address", async () => {
  run++;
  const key = newIncarnation();
  const road: Road = roads["a masquerading client's host"];
  const other: Road = { ...road, server: ["192.0.2.1", 62_000, SERVER, 80] };
  await instance.push(
    bytesOf(road, { at: "client", second: 0 }, newIncarnation()),
    credentials.client as string,
  );
  await instance.push(bytesOf(other, { at: "server", second: 0 }, key), credentials.server as string);
  await settleHidden(pool());
  expect(await keptOf([key])).toMatchObject({ counted: ["1"] });
});

test("an end that is a service's address goes by who answers for it", async () => {
  run++;
  const key = newIncarnation();
  const road: Road = roads["a service's address at the client's host"];
  await instance.push(
    bytesOf(road, { at: "server", second: 0 }, newIncarnation()),
    credentials.server as string,
  );
  await instance.push(bytesOf(road, { at: "client", second: 0 }, key), credentials.client as string);
  const named = await rows(
    `select s.service as src, d.service as dst from flow_updates u join batches b on b.id = u.batch_id
     join workloads s on s.id = u.src_workload join workloads d on d.id = u.dst_workload where b.incarnation = $1`,
    [key],
  );
  expect(named).toEqual([{ src: "client", dst: "server" }]);
});

test("a host's claims are bounded: beyond them flows are stored without one, and the host's losses say so", async () => {
  const { partitions } = instance.ingest;
  const store = new BatchStore(pool(), partitions, () => instance.ingest.retention, 1);
  const [host] = await rows<{ id: number }>("select id from hosts where name = 'client'");
  const from = { hostId: host?.id as number, hostName: "client" };
  const push = async (second: number) => {
    const road: Road = roads["a masquerading client's host"];
    const bytes = bytesOf(road, { at: "client", second }, newIncarnation());
    const decoded = decodeBatch(bytes, Date.now() * 1000);
    if (!decoded.ok) throw new Error(decoded.reason);
    return (await store.store(decoded.batch, from, Date.now())).refusedHidden;
  };
  const claimed = async () =>
    (await rows<{ n: number }>("select count(*)::int as n from hidden_sources"))[0]?.n;
  const before = (await claimed()) as number;
  run++;
  expect(await push(0)).toBe(0);
  run++;
  expect(await push(0)).toBe(1);
  run--;
  expect(await push(70)).toBe(0); // what is claimed goes on for nothing
  run++;
  expect(await claimed()).toBe(before + 1);
  expect(
    await rows("select what, count::int as count from losses where host_id = $1", [from.hostId]),
  ).toEqual([{ what: "hidden-source-claims", count: 1 }]);
});

test("claims that are a day old are forgotten, however many, and those to be settled are kept", async () => {
  const old = "insert into hidden_sources select i, gen_random_uuid(), now() - interval '3 days', ";
  await rows(`${old} now() - interval '2 days', true from generate_series(1, 5001) i`);
  await rows(`${old} now() - interval '2 days', false from generate_series(-1, -1) i`);
  await rows(`${old} now() - interval '2 hours', true from generate_series(-2, -2) i`);
  await forgetHidden(pool());
  const left = "select pair_key::int as key from hidden_sources where from_at = until_at - $1::interval";
  expect(await rows(left, ["1 day"])).toEqual([{ key: -1 }]);
  expect(await rows("select from hidden_sources where pair_key between 1 and 5001")).toEqual([]);
  expect(await rows("select from hidden_sources where pair_key = -2")).toHaveLength(1);
});

/** Different pair keys among these batches' updates, and the observers and bytes of those that count. */
async function keptOf(keys: readonly string[]) {
  const [row] = await rows(
    `select count(distinct u.pair_key)::int as keys,
       array_agg(u.observer::text) filter (where u.counted) as counted,
       (sum(u.fwd_bytes) filter (where u.counted))::int as bytes
     from flow_updates u join batches b on b.id = u.batch_id where b.incarnation = any($1::uuid[])`,
    [keys],
  );
  return row;
}

async function expectSums(): Promise<void> {
  const sums = "sum(fwd_bytes)::int as fwd, sum(rev_bytes)::int as rev, sum(fwd_packets)::int as packets";
  const [told] = await rows(`select ${sums}, count(*)::int as updates from flow_updates where counted`);
  for (const table of ["rollup_10s", "rollup_1m", "rollup_1h", "total_10s", "total_1m", "total_1h"])
    expect((await rows(`select ${sums}, sum(updates)::int as updates from ${table}`))[0]).toEqual(told);
}
