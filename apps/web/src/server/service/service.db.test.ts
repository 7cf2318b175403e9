import "../testing/environment.ts";
import type { DocumentObject } from "@millrace/contract/document";
import { LeaseInput, PublishInput } from "@millrace/contract/network";
import { CreatePoolInput } from "@millrace/contract/pool";
import { SERVICE_ASK_LIMITS } from "@millrace/contract/service";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { testDatabase } from "../../../../../tools/testing/test-database.ts";
import { closeBus } from "../bus.ts";
import { closeDatabase, pool, useDatabase } from "../db.ts";
import { apply, remove } from "../document/service.ts";
import { lease, publish, releaseHost } from "../network/service.ts";
import { createPool, getServiceRanges, removePool, setServiceRanges } from "../pool/service.ts";
import { aService, aSlice } from "../testing/documents.ts";
import { anUnderlay, silence } from "../testing/hosts.ts";
import { heardThree, hosts, NAMES, type Name, threeHostsOnline, underlayOf } from "../testing/three-hosts.ts";
import { revokeAgent } from "../token/enrol.ts";
import { SELECTED, SERVICES, SLICES } from "./repo.ts";
import { getService, listServices, resolve, sweepServices } from "./service.ts";

const database = testDatabase();
const ANN = { email: "ann@example.org", via: "session" };
const generations: Record<Name, number> = { h1: 0, h2: 0, h3: 0 };
let heard: () => Promise<string[]>;

beforeAll(async () => {
  await useDatabase(database.url);
  await threeHostsOnline();
  const prefixes = { prefix4: "10.201.0.0/16", prefix6: "fd00:201::/48" };
  await createPool(CreatePoolInput.parse({ name: "default", mode: "direct", ...prefixes }), ANN);
  heard = heardThree("millrace_service");
});
beforeEach(async () => {
  for (const table of ["documents", "network_endpoints", "service_leases", "settings"])
    await pool().query(`delete from ${table}`);
  await pool().query("update hosts set revoked_at = null, heartbeat = null, heartbeat_at = now()");
  for (const name of NAMES) await ask(name);
  await heard();
});
afterAll(async () => {
  await closeBus();
  await closeDatabase();
});

const blocks: Record<Name, string> = { h1: "", h2: "", h3: "" };
async function ask(name: Name): Promise<void> {
  const held = await lease(
    hosts[name],
    LeaseInput.parse({ blocks: [], want: { default: 1 }, underlay: underlayOf(name) }),
  );
  blocks[name] = held.blocks[0]?.prefix4?.replace(/\d+\/26$/, "") ?? "";
  firsts[name] = Number(/(\d+)\/26$/.exec(held.blocks[0]?.prefix4 ?? "")?.[1]);
}
const firsts: Record<Name, number> = { h1: 0, h2: 0, h3: 0 };
const addressOf = (host: Name, nth: number) => `${blocks[host]}${firsts[host] + nth}`;

/** The host's pods by their labels. */
async function pods(host: Name, ...labels: Record<string, string>[]): Promise<void> {
  const endpoints = labels.map((labels, i) => ({
    ...{ attachmentId: `a${i}`, address4: addressOf(host, i), address6: null, labels },
  }));
  const input = PublishInput.parse({ generation: ++generations[host], endpoints, last: true });
  await publish(hosts[host], input);
}
const web = (labels: Record<string, string> = {}) => ({
  ...{ "io.kubernetes.pod.namespace": "shop", app: "web" },
  ...labels,
});
async function put(...documents: DocumentObject[]): Promise<string[]> {
  const output = await apply({ documents }, ANN);
  return output.ok ? [] : output.problems.map(({ path, message }) => `${path}: ${message}`);
}
const where = async (host: Name, ...addresses: string[]) =>
  (await resolve(hosts[host], { addresses })).resolved;
const found = async (address: string) => (await where("h2", address))[0]?.found;
const backends = async (address: string) =>
  (await found(address))?.ports.map(({ port, backends }) => [
    port,
    ...backends.map((one) => `${one.address}:${one.port} ${one.state}`),
  ]);
const addressesOf = async (name: string): Promise<string[]> => {
  const { rows } = await pool().query<{ address: string }>(
    `select host(a.address) as address from service_addresses a join documents d on d.id = a.document_id
     where d.name = $1 order by family(a.address)`,
    [name],
  );
  return rows.map((row) => row.address);
};
const failure = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "done",
    (error: { code: string; publicMessage: string }) => `${error.code} ${error.publicMessage}`,
  );

const FIXED = "10.210.0.7";
const fixed = (spec: object = {}) => aService("shop", "web", { clusterIP: FIXED, ...spec });

describe("a service's virtual addresses", () => {
  test("are of each range, one that nobody has, kept as long as it is there, and given again to the same name", async () => {
    expect(await put(aService("shop", "a"), aService("shop", "b"))).toEqual([]);
    const [a, b] = [await addressesOf("a"), await addressesOf("b")];
    for (const one of [a, b]) {
      expect(one[0]).toMatch(/^10\.210\.\d+\.\d+$/);
      expect(one[1]).toMatch(/^fd00:210::/);
    }
    expect(new Set([...a, ...b]).size).toBe(4);
    await put(aService("shop", "a", { ports: [{ port: 81 }] }));
    expect(await addressesOf("a")).toEqual(a);
    await remove({ documents: [{ kind: "Service", namespace: "shop", name: "a" }] }, ANN);
    expect(await addressesOf("a")).toEqual([]);
    await put(aService("shop", "a"));
    expect(await addressesOf("a")).toEqual(a);
  });

  test("are those that it asks for, and of the families that it names", async () => {
    await put(
      fixed(),
      aService("shop", "six", { ipFamilies: ["IPv6"] }),
      aService("shop", "headless", { clusterIP: "None" }),
    );
    expect(await addressesOf("web")).toEqual([FIXED]);
    expect(await addressesOf("six")).toEqual([expect.stringMatching(/^fd00:210::/)]);
    expect(await addressesOf("headless")).toEqual([]);
    await put(fixed({ ipFamilyPolicy: "RequireDualStack" }));
    expect(await addressesOf("web")).toEqual([FIXED, expect.stringMatching(/^fd00:210::/)]);
    await put(aService("shop", "web", { clusterIP: "None" }));
    expect(await addressesOf("web")).toEqual([]);
  });

  test.each([
    ["10.201.0.5", "10.201.0.5 is in no range of services (10.210.0.0/16, fd00:210::/108)"],
    ["10.210.0.0", "10.210.0.0 is an end of 10.210.0.0/16, and no address of it"],
    ["10.210.255.255", "10.210.255.255 is an end of 10.210.0.0/16, and no address of it"],
  ])("can't be %s", async (clusterIP, why) => {
    expect(await put(aService("shop", "web", { clusterIP }))).toEqual([`spec.clusterIP: ${why}`]);
  });

  test("that are asked for in one apply go before those that are given", async () => {
    await put(aService("shop", "a"));
    const [four] = await addressesOf("a");
    await remove({ documents: [{ kind: "Service", namespace: "shop", name: "a" }] }, ANN);
    expect(await put(aService("shop", "a"), aService("shop", "b", { clusterIP: four }))).toEqual([]);
    expect((await addressesOf("b"))[0]).toBe(four);
    expect((await addressesOf("a"))[0]).not.toBe(four);
  });

  test("run out in a small range, and that is said", async () => {
    await setServiceRanges({ prefix4: "10.211.0.0/28", prefix6: null }, ANN);
    const names = Array.from({ length: 14 }, (_, i) => `s${i}`);
    expect(await put(...names.map((name) => aService("shop", name)))).toEqual([]);
    const given = await Promise.all(names.map(addressesOf));
    expect(new Set(given.flat()).size).toBe(14);
    expect(given.flat()).not.toContain("10.211.0.0");
    expect(await put(aService("shop", "one-more"))).toEqual([
      "spec.clusterIP: no address of 10.211.0.0/28 is free",
    ]);
    expect(await put(aService("shop", "six", { ipFamilies: ["IPv6"] }))).toEqual([
      "spec.clusterIP: there is no IPv6 range that services have addresses of",
    ]);
  });

  test("by many applies at once are each one service's", async () => {
    await setServiceRanges({ prefix4: "10.211.0.0/27", prefix6: null }, ANN);
    const names = Array.from({ length: 20 }, (_, i) => `s${i}`);
    expect((await Promise.all(names.map((name) => put(aService("shop", name))))).flat()).toEqual([]);
    expect(new Set((await Promise.all(names.map(addressesOf))).flat()).size).toBe(20);
  });
});

describe("the ranges", () => {
  test("are settled with the first service, and every host is told", async () => {
    expect((await getServiceRanges()).ranges).toBeNull();
    expect((await resolve(hosts.h1, { addresses: [FIXED] })).ranges).toEqual([]);
    await put(aService("shop", "web"));
    expect(await heard()).toEqual(["*"]);
    expect(await getServiceRanges()).toEqual({
      ranges: { prefix4: "10.210.0.0/16", prefix6: "fd00:210::/108" },
      used: { ip4: 1, ip6: 1 },
    });
    expect((await resolve(hosts.h1, { addresses: [] })).ranges).toEqual(["10.210.0.0/16", "fd00:210::/108"]);
  });

  test("leave out what is a pool's or a host's already", async () => {
    const prefix4 = "10.210.64.0/20";
    await createPool(CreatePoolInput.parse({ name: "in-the-way", mode: "direct", prefix4 }), ANN);
    await put(aService("shop", "web"));
    await removePool("in-the-way", ANN);
    expect((await getServiceRanges()).ranges).toEqual({ prefix4: null, prefix6: "fd00:210::/108" });
  });

  test("and pools and uplinks keep off them", async () => {
    await put(aService("shop", "web"));
    const input = { name: "late", mode: "direct", prefix4: "10.0.0.0/8" };
    const pools = CreatePoolInput.parse({ ...input, prefix4: "10.210.64.0/20" });
    expect(await failure(createPool(pools, ANN))).toBe(
      "CONFLICT prefix4: 10.210.64.0/20 overlaps 10.210.0.0/16, the range of services",
    );
    const underlay = anUnderlay({ uplink4: "10.210.0.200" });
    const asked = LeaseInput.parse({ blocks: [], want: {}, underlay });
    expect(await failure(lease(hosts.h1, asked))).toMatch(
      /^CONFLICT its uplink 10.210.0.200 is an address of/,
    );
  });

  test("are set only where nothing else is, and so that every service keeps its addresses", async () => {
    const set = (prefix4: string | null, prefix6: string | null = null) =>
      failure(setServiceRanges({ prefix4, prefix6 }, ANN));
    expect(await set("10.201.4.0/24")).toMatch(/^CONFLICT prefix4: 10.201.4.0\/24 overlaps pool “default”/);
    expect(await set("192.0.2.0/24")).toMatch(/holds 192.0.2.1, by which host “h1” is reached/);
    expect(await set("10.220.0.0/16")).toBe("done");
    expect(await heard()).toEqual(["*"]);
    await put(aService("shop", "web", { clusterIP: "10.220.0.9" }));
    expect(await set("10.221.0.0/16")).toBe(
      "CONFLICT service shop/web has 10.220.0.9, which lies in neither range",
    );
    expect(await set("10.220.0.0/15")).toBe("done");
  });
});

describe("resolving", () => {
  test("answers a service with its ports, backends and all its addresses", async () => {
    await pods("h1", web(), web({ "millrace.io/weight": "7" }), { app: "web" }, web({ app: "db" }));
    await pods("h3", web());
    await put(
      fixed({
        ipFamilyPolicy: "RequireDualStack",
        sessionAffinity: "ClientIP",
        ports: [
          { name: "b", port: 443, targetPort: 8443 },
          { name: "a", port: 80, targetPort: 8080 },
        ],
      }),
    );
    const [, six] = await addressesOf("web");
    const backend = (address: string, port: number, weight = 100) => ({
      address,
      port,
      weight,
      state: "ready",
    });
    const all = (port: number) => [
      backend(addressOf("h1", 0), port),
      backend(addressOf("h1", 1), port, 7),
      backend(addressOf("h3", 0), port),
    ];
    expect(await where("h2", FIXED, "8.8.8.8", "10.210.0.8")).toEqual([
      {
        address: FIXED,
        found: {
          ...{ namespace: "shop", name: "web", addresses: [FIXED, six], affinitySeconds: 10_800, leftOut: 0 },
          ports: [
            { name: "a", protocol: 6, port: 80, backends: all(8080) },
            { name: "b", protocol: 6, port: 443, backends: all(8443) },
          ],
        },
        ...{ reason: null, leaseSeconds: SERVICE_ASK_LIMITS.foundSeconds },
      },
      { address: "8.8.8.8", found: null, reason: "outside", leaseSeconds: SERVICE_ASK_LIMITS.absentSeconds },
      {
        ...{ address: "10.210.0.8", found: null, reason: "no-service" },
        leaseSeconds: SERVICE_ASK_LIMITS.absentSeconds,
      },
    ]);
    expect(await backends(six as string)).toEqual([[80], [443]]);
  });

  test("an address is asked for as it is written, and found however that is", async () => {
    await put(aService("shop", "six", { clusterIP: "fd00:210::9" }));
    const written = "FD00:0210:0::0009";
    expect(await where("h2", written, written)).toMatchObject([
      { address: written, found: { name: "six" } },
      { address: written, found: { name: "six" } },
    ]);
  });

  test("backends follow the pods as they come, change and go", async () => {
    await put(fixed());
    expect(await backends(FIXED)).toEqual([[80]]);
    await pods("h1", web());
    expect(await backends(FIXED)).toEqual([[80, `${addressOf("h1", 0)}:8080 ready`]]);
    await pods("h1", web({ app: "db" }), web());
    expect(await backends(FIXED)).toEqual([[80, `${addressOf("h1", 1)}:8080 ready`]]);
    await pods("h1");
    expect(await backends(FIXED)).toEqual([[80]]);
  });

  test("pods of a host that was revoked are no backends", async () => {
    await pods("h1", web());
    await put(fixed());
    await pool().query("update hosts set revoked_at = now() where name = 'h1'");
    expect(await backends(FIXED)).toEqual([[80]]);
  });

  test("a service without a selector has what its slices say, whichever of them is there first", async () => {
    await put(aSlice("shop", "web", "one", ["192.0.2.7"]), aSlice("other", "web", "two", ["192.0.2.9"]));
    await put(fixed({ selector: null }));
    const endpoints = [
      { addresses: ["192.0.2.8"], conditions: { ready: false, serving: true, terminating: true } },
      { addresses: ["192.0.2.6"], conditions: { ready: false } },
    ];
    await put(aSlice("shop", "web", "three", [], { endpoints }));
    expect(await backends(FIXED)).toEqual([[80, "192.0.2.7:8080 ready", "192.0.2.8:8080 draining"]]);
  });

  test("a service in the default namespace has pods that name none", async () => {
    await pods("h1", { app: "web" }, web(), { app: "web", "io.kubernetes.pod.namespace": "default" });
    await put(aService("default", "web", { clusterIP: FIXED }));
    expect((await backends(FIXED))?.[0]).toHaveLength(3);
  });

  test("says how many backends are left out", async () => {
    await pool().query(
      `insert into identities (hash, labels) values ('many', '{"io.kubernetes.pod.namespace":"many","app":"web"}')`,
    );
    await pool().query(
      `insert into network_endpoints (host_id, attachment_id, address4, identity_id, generation)
       select $1, 'm' || i, '11.0.0.0'::inet + i, (select id from identities where hash = 'many'), 1 from generate_series(1, 3000) i`,
      [hosts.h3.hostId],
    );
    await put(aService("many", "web", { clusterIP: FIXED }));
    const service = await found(FIXED);
    expect([service?.ports[0]?.backends.length, service?.leftOut]).toEqual([2048, 952]);
  });
});

test("a page has which hosts' connections to a backend fail, as long as they are heard of", async () => {
  await pods("h1", web());
  await put(fixed());
  const out = (address: string) => ({
    service: { address, port: 80, protocol: 6 },
    backend: { address: addressOf("h1", 0), port: 8080 },
    why: "3 of its last 3 connections failed",
  });
  const says = (host: Name, secondsAgo: number, ...some: object[]) =>
    pool().query(
      "update hosts set heartbeat = $2, heartbeat_at = now() - $3 * interval '1 second' where name = $1",
      [host, { network: { backendsOut: { count: some.length, some } } }, secondsAgo],
    );
  await says("h2", 1, out(FIXED), out("10.210.0.99"));
  await says("h3", 600, out(FIXED));
  const { failing } = await getService({ namespace: "shop", name: "web" });
  expect(failing).toEqual([{ host: "h2", ...out(FIXED) }]);
});

test("a page has every service with what is behind it, and of one every backend", async () => {
  await pods("h1", web(), web(), web({ app: "db" }));
  const endpoints = [
    { addresses: ["192.0.2.7"] },
    { addresses: ["192.0.2.8"], conditions: { ready: false, serving: true, terminating: true } },
  ];
  await put(
    fixed(),
    aService("shop", "headless", { clusterIP: "None", selector: { app: "db" } }),
    aSlice("shop", "web", "s", [], { endpoints }),
  );
  expect(await listServices()).toMatchObject([
    { name: "headless", isHeadless: true, addresses: [], backends: { pods: 1, ready: 0, draining: 0 } },
    { name: "web", isHeadless: false, addresses: [FIXED], backends: { pods: 2, ready: 1, draining: 1 } },
  ]);
  const whole = await getService({ namespace: "shop", name: "web" });
  expect(whole.families.map(({ family, ports }) => [family, ports[0]?.backends.length])).toEqual([[4, 4]]);
  const headless = await getService({ namespace: "shop", name: "headless" });
  expect(headless.families.map(({ family, ports }) => [family, ports[0]?.backends.length])).toEqual([
    [4, 1],
    [6, 0],
  ]);
  expect(await failure(getService({ namespace: "shop", name: "none" }))).toBe(
    "NOT_FOUND there is no service shop/none",
  );
});

describe("who asked", () => {
  beforeEach(async () => {
    await put(fixed(), aService("shop", "other", { clusterIP: "10.210.0.8" }));
    await where("h2", FIXED);
    await where("h3", "10.210.0.8", "10.210.0.9");
    await heard();
  });

  test("is told when a pod comes or goes that the service selects, and nobody else is", async () => {
    await pods("h1", { app: "web" }, web({ app: "db" }));
    expect(await heard()).toEqual([]);
    await pods("h1", web());
    expect(await heard()).toEqual(["h2"]);
    await pods("h1", web());
    expect(await heard()).toEqual([]);
    await pods("h1", web({ "millrace.io/weight": "3" }));
    expect(await heard()).toEqual(["h2"]);
    await pods("h1");
    expect(await heard()).toEqual(["h2"]);
  });

  test("is told when a host's pods go with it, and when its agent is revoked", async () => {
    await pods("h1", web());
    await heard();
    await revokeAgent("h1", ANN);
    expect(await heard()).toEqual(["h2"]);
    await silence(hosts.h1.hostId, 120);
    await releaseHost("h1", ANN);
    expect(await heard()).toEqual(["h2"]);
  });

  test("is told when the service changes, goes, or comes", async () => {
    await put(fixed({ ports: [{ port: 81 }] }));
    expect(await heard()).toEqual(["h2"]);
    await put(fixed({ ports: [{ port: 81 }] }));
    expect(await heard()).toEqual([]);
    await put(aService("shop", "new", { clusterIP: "10.210.0.9" }));
    expect(await heard()).toEqual(["h3"]);
    await put(aService("shop", "web", { clusterIP: "10.210.0.10" }));
    expect(await heard()).toEqual(["h2"]);
    await remove({ documents: [{ kind: "Service", namespace: "shop", name: "other" }] }, ANN);
    expect(await heard()).toEqual(["h3"]);
  });

  test("is told when a slice says otherwise, and so is who asked for the service it was of", async () => {
    await put(aSlice("shop", "web", "s", ["192.0.2.7"]));
    expect(await heard()).toEqual(["h2"]);
    await put(aSlice("shop", "other", "s", ["192.0.2.7"]));
    expect(await heard()).toEqual(["h2", "h3"]);
    await remove({ documents: [{ kind: "EndpointSlice", namespace: "shop", name: "s" }] }, ANN);
    expect(await heard()).toEqual(["h3"]);
  });

  test("is told nothing after the lease, which is then forgotten", async () => {
    await pool().query("update service_leases set until = now() - interval '1 s'");
    await pods("h1", web());
    expect(await heard()).toEqual([]);
    await sweepServices();
    expect((await pool().query("select 1 from service_leases")).rows).toEqual([]);
  });

  test("while it changed has the new answer, or is told", async () => {
    for (let i = 1; i <= 40; i++) {
      await pool().query("delete from service_leases");
      const weight = String(i);
      const [[answer]] = await Promise.all([
        where("h2", FIXED),
        pods("h1", web({ "millrace.io/weight": weight })),
      ]);
      const isNew = answer?.found?.ports[0]?.backends[0]?.weight === i;
      expect([i, isNew || (await heard()).includes("h2")]).toEqual([i, true]);
    }
  });
});

test("everything is looked up by index, so that it costs the same in a large fleet", async () => {
  await pool().query(
    `insert into identities (hash, labels)
       select 'x' || i, jsonb_build_object('app', 'a' || i % 2000, 'io.kubernetes.pod.namespace', 'n' || i % 100)
       from generate_series(1, 20000) i;
     insert into documents (kind, namespace, name, scope, given, reading, revision, changed_by)
       select k, 'n' || i, 'p', 'n' || i || case k when 'Service' then '' else '/p' end, '{}', '{}', 1, ''
       from generate_series(1, 10000) i, unnest(array['Service', 'EndpointSlice']) k;
     insert into service_addresses select '12.0.0.0'::inet + id, id from documents where kind = 'Service'`,
  );
  await pool().query(
    `insert into network_endpoints (host_id, attachment_id, address4, identity_id, generation)
       select $1, 'x' || id, '11.0.0.0'::inet + id, id, 1 from identities where hash like 'x%'`,
    [hosts.h1.hostId],
  );
  await pool().query("analyze identities, documents, service_addresses, network_endpoints");
  const planOf = async (text: string, values: unknown[]) =>
    (await pool().query<{ "QUERY PLAN": string }>(`explain ${text}`, values)).rows
      .map((row) => row["QUERY PLAN"])
      .join("\n");
  const labels = JSON.stringify({ app: "a7", "io.kubernetes.pod.namespace": "n7" });
  const plans = [
    await planOf(SERVICES, [["12.0.0.9", "12.0.0.10"]]),
    await planOf(SLICES, ["n7/p"]),
    (await planOf(SELECTED, [labels, "n7", 4, 2048, null])).replace(/Seq Scan on hosts/, "of three hosts"),
  ];
  await pool().query("delete from documents");
  await pool().query("delete from network_endpoints");
  await pool().query("delete from identities where hash like 'x%'");
  expect(plans.join("\n")).not.toMatch(/Seq Scan/);
});
