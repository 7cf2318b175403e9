/** Policies and services as agents meet them: over HTTP, by their credential. What they answer is policy/'s and service/'s to test. */
import { PolicyForOutput, PolicyPeersOutput } from "@millrace/contract/policy-protocol";
import { CreatePoolInput } from "@millrace/contract/pool";
import { ServiceResolveOutput } from "@millrace/contract/service";
import { afterAll, beforeAll, expect, test } from "vitest";
import { testDatabase } from "../../../../../tools/testing/test-database.ts";
import { apply } from "../document/service.ts";
import { createPool } from "../pool/service.ts";
import { aNamespace, aNetworkPolicy, aService } from "../testing/documents.ts";
import { anUnderlay } from "../testing/hosts.ts";
import { IngestInstance, rows } from "../testing/ingest-instance.ts";
import { spoiled } from "../testing/spoiled.ts";

const database = testDatabase();
const ANN = { email: "ann@example.org", via: "session" };
const ADDRESS = "10.210.0.7";
const NODE_PORT = { family: 4, protocol: 6, port: 30_080 };
let instance: IngestInstance;
let one = "";
let identity = 0;
beforeAll(async () => {
  instance = await IngestInstance.start(database.url);
  const pool = { name: "default", mode: "direct", prefix4: "10.201.0.0/16" };
  await createPool(CreatePoolInput.parse(pool), ANN);
  one = await instance.enrol("one");
  await instance.call("network.lease", { blocks: [], want: { default: 1 }, underlay: anUnderlay() }, one);
  const labels = { app: "web", "io.kubernetes.pod.namespace": "shop" };
  const endpoint = { attachmentId: "a", address4: "10.201.0.1", address6: null, labels };
  const published = { generation: 1, endpoints: [endpoint], last: true };
  const { result } = await instance.call("network.publish", published, one);
  identity = (result as { identities: { identity: number }[] }).identities[0]?.identity as number;
  const documents = [
    aNamespace("shop", { team: "a" }),
    aNetworkPolicy("shop", "web"),
    aService("shop", "web", {
      ...{ clusterIP: ADDRESS, type: "NodePort" },
      ports: [{ port: 80, targetPort: 8080, nodePort: NODE_PORT.port }],
    }),
  ];
  await apply({ documents }, ANN);
});
afterAll(() => instance?.stop());

test("a host asks what holds for its own, who others are, and where a service sends", async () => {
  const answers = [
    (await instance.call("policy.for", { identities: [identity] }, one)).result,
    (await instance.call("policy.peers", { identities: [identity] }, one)).result,
    (await instance.call("service.resolve", { addresses: [ADDRESS] }, one)).result,
  ] as const;
  expect(PolicyForOutput.parse(answers[0]).policies.map((policy) => policy.name)).toEqual(["web"]);
  expect(PolicyPeersOutput.parse(answers[1]).peers.map((peer) => peer.namespaceLabels.team)).toEqual(["a"]);
  const { resolved, ranges } = ServiceResolveOutput.parse(answers[2]);
  expect(resolved[0]?.found?.ports[0]?.backends).toMatchObject([{ address: "10.201.0.1", port: 8080 }]);
  expect(ranges).toContain("10.210.0.0/16");
});

test("a host asks what is at a port of its own address, and gets backends like its pods do", async () => {
  const asked = { addresses: [], nodePorts: [NODE_PORT, { ...NODE_PORT, port: 30_081 }] };
  const { result } = await instance.call("service.resolve", asked, one);
  const [web, nobody] = ServiceResolveOutput.parse(result).nodePorts;
  expect(web).toMatchObject({ asked: NODE_PORT, found: { name: "web" }, leaseSeconds: 120 });
  expect(web?.found?.backends).toMatchObject([{ address: "10.201.0.1", port: 8080 }]);
  expect(nobody).toMatchObject({ found: null, leaseSeconds: 5 });
});

test("an agent of before there were node ports asks as it did, and one of now can ask a control plane of then", async () => {
  const { status, result } = await instance.call("service.resolve", { addresses: [ADDRESS] }, one);
  expect([status, ServiceResolveOutput.parse(result).nodePorts]).toEqual([200, []]);
  const { nodePorts: _, ...before } = result as ServiceResolveOutput;
  expect(ServiceResolveOutput.parse(before).nodePorts).toEqual([]);
});

test.each([
  [{ ...NODE_PORT, port: 29_999 }],
  [{ ...NODE_PORT, port: 32_768 }],
  [{ ...NODE_PORT, protocol: 132 }],
  [{ ...NODE_PORT, family: 5 }],
])("%j is no node port, and is refused", async (asked) => {
  const { status } = await instance.call("service.resolve", { addresses: [], nodePorts: [asked] }, one);
  expect(status).toBe(400);
});

const QUESTIONS: [string, object][] = [
  ["policy.for", { identities: [300] }],
  ["policy.peers", { identities: [300] }],
  ["service.resolve", { addresses: [ADDRESS, "fd00:210::7"], nodePorts: [NODE_PORT] }],
];

test.each(QUESTIONS)("%s is answered to hosts only", async (path) => {
  expect((await instance.call(path, {}, "mrh_1_x")).status).toBe(401);
});

test.each(QUESTIONS)("%s is no fault of ours, whatever it is asked", async (path, good) => {
  const faults = [];
  for (const input of spoiled(good)) {
    const { status } = await instance.call(path, input, one);
    if (status >= 500) faults.push(`${status}: ${JSON.stringify(input)?.slice(0, 200)}`);
  }
  expect(faults).toEqual([]);
});

test("a round of maintenance forgets whose answers have ended", async () => {
  const tables = ["identity_leases", "service_leases", "node_port_leases"];
  for (const table of tables) await rows(`update ${table} set until = now() - interval '1 s'`);
  await instance.maintenance.once();
  for (const table of tables) expect(await rows(`select host_id from ${table}`)).toEqual([]);
});
