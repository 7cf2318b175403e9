import "../testing/environment.ts";
import type { DocumentObject } from "@millrace/contract/document";
import { LeaseInput, PublishInput } from "@millrace/contract/network";
import { CreatePoolInput } from "@millrace/contract/pool";
import { WhatIfInput } from "@millrace/contract/what-if";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { testDatabase } from "../../../../../tools/testing/test-database.ts";
import { closeBus } from "../bus.ts";
import { closeDatabase, pool, useDatabase } from "../db.ts";
import { apply } from "../document/service.ts";
import { lease, publish } from "../network/service.ts";
import { createPool } from "../pool/service.ts";
import { aNamespace, aNetworkPolicy, aPolicy, aService } from "../testing/documents.ts";
import { anUnderlay, onlineHost } from "../testing/hosts.ts";
import {
  anUpdate,
  insertUpdates,
  insertWorkload,
  makePartitions,
  type UpdateRow,
} from "../testing/telemetry-rows.ts";
import { whatIf } from "./service.ts";

const database = testDatabase();
const ANN = { email: "ann@example.org", via: "session" };
const WEB = "10.201.0.1";
const DB = "10.201.0.2";
const GONE = "10.201.0.3";
const OUTSIDE = "198.51.100.7";
const FROM = Date.now() - 600_000;
const TO = Date.now() + 600_000;
let host: { hostId: number; hostName: string };
let workloads: Record<"web" | "db" | "host", number>;

const labels = (app: string) => ({ "io.kubernetes.pod.namespace": "shop", app });
beforeAll(async () => {
  await useDatabase(database.url);
  await makePartitions();
  host = { hostId: await onlineHost("h1"), hostName: "h1" };
  await createPool(CreatePoolInput.parse({ name: "default", mode: "direct", prefix4: "10.201.0.0/16" }), ANN);
  const underlay = anUnderlay({ uplink4: "192.0.2.1" });
  await lease(host, LeaseInput.parse({ blocks: [], want: { default: 1 }, underlay }));
  const endpoints = [WEB, DB].map((address4, at) => ({
    ...{ attachmentId: `a${at}`, address4, address6: null },
    labels: labels(["web", "db"][at] as string),
  }));
  await publish(host, PublishInput.parse({ generation: 1, endpoints, last: true }));
  workloads = {
    web: await insertWorkload({ namespace: "shop", pod: "web-1", service: "web" }),
    db: await insertWorkload({ namespace: "shop", pod: "db-1", service: "db" }),
    host: await insertWorkload({ kind: "host", host_id: host.hostId }),
  };
});
beforeEach(async () => {
  for (const table of ["documents", "flow_updates"]) await pool().query(`delete from ${table}`);
});
afterAll(async () => {
  await closeBus();
  await closeDatabase();
});

let nth = 0;
/** Seen now, after the endpoints came. Each its own flow unless it says whose account it is. */
function aFlow(src: string, dst: string, dst_port: number, over: Partial<UpdateRow> = {}): UpdateRow {
  const workloadOf = (ip: string) => ({ [WEB]: workloads.web, [DB]: workloads.db })[ip] ?? null;
  nth++;
  return anUpdate({
    ...{ ts: (Date.now() + 1000) * 1000, flow_id: crypto.randomUUID(), pair_key: String(nth) },
    ...{ src, dst, dst_port, src_workload: workloadOf(src), dst_workload: workloadOf(dst) },
    ...over,
  });
}
async function ask(documents: DocumentObject[], over: Partial<WhatIfInput> = {}) {
  const input = { documents, range: { from: FROM, to: TO }, ...over };
  return whatIf(WhatIfInput.parse(input));
}
const told = async (documents: DocumentObject[], over: Partial<WhatIfInput> = {}) => {
  const output = await ask(documents, over);
  if (!output.ok) throw new Error(JSON.stringify(output.problems));
  return output;
};
const onlyWeb = aNetworkPolicy("shop", "db", {
  podSelector: { matchLabels: { app: "db" } },
  ingress: [{ from: [{ podSelector: { matchLabels: { app: "web" } } }], ports: [{ port: 5432 }] }],
});

test("a draft's effect is told by who talks to whom, with the rule that would decide", async () => {
  await insertUpdates([
    ...[aFlow(WEB, DB, 5432), aFlow(WEB, DB, 5432), aFlow(WEB, OUTSIDE, 443)],
    ...[aFlow(WEB, DB, 22), aFlow(WEB, DB, 22), aFlow(OUTSIDE, DB, 5432), aFlow(OUTSIDE, "192.0.2.9", 1)],
  ]);
  const output = await told([onlyWeb]);
  expect(output).toMatchObject({
    judged: 6,
    changed: 3,
    more: 0,
    notJudged: [],
    leftOut: [],
    sampled: false,
  });
  expect(output.from).toBe(FROM);
  const by = { namespace: "shop", name: "db", place: 0 };
  const verdicts = { before: { verdict: "forwarded", by: null }, after: { verdict: "dropped", by } };
  expect(output.changes).toMatchObject([
    { flows: 2, src: { pod: "web-1" }, dst: { pod: "db-1", port: 22 }, ...verdicts },
    { flows: 1, src: { ip: OUTSIDE, kind: "unknown" }, dst: { pod: "db-1", port: 5432 }, ...verdicts },
  ]);
});

test("a draft takes the place of what stands under its name, and of nothing that is called alike", async () => {
  await apply({ documents: [onlyWeb, aPolicy("shop", "db", { isolates: [] })] }, ANN);
  await insertUpdates([aFlow(WEB, DB, 22), aFlow(OUTSIDE, DB, 22)]);
  expect(await told([onlyWeb])).toMatchObject({ judged: 2, changed: 0 });
  const wider = aNetworkPolicy("shop", "db", {
    podSelector: { matchLabels: { app: "db" } },
    ingress: [{ from: [{ podSelector: {} }] }],
  });
  expect((await told([wider])).changes).toMatchObject([
    {
      flows: 1,
      before: { verdict: "dropped" },
      after: { verdict: "forwarded", by: { name: "db", place: 1 } },
    },
  ]);
  const observing = aPolicy("shop", "db", { mode: "observe", isolates: ["egress"] });
  expect(await told([observing])).toMatchObject({ changed: 0 });
});

test("without a policy what it drops would be forwarded", async () => {
  await apply({ documents: [onlyWeb] }, ANN);
  await insertUpdates([aFlow(WEB, DB, 22)]);
  const remove: WhatIfInput["remove"] = [{ kind: "NetworkPolicy", namespace: "shop", name: "db" }];
  expect((await told([], { remove })).changes).toMatchObject([
    { before: { verdict: "dropped", by: { name: "db" } }, after: { verdict: "forwarded", by: null } },
  ]);
});

test("a flow that two hosts tell of is one, and the pods' own host is let in", async () => {
  const account = { pair_key: "7", observer: 1 };
  await insertUpdates([
    ...[aFlow(WEB, DB, 22, { pair_key: "7" }), aFlow(WEB, DB, 22, account)],
    aFlow("10.201.0.63", DB, 22, { src_workload: workloads.host }),
  ]);
  expect(await told([onlyWeb])).toMatchObject({ judged: 2, changed: 1 });
});

test("what can't be judged is counted, and why", async () => {
  const before = (Date.now() - 300_000) * 1000;
  await insertUpdates([
    ...[aFlow(WEB, GONE, 80), aFlow(WEB, DB, 22, { ts: before }), aFlow(WEB, DB, 22, { ts: before })],
    aFlow(WEB, DB, 22, { opener_known: false }),
  ]);
  expect(await told([onlyWeb])).toMatchObject({
    ...{ judged: 0, changed: 0 },
    notJudged: [
      { why: "opener-unknown", flows: 1 },
      { why: "gone", flows: 1 },
      { why: "changed", flows: 2 },
    ],
  });
});

test("problems are told as apply tells them, and documents that are no policies are left out", async () => {
  expect(await ask([aNetworkPolicy("shop", "db", { ingress: [{ form: [] }] })])).toMatchObject({
    ok: false,
    problems: [{ document: 0, path: "spec.ingress[0].form" }],
  });
  const output = await told([aNamespace("shop"), onlyWeb, aService("shop", "db")]);
  expect(output.leftOut).toEqual(["Namespace shop", "Service shop/db"]);
  expect(WhatIfInput.safeParse({ documents: [], range: { from: FROM, to: TO } }).success).toBe(false);
  const long = { from: TO - 90_000_000, to: TO };
  expect(WhatIfInput.safeParse({ documents: [onlyWeb], range: long }).success).toBe(false);
});
