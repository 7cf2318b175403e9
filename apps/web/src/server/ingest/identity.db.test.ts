import type { Heartbeat } from "@millrace/contract/agent-protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { testDatabase } from "../../../../../tools/testing/test-database.ts";
import type { AgentHost } from "../agent-gateway/service.ts";
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
} from "../testing/agent-batch.ts";
import { IngestInstance, rows } from "../testing/ingest-instance.ts";
import { Endpoints } from "./endpoints.ts";
import { FleetAddresses, type FleetEndpoint } from "./fleet-addresses.ts";

const database = testDatabase();
let instance: IngestInstance;
const credentials = new Map<string, string>();
beforeAll(async () => {
  instance = await IngestInstance.start(database.url);
  for (const host of ["h1", "h2"]) credentials.set(host, await instance.enrol(host));
});
afterAll(() => instance?.stop());

const at = Date.now() * 1000;
/** One host with one pod at one address reports flows. */
async function report(
  host: string,
  pod: string,
  address: string,
  flows: Partial<FlowRow>[],
  atUs = at,
): Promise<string> {
  const incarnation = newIncarnation();
  const answer = await instance.push(
    batchBytes(atUs, {
      incarnation,
      workloads: [aWorkload({ pod, service: pod, labels: { app: pod } })],
      endpoints: [anEndpoint({ uid: `${host}:${pod}`, workload: 1, addresses: [address, "fe80::1"] })],
      flows: flows.map((flow, i) => aFlow(atUs, { flowId: flowId(i), ...flow })),
    }),
    credentials.get(host) as string,
  );
  expect(answer.status).toBe(200);
  return incarnation;
}
const seen = (incarnation: string) =>
  rows<{ src: string; dst: string; counted: boolean; pair: string }>(
    `select s.service as src, d.service as dst, f.counted, f.pair_key::text as pair
     from flow_updates f join batches b on b.id = f.batch_id
     left join workloads s on s.id = f.src_workload left join workloads d on d.id = f.dst_workload
     where b.incarnation = $1 order by f.flow_id`,
    [incarnation],
  );

test("two hosts' accounts of one flow name both ends, have one pair key, and exactly one counts", async () => {
  await report("h1", "web", "10.1.0.1", []);
  await report("h2", "cart", "10.2.0.1", []);
  const tuple = { src: ip("10.1.0.1"), dst: ip("10.2.0.1"), srcPort: 40_123, dstPort: 8080 };
  const [source] = await seen(
    await report("h1", "web", "10.1.0.1", [{ ...tuple, observer: 0, srcWorkload: 1 }]),
  );
  const [destination] = await seen(
    await report("h2", "cart", "10.2.0.1", [{ ...tuple, observer: 1, dstWorkload: 1 }]),
  );
  expect(source).toMatchObject({ src: "web", dst: "cart", counted: true });
  expect(destination).toMatchObject({ src: "web", dst: "cart", counted: false });
  expect(destination?.pair).toBe(source?.pair);
});

test("of two observers that don't know their side, exactly one counts", async () => {
  const tuple = { src: ip("10.1.0.1"), dst: ip("10.2.0.1"), srcPort: 9000, dstPort: 9000, observer: 2 };
  const [a] = await seen(await report("h1", "web", "10.1.0.1", [{ ...tuple, srcWorkload: 1 }]));
  const [b] = await seen(await report("h2", "cart", "10.2.0.1", [{ ...tuple, dstWorkload: 1 }]));
  expect([a?.counted, b?.counted].filter(Boolean)).toHaveLength(1);
});

test("a destination's account counts when nobody covers the source", async () => {
  const outside = { src: ip("192.0.2.7"), dst: ip("10.2.0.1"), observer: 1, dstWorkload: 1 };
  expect(await seen(await report("h2", "cart", "10.2.0.1", [outside]))).toMatchObject([
    { src: null, dst: "cart", counted: true },
  ]);
});

test("an address that two hosts have names nobody", async () => {
  await report("h1", "twin-a", "10.5.0.1", []);
  await report("h2", "twin-b", "10.5.0.1", []);
  const [flow] = await seen(
    await report("h1", "web", "10.1.0.1", [{ src: ip("10.1.0.1"), dst: ip("10.5.0.9"), srcWorkload: 1 }]),
  );
  expect(flow?.dst).toBeNull();
  const third = await instance.enrol("h3");
  credentials.set("h3", third);
  const [ambiguous] = await seen(
    await report("h3", "job", "10.6.0.1", [{ src: ip("10.6.0.1"), dst: ip("10.5.0.1"), srcWorkload: 1 }]),
  );
  expect(ambiguous).toMatchObject({ src: "job", dst: null });
});

test("what is known of addresses outlives the process", async () => {
  await report("h2", "cart", "10.2.0.1", []);
  await instance.stop();
  instance = await IngestInstance.start(database.url);
  const [flow] = await seen(
    await report("h1", "web", "10.1.0.1", [{ src: ip("10.1.0.1"), dst: ip("10.2.0.1"), srcWorkload: 1 }]),
  );
  expect(flow).toMatchObject({ src: "web", dst: "cart" });
});

test("a pod that changes its labels is a new workload; one that doesn't is the same", async () => {
  const before = await rows("select from workloads where pod = 'web'");
  await report("h1", "web", "10.1.0.1", [{ srcWorkload: 1 }]);
  expect(await rows("select from workloads where pod = 'web'")).toHaveLength(before.length);
});

test("endpoints met again and again use up no ids", async () => {
  for (let i = 1; i <= 5; i++) await report("h1", "web", "10.1.0.1", [], at + i * 20e6);
  await report("h1", "fresh", "10.1.0.99", []);
  const [ids] = await rows<{ most: number; n: number }>(
    "select max(id) as most, count(*)::int as n from endpoints",
  );
  expect(ids?.most).toBe(ids?.n);
});

test("an idle endpoint that its host's heartbeat lists stays among those that report, one that it doesn't list not", async () => {
  const early = at - 600e6;
  await report("h1", "idle", "10.1.0.50", [], early);
  await report("h1", "gone", "10.1.0.51", [], early);
  const [host] = await rows<{ id: number }>("select id from hosts where name = 'h1'");
  const pods = [{ state: "covered", addresses: ["10.1.0.50"] }] as unknown as Heartbeat["pods"];
  await instance.ingest.alive(
    { hostId: host?.id as number, hostName: "h1" } as AgentHost,
    {
      pods,
    } as Heartbeat,
  );
  const heard = await rows<{ pod: string }>(
    `select w.pod from endpoints e join workloads w on w.id = e.workload_id
     where e.last_seen > to_timestamp($1::float8 / 1e6) + interval '1 minute' and w.pod in ('idle', 'gone')`,
    [early],
  );
  expect(heard).toEqual([{ pod: "idle" }]);
});

test("after a start, where there isn't room for all endpoints the longest silent one goes, not the latest heard", async () => {
  const made = await rows<{ id: number }>(
    `insert into endpoints (host_id, uid, interface, addresses, last_seen)
     select min(h.id), uid, 'eth0', '{}', now() - silent * interval '1 min'
     from hosts h, (values ('old', 1400), ('new', -1)) e (uid, silent) group by uid, silent order by silent desc
     returning id`,
  );
  const [old, latest] = made.map(({ id }) => id) as [number, number];
  const [all] = await rows<{ n: number }>("select count(*)::int as n from endpoints");
  const fleet = new FleetAddresses(all?.n);
  await new Endpoints(pool(), fleet).load();
  expect(fleet.get(old)).toBeDefined();
  fleet.set({ ...(fleet.get(latest) as FleetEndpoint), id: 1e9 });
  expect([fleet.get(old), fleet.get(latest)]).toEqual([undefined, expect.anything()]);
});
