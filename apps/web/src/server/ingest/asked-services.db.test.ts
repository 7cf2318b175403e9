/** What flows asked for, from a batch to a row: named as it was known when it was told. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { testDatabase } from "../../../../../tools/testing/test-database.ts";
import { pool } from "../db.ts";
import { apply, remove } from "../document/service.ts";
import { flowHistogram } from "../flow/histogram.ts";
import { searchFlows } from "../flow/service.ts";
import {
  aFlow,
  anEndpoint,
  aWorkload,
  batchBytes,
  flowId,
  ip,
  message,
  newIncarnation,
} from "../testing/agent-batch.ts";
import { aNamespace, aService } from "../testing/documents.ts";
import { IngestInstance, rows } from "../testing/ingest-instance.ts";
import { AskedServices } from "./asked-services.ts";

const database = testDatabase();
const ANN = { email: "ann@example.org", via: "session" };
const ADDRESS = "10.210.0.4";
const SHOP = { namespace: "shop", name: "payments" };
let instance: IngestInstance;
let credential = "";

beforeAll(async () => {
  instance = await IngestInstance.start(database.url);
  credential = await instance.enrol("h1");
  const service = aService(SHOP.namespace, SHOP.name, { clusterIP: ADDRESS });
  await apply({ documents: [aNamespace(SHOP.namespace), service] }, ANN);
});
afterAll(() => instance?.stop());

const asked = (row: number, address = ADDRESS, port = 80) => ({ row, address: ip(address), port });

test("a flow is found and shown by the service that its source asked for, and by nothing else of it", async () => {
  const at = Date.now() * 1000;
  const flow = (n: number) => aFlow(at, { flowId: flowId(n), srcPort: 40_000 + n, srcWorkload: 1 });
  const answer = await instance.push(
    batchBytes(at, {
      ...{ incarnation: newIncarnation(), workloads: [aWorkload({ service: "web" })] },
      endpoints: [anEndpoint({ workload: 1 })],
      flows: [flow(1), flow(2), flow(3)],
      services: [asked(0), asked(2, "10.210.0.9", 443)],
    }),
    credential,
  );
  expect(answer.status).toBe(200);
  const range = { from: at / 1000 - 60_000, to: at / 1000 + 60_000 } as Parameters<
    typeof flowHistogram
  >[0]["range"];
  const found = async (filter: string) => {
    const input = { range, filter, sort: "lastSeen", descending: true, limit: 10 } as const;
    return (await searchFlows({ ...input, cursor: null })).rows;
  };
  const ports = async (filter: string) => (await found(filter)).map(({ src }) => src.port - 40_000).sort();
  expect((await found("dst.service=payments"))[0]).toMatchObject({
    asked: { ip: ADDRESS, port: 80, ...SHOP },
    dst: { ip: "10.0.0.2", port: 80 },
  });
  expect(await ports("dst.service=payments")).toEqual([1]);
  expect(await ports("service=shop/payments")).toEqual([1]);
  expect(await ports("src.service=payments")).toEqual([]);
  expect(await ports("service.address=10.210.0.0/16")).toEqual([1, 3]);
  expect(await ports("service.port=443")).toEqual([3]);
  expect(await ports("-service.address=10.210.0.0/16")).toEqual([2]);
  expect((await found("service.port=443"))[0]?.asked).toMatchObject({ namespace: null, name: null });
  const { buckets } = await flowHistogram({ range, filter: "dst.service=payments" });
  expect(buckets.reduce((sum, { forwarded }) => sum + forwarded, 0)).toBe(1);
});

test("a batch of an agent that knows of no services is taken as it was", async () => {
  const at = Date.now() * 1000;
  const incarnation = newIncarnation();
  const { services: _, serviceRows: __, ...older } = message(at, { incarnation, flows: [aFlow(at)] });
  const { pack } = await import("msgpackr");
  expect((await instance.push(Uint8Array.from(pack(older)), credential)).status).toBe(200);
  const stored = await rows<{ asked_service: number | null }>(
    `select asked_service from flow_updates
     where batch_id in (select id from batches where incarnation = $1)`,
    [incarnation],
  );
  expect(stored).toEqual([{ asked_service: null }]);
});

test("an address goes by the service it is at the time, and when that is gone by its last name", async () => {
  const services = new AskedServices(pool());
  const columns = { row: Uint16Array.of(0), address: ip(ADDRESS), port: Uint16Array.of(8080) };
  const named = async (nowMs: number) => {
    const [id] = await services.ids(columns, { take: (names) => names }, nowMs);
    const [row] = await rows<object>("select namespace, name from asked_services where id = $1", [id]);
    return row;
  };
  expect(await named(0)).toEqual(SHOP);
  await remove({ documents: [{ kind: "Service", ...SHOP }] } as Parameters<typeof remove>[0], ANN);
  expect(await named(60_000)).toEqual(SHOP);
  await apply({ documents: [aService("shop", "billing", { clusterIP: ADDRESS })] }, ANN);
  expect(await named(120_000)).toEqual({ namespace: "shop", name: "billing" });
});

test("beyond what a host may add to the names, flows are stored without", async () => {
  const columns = { row: Uint16Array.of(0), address: ip("10.210.0.77"), port: Uint16Array.of(1) };
  expect(await new AskedServices(pool()).ids(columns, { take: () => 0 }, 0)).toEqual([0]);
});
