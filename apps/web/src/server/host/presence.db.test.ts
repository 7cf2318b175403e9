import { PROTOCOL_VERSION } from "@millrace/contract/agent-protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { testDatabase } from "../../../../../tools/testing/test-database.ts";
import { anEndpoint, batchBytes, newIncarnation, noClasses } from "../testing/agent-batch.ts";
import { IngestInstance, rows } from "../testing/ingest-instance.ts";
import { completenessFor, hostPresence } from "./service.ts";

const database = testDatabase();
let instance: IngestInstance;
const now = Date.now();
const range = { from: now - 300_000, to: now };
/** Half a minute later: every slot of the range could be there. */
const clock = { now: () => now + 30_000 };

beforeAll(async () => {
  instance = await IngestInstance.start(database.url);
});
afterAll(() => instance?.stop());

/** Batches of ten seconds each from one moment to another, both in seconds before now. */
async function reports(host: string, fromAgo: number, toAgo: number, parts: object = {}): Promise<void> {
  const credential = await instance.enrol(host);
  const incarnation = newIncarnation();
  let sequence = 1;
  for (let ago = fromAgo - 10; ago >= toAgo; ago -= 10) {
    const to = (now - ago * 1000) * 1000;
    const bytes = batchBytes(to, { incarnation, sequence: sequence++, from: to - 10e6, to, ...parts });
    expect((await instance.push(bytes, credential)).status).toBe(200);
  }
  await rows("update incarnations set started_at = now() - interval '1 hour' where id = $1", [incarnation]);
}

test("nobody enrolled: nothing is missing", async () => {
  expect(await completenessFor(range, clock)).toEqual({
    ...{ share: 1, hostsExpected: 0, hostsAnswered: 0, silentHosts: [], lost: [] },
    unattributed: { packets: 0, bytes: 0 },
  });
});

test("a host that reported all along is whole; one that enrolled and never reported isn't expected", async () => {
  await reports("h1", 320, 0);
  await instance.enrol("never");
  expect(await completenessFor(range, clock)).toMatchObject({ share: 1, hostsExpected: 1, hostsAnswered: 1 });
});

test("a host that fell silent halfway is named with its last moment, and its half is missing", async () => {
  await reports("h2", 320, 150);
  const found = await completenessFor(range, clock);
  expect(found).toMatchObject({
    hostsExpected: 2,
    hostsAnswered: 1,
    silentHosts: [{ host: "h2", since: now - 150_000 }],
  });
  expect(found.share).toBeGreaterThan(0.7);
  expect(found.share).toBeLessThan(0.82);
});

test("an idle host that says it lives is not silent", async () => {
  await rows("update hosts set heartbeat_at = to_timestamp($1::float8 / 1000) where name = 'h2'", [
    now + 1000,
  ]);
  expect(await completenessFor(range, clock)).toMatchObject({ share: 1, hostsAnswered: 2 });
});

test("what hosts lost and could not attribute is told", async () => {
  const unattributed = { ...noClasses(), tableFull: { packets: 4, segments: 4, bytes: 400 } };
  const overBudget = { ...noClasses(), overBudget: { packets: 2, segments: 2, bytes: 120 } };
  const retired = { ...noClasses(), flowRetired: { packets: 1, segments: 1, bytes: 60 } };
  await reports("h3", 20, 10, {
    endpoints: [
      anEndpoint({ egress: unattributed, ingress: retired }),
      anEndpoint({ uid: "boot:1:3", egress: overBudget }),
    ],
    lost: [{ what: "ring-events", count: 9, firstSequence: null, lastSequence: null }],
  });
  expect(await completenessFor(range, clock)).toMatchObject({
    ...{ unattributed: { packets: 7, bytes: 580 }, lost: [{ host: "h3", what: "ring-events", count: 9 }] },
  });
  expect(await completenessFor({ from: now - 300_000, to: now - 60_000 }, clock)).toMatchObject({
    ...{ unattributed: { packets: 0, bytes: 0 }, lost: [] },
  });
});

test("a revoked host is no longer expected, from then on", async () => {
  await rows("update hosts set revoked_at = to_timestamp($1::float8 / 1000) where name in ('h2', 'h3')", [
    now - 400_000,
  ]);
  expect(await completenessFor(range, clock)).toMatchObject({ hostsExpected: 1 });
});

test("hello and heartbeat make a host ok; another protocol makes it incompatible, and changes nothing else", async () => {
  const credential = await instance.enrol("alive");
  const hello = {
    ...{
      protocol: PROTOCOL_VERSION,
      abiHash: "x",
      agentVersion: "0.1.0",
      incarnation: newIncarnation(),
      bootId: "b",
    },
    ...{ kernel: "6.18", architecture: "x64", cpus: 2, memoryBytes: 1e9, mode: "observe", simulated: false },
    capabilities: [],
  };
  const heartbeat = {
    ...{
      incarnation: hello.incarnation,
      uptimeS: 1,
      cpuShare: 0.01,
      residentBytes: 1e8,
      programs: [],
      maps: [],
    },
    ...{ pods: [], gaps: [], spool: { batches: 0, bytes: 0, limitBytes: 1e6, oldestMs: null }, counters: {} },
  };
  expect((await instance.call("agent.hello", hello, credential)).result).toMatchObject({ intervalMs: 1000 });
  expect((await instance.call("agent.heartbeat", heartbeat, credential)).status).toBe(200);
  expect((await hostPresence()).get("alive")).toEqual({ state: "ok", reasons: [] });
  const answer = await instance.call("agent.hello", { ...hello, protocol: 1 }, credential);
  expect([answer.status, answer.error?.message]).toEqual([
    412,
    "the agent speaks protocol 1, this server speaks 2",
  ]);
  expect((await hostPresence()).get("alive")?.reasons.join()).toMatch(/incompatible.*protocol 1/);
  const [stored] = await rows<{ hello: { protocol: number } }>(
    "select hello from hosts where name = 'alive'",
  );
  expect(stored?.hello.protocol).toBe(PROTOCOL_VERSION);
});

test("what Postgres could not hold is refused before it gets there", async () => {
  const credential = await instance.enrol("nul");
  const hello = { protocol: PROTOCOL_VERSION, abiHash: "a\0b" };
  expect((await instance.call("agent.hello", hello, credential)).status).toBe(400);
});
