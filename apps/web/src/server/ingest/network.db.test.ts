/** The network's procedures as agents meet them: over HTTP, by their credential. What they answer is network/'s to test. */
import { CreatePoolInput } from "@millrace/contract/pool";
import { afterAll, beforeAll, expect, test } from "vitest";
import { testDatabase } from "../../../../../tools/testing/test-database.ts";
import { createPool } from "../pool/service.ts";
import { anUnderlay } from "../testing/hosts.ts";
import { IngestInstance, rows } from "../testing/ingest-instance.ts";
import { spoiled } from "../testing/spoiled.ts";

const database = testDatabase();
let instance: IngestInstance;
let one = "";
let other = "";
beforeAll(async () => {
  instance = await IngestInstance.start(database.url);
  const pool = { name: "default", mode: "direct", prefix4: "10.201.0.0/16", prefix6: "fd00:201::/48" };
  await createPool(CreatePoolInput.parse(pool), { email: "ann@example.org", via: "session" });
  one = await instance.enrol("one");
  other = await instance.enrol("other");
});
afterAll(() => instance?.stop());

const LEASE = { blocks: [], want: { default: 1 }, underlay: anUnderlay() };
const block = { pool: "default", prefix4: "10.201.0.0/26", prefix6: "fd00:201::/122" };
const endpoint = {
  attachmentId: "a",
  address4: "10.201.0.1",
  address6: "fd00:201::1",
  labels: { app: "web" },
};
const PUBLISH = { generation: 1, endpoints: [endpoint], last: true };

test("a host leases, publishes, and another resolves", async () => {
  const leased = await instance.call("network.lease", LEASE, one);
  expect(leased.result).toMatchObject({ blocks: [{ ...block, generation: 1 }], notOwn: [] });
  expect((await instance.call("network.publish", PUBLISH, one)).result).toMatchObject({
    identities: [{ attachmentId: "a", identity: expect.any(Number) }],
    refused: [],
  });
  const { result } = await instance.call("network.resolve", { addresses: ["10.201.0.1"] }, other);
  expect(result).toMatchObject({ resolved: [{ address: "10.201.0.1", found: { host: { name: "one" } } }] });
});

test("the host is that of the credential: nobody publishes for another, and strangers do nothing", async () => {
  const leased = await instance.call("network.lease", { ...LEASE, blocks: [block] }, other);
  expect(leased.result).toMatchObject({ notOwn: [block], blocks: [{ prefix4: "10.201.0.64/26" }] });
  expect((await instance.call("network.publish", PUBLISH, other)).result).toEqual({
    identities: [],
    refused: [{ attachmentId: "a", address: "10.201.0.1" }],
  });
  for (const path of ["network.lease", "network.publish", "network.resolve"])
    expect((await instance.call(path, {}, "mrh_1_x")).status).toBe(401);
});

test("a pool without a free block is named, and asking again would not help", async () => {
  const pool = { name: "small", mode: "direct", prefix4: "10.202.0.0/26" };
  await createPool(CreatePoolInput.parse(pool), { email: "ann@example.org", via: "session" });
  const answer = await instance.call("network.lease", { ...LEASE, want: { small: 2 } }, one);
  expect(answer).toMatchObject({
    status: 409,
    error: {
      message: expect.stringContaining("pool small is exhausted"),
      data: { app: "CONFLICT", retryable: false },
    },
  });
});

test.each<[string, object]>([
  ["network.lease", { ...LEASE, blocks: [block] }],
  ["network.publish", { ...PUBLISH, generation: 2 }],
  ["network.resolve", { addresses: ["10.201.0.1", "fd00:201::1"] }],
])("%s is no fault of ours, whatever it is asked", async (path, good) => {
  const faults = [];
  for (const input of spoiled(good)) {
    const { status } = await instance.call(path, input, one);
    if (status >= 500) faults.push(`${status}: ${JSON.stringify(input)?.slice(0, 200)}`);
  }
  expect(faults).toEqual([]);
});

test("a round of maintenance quarantines what silent hosts hold", async () => {
  await rows("update hosts set heartbeat_at = now() - interval '2 minutes'");
  await rows("update blocks set last_confirmed_at = now() - interval '2 minutes'");
  await instance.maintenance.once();
  expect(await rows("select distinct state from blocks")).toEqual([{ state: "quarantined" }]);
});
