/** What an agent can do with a good credential and bad intentions: to itself much, to others nothing. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { testDatabase } from "../../../../../tools/testing/test-database.ts";
import {
  aDrop,
  aFlow,
  anEndpoint,
  aWorkload,
  batchBytes,
  flowId,
  ip,
  newIncarnation,
} from "../testing/agent-batch.ts";
import { aHeartbeat, aPod } from "../testing/hosts.ts";
import { IngestInstance, rows } from "../testing/ingest-instance.ts";
import { SHARDS } from "./rollup-store.ts";

const database = testDatabase();
let instance: IngestInstance;
let hostile = "";
let neighbour = "";
beforeAll(async () => {
  instance = await IngestInstance.start(database.url);
  hostile = await instance.enrol("hostile");
  // The next id of the same shard: the two write the same rows of totals.
  await rows("select setval('hosts_id_seq', (select max(id) from hosts) + $1)", [SHARDS - 1]);
  neighbour = await instance.enrol("neighbour");
});
afterAll(() => instance?.stop());
const now = () => Date.now() * 1000;

test("counts that fill a shared total don't keep another host's batch out", async () => {
  const at = now();
  const huge = { fwdBytes: Number.MAX_SAFE_INTEGER, fwdPackets: 1 };
  const flows = Array.from({ length: 1000 }, (_, i) => aFlow(at, { flowId: flowId(i), ...huge }));
  // Each is in range, and so is the host's own sum; the second and third would be beyond it.
  for (const proto of [6, 17, 1])
    await instance.push(
      batchBytes(at, { incarnation: newIncarnation(), flows: flows.map((flow) => ({ ...flow, proto })) }),
      hostile,
    );
  const answer = await instance.push(
    batchBytes(at, { incarnation: newIncarnation(), flows: [aFlow(at, { fwdBytes: 7 })] }),
    neighbour,
  );
  expect(answer.status).toBe(200);
  const [total] = await rows<{ bytes: string }>("select max(fwd_bytes)::text as bytes from total_1h");
  expect(total?.bytes).toBe("9223372036854775807");
});

test("counts that fill more than a total, of flows whose source another host turns out to cover, don't keep its batch out", async () => {
  const at = now();
  const flows = [6, 17, 132].flatMap((proto) =>
    Array.from({ length: 1000 }, (_, i) =>
      aFlow(at, {
        ...{ flowId: flowId(i), src: ip("10.9.0.1"), dst: ip("10.9.0.2"), observer: 1, proto },
        fwdBytes: Number.MAX_SAFE_INTEGER,
      }),
    ),
  );
  for (let i = 0; i < 3; i++) {
    const incarnation = newIncarnation();
    const part = flows.slice(i * 1000, (i + 1) * 1000);
    expect((await instance.push(batchBytes(at, { incarnation, flows: part }), hostile)).status).toBe(200);
  }
  const endpoints = [anEndpoint({ uid: "covers", addresses: ["10.9.0.1"] })];
  const answer = await instance.push(
    batchBytes(at, { incarnation: newIncarnation(), endpoints, flows: [aFlow(at, { src: ip("10.9.0.1") })] }),
    neighbour,
  );
  expect(answer.error).toBeUndefined();
  const left = await rows("select from flow_updates where src = '10.9.0.1' and observer = 1 and counted");
  expect(left).toEqual([]);
});

test("a batch that speaks for a quarter of a century costs no more than one that speaks for a day", async () => {
  const at = now();
  const before = instance.ingest.store.enricher.coverage.uncounted;
  const endpoints = [anEndpoint({ uid: "ancient", addresses: ["203.0.113.9"] })];
  const answer = await instance.push(
    batchBytes(at, { incarnation: newIncarnation(), from: 1e15, endpoints }),
    hostile,
  );
  expect(answer.status).toBe(200);
  const [life] = await rows<{ days: number }>(
    "select date_part('epoch', until_at - from_at) / 86400 as days from coverage where address = '203.0.113.9'",
  );
  expect(life?.days).toBeLessThan(1.1);
  expect(instance.ingest.store.enricher.coverage.uncounted).toBe(before);
});

test("one flow told twice in a batch, a NAT before its source, is stored as any other", async () => {
  const at = now();
  const flow = aFlow(at, { src: ip("10.8.0.1"), flowId: flowId(77) });
  const side = { src: ip("192.0.2.9"), dst: ip("10.0.0.2"), srcPort: 61_000, dstPort: 80 };
  const translations = [0, 1].map((row) => ({ row, ...side }));
  const answer = await instance.push(
    batchBytes(at, { incarnation: newIncarnation(), flows: [flow, flow], translations }),
    hostile,
  );
  expect([answer.status, answer.error?.message]).toEqual([200, undefined]);
});

test("a push by a path that only the router can read is none, and takes no lane", async () => {
  const bytes = batchBytes(now(), { incarnation: newIncarnation() });
  const headers = { authorization: `Bearer ${hostile}`, "content-type": "application/octet-stream" };
  for (const path of ["telemetry%2Epush", "telemetry.pus%68"])
    expect([path, (await instance.send(path, bytes, headers)).status]).toEqual([path, 404]);
});

test.each([
  ["a sequence that no counter of ours reaches", { sequence: 2 ** 40 }],
  ["a time that is none", { at: 1e300 }],
])("a trace event with %s is a bad request", async (_, over) => {
  const event = {
    ...{ kind: "drops", sequence: 1, at: now(), namespace: null, pod: null, container: null, process: null },
    ...{ tuple: { src: "10.0.0.1", dst: "10.0.0.2", srcPort: 1, dstPort: 2, proto: 6 }, reason: "NO_SOCKET" },
    ...{ class: "loss", place: "f+0x1", stack: [], packetBytes: 60, headers: "" },
  };
  const stats = { seen: 1, emitted: 1, overRate: 0, ringFull: 0, undelivered: 0 };
  const push = { id: crypto.randomUUID(), events: [{ ...event, ...over }], stats };
  const answer = await instance.call("trace.push", push, hostile);
  expect([answer.status, answer.error?.data.app]).toEqual([400, "BAD_REQUEST"]);
});

test("a heartbeat with half a surrogate pair is a bad request that names the field", async () => {
  const beat = (pod: string) => aHeartbeat({ pods: [aPod({ pod })] });
  const answer = await instance.call("agent.heartbeat", beat("a\ud800"), hostile);
  expect([answer.status, answer.error?.data]).toMatchObject([400, { app: "BAD_REQUEST", retryable: false }]);
  expect(answer.error?.message).toBe("pods.0.pod: half a surrogate pair can't be stored");
  expect((await instance.call("agent.heartbeat", beat("😀"), hostile)).status).toBe(200);
});

test("names made up without end are other, and leave room for everybody's", async () => {
  const at = now();
  for (let round = 0; round < 3; round++) {
    const name = (kind: string, i: number) => `${kind}-${round}-${i}`;
    const services = Array.from({ length: 8000 }, (_, i) =>
      aWorkload({ pod: name("p", i), service: name("s", i) }),
    );
    const flows = Array.from({ length: 4000 }, (_, i) =>
      aFlow(at, { flowId: flowId(i), srcWorkload: i + 1, dstWorkload: i + 4001 }),
    );
    const reasons = Array.from({ length: 300 }, (_, i) => name("R", i));
    const drops = reasons.map((_, i) => aDrop(at, { reason: i + 1 }));
    const answer = await instance.push(
      batchBytes(at, {
        ...{ incarnation: newIncarnation(), workloads: services, flows, reasons, places: ["x"], drops },
      }),
      hostile,
    );
    expect(answer.status).toBe(200);
  }
  const [names] = await rows<{ rollups: number; workloads: number; reasons: number }>(
    `select (select count(*)::int from rollup_names) as rollups, (select count(*)::int from workloads) as workloads,
       (select count(*)::int from drop_reasons) as reasons`,
  );
  expect((names?.rollups ?? 0) + (names?.workloads ?? 0)).toBeLessThanOrEqual(20_010);
  expect(names?.reasons).toBeLessThanOrEqual(401);
  const told = await rows("select from drop_updates d join drop_reasons r on r.id = d.reason_id");
  expect(told).toHaveLength(900);
  const answer = await instance.push(
    batchBytes(at, {
      ...{ incarnation: newIncarnation(), workloads: [aWorkload({ service: "honest" })] },
      flows: [aFlow(at, { srcWorkload: 1 })],
    }),
    neighbour,
  );
  expect(answer.status).toBe(200);
  expect(await rows("select from rollup_names where name = 'shop/honest'")).toHaveLength(1);
});
