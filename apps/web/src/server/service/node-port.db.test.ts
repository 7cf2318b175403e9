import "../testing/environment.ts";
import type { DocumentObject } from "@millrace/contract/document";
import { LeaseInput, PublishInput } from "@millrace/contract/network";
import { NODE_PORT_ADDRESS } from "@millrace/contract/node-port";
import { CreatePoolInput } from "@millrace/contract/pool";
import { addressText, type Family, type Prefix, parsePrefix } from "@millrace/contract/prefix";
import { type NodePort, type NodePortAnswer, SERVICE_ASK_LIMITS } from "@millrace/contract/service";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { testDatabase } from "../../../../../tools/testing/test-database.ts";
import { closeBus } from "../bus.ts";
import { closeDatabase, pool, useDatabase } from "../db.ts";
import { apply, remove } from "../document/service.ts";
import { lease, publish } from "../network/service.ts";
import { createPool } from "../pool/service.ts";
import { aService, aSlice } from "../testing/documents.ts";
import { heardThree, hosts, NAMES, type Name, threeHostsOnline, underlayOf } from "../testing/three-hosts.ts";
import { NODE_PORTS_ASKED } from "./repo.ts";
import { getService, listServices, resolve, sweepServices } from "./service.ts";

const database = testDatabase();
const ANN = { email: "ann@example.org", via: "session" };
const generations: Record<Name, number> = { h1: 0, h2: 0, h3: 0 };
const blocks = {} as Record<Name, Record<Family, Prefix>>;
let heard: () => Promise<string[]>;

beforeAll(async () => {
  await useDatabase(database.url);
  await threeHostsOnline();
  const prefixes = { prefix4: "10.201.0.0/16", prefix6: "fd00:201::/48" };
  await createPool(CreatePoolInput.parse({ name: "default", mode: "direct", ...prefixes }), ANN);
  heard = heardThree("millrace_service");
});
beforeEach(async () => {
  for (const table of ["documents", "network_endpoints", "service_leases", "node_port_leases"])
    await pool().query(`delete from ${table}`);
  for (const name of NAMES) await holdBlock(name);
  await put(aService("shop", "first"));
  await heard();
});
afterAll(async () => {
  await closeBus();
  await closeDatabase();
});

async function holdBlock(name: Name, underlay = underlayOf(name)): Promise<void> {
  const held = await lease(hosts[name], LeaseInput.parse({ blocks: [], want: { default: 1 }, underlay }));
  const prefix = (text: string | null | undefined) => parsePrefix(text ?? "") as Prefix;
  const [block] = held.blocks;
  blocks[name] = { 4: prefix(block?.prefix4), 6: prefix(block?.prefix6) };
}
const addressOf = (host: Name, nth: number, family: Family = 4) =>
  addressText({ family, value: blocks[host][family].first + BigInt(nth) });

/** The host's pods by their labels. */
async function pods(host: Name, ...labels: Record<string, string>[]): Promise<void> {
  const endpoints = labels.map((labels, i) => ({
    ...{ attachmentId: `a${i}`, address4: addressOf(host, i), address6: addressOf(host, i, 6), labels },
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
  return output.ok
    ? []
    : output.problems.map(({ document, path, message }) => `${document} ${path}: ${message}`);
}
const drop = (name: string) => remove({ documents: [{ kind: "Service", namespace: "shop", name }] }, ANN);
const outward = (name: string, spec: object = {}) => aService("shop", name, { type: "NodePort", ...spec });
const at = (nodePort?: number, over: object = {}) => ({ port: 80, targetPort: 8080, nodePort, ...over });
const fixed = (nodePort: number, spec: object = {}) => outward("web", { ports: [at(nodePort)], ...spec });

/** The service's ports with their node ports. */
async function portsOf(name: string): Promise<string[]> {
  const { ports } = await getService({ namespace: "shop", name });
  return ports.map(({ protocol, port, nodePort }) => `${protocol} ${port}:${nodePort}`);
}
const tcp = (port: number, family: Family = 4): NodePort => ({ family, protocol: 6, port });
const udp = (port: number, family: Family = 4): NodePort => ({ family, protocol: 17, port });
const ask = async (host: Name, ...nodePorts: NodePort[]): Promise<NodePortAnswer[]> =>
  (await resolve(hosts[host], { addresses: [], nodePorts })).nodePorts;
const backends = async (host: Name, one: NodePort) =>
  (await ask(host, one))[0]?.found?.backends.map((backend) => `${backend.address} ${backend.port}`);

describe("a node port", () => {
  test("is given where none is asked for, kept over changes, and given again to the same name", async () => {
    expect(await put(outward("web"))).toEqual([]);
    const [given] = await portsOf("web");
    expect(given).toMatch(/^6 80:3[0-2]\d{3}$/);
    const more = [at(undefined, { name: "a", port: 443 }), at(undefined, { name: "b", targetPort: 9090 })];
    await put(outward("web", { ports: more, externalTrafficPolicy: "Local" }));
    expect((await portsOf("web"))[1]).toBe(given);
    await drop("web");
    await put(outward("web"));
    expect(await portsOf("web")).toEqual([given]);
  });

  test("is the one that is asked for, and stays when that is asked for no more", async () => {
    await put(fixed(30_080));
    await put(outward("web"));
    expect(await portsOf("web")).toEqual(["6 80:30080"]);
    await put(fixed(30_081));
    expect(await portsOf("web")).toEqual(["6 80:30081"]);
  });

  test("of another service is refused by its field, also within one apply, and then nothing is done", async () => {
    await put(outward("db", { ports: [at(30_080)] }));
    const other = outward("web", { ports: [at(30_079, { name: "a" }), at(30_080, { name: "b", port: 81 })] });
    expect(await put(aService("shop", "plain"), other)).toEqual([
      "1 spec.ports[1].nodePort: 30080/TCP is the node port of service shop/db",
    ]);
    expect(await put(outward("a", { ports: [at(30_070)] }), outward("b", { ports: [at(30_070)] }))).toEqual([
      "1 spec.ports[0].nodePort: 30070/TCP is the node port of service shop/a",
    ]);
    expect((await listServices()).map(({ name }) => name)).toEqual(["db", "first"]);
    expect(await put(outward("dns", { ports: [at(30_080, { protocol: "UDP" })] }))).toEqual([]);
  });

  test("is free when its service goes, its type changes, or its port goes", async () => {
    const takes = async () => {
      const problems = await put(outward("taker", { ports: [at(30_080)] }));
      if (problems.length === 0) await drop("taker");
      return problems;
    };
    await put(fixed(30_080));
    expect(await takes()).toHaveLength(1);
    await drop("web");
    expect(await takes()).toEqual([]);
    await put(fixed(30_080));
    await put(aService("shop", "web"));
    expect(await portsOf("web")).toEqual(["6 80:null"]);
    expect(await takes()).toEqual([]);
    await put(fixed(30_080));
    await put(outward("web", { ports: [at(undefined, { port: 81 })] }));
    expect(await takes()).toEqual([]);
  });

  test("by many applies at once is each one service's", async () => {
    const names = Array.from({ length: 16 }, (_, i) => `s${i}`);
    expect((await Promise.all(names.map((name) => put(outward(name))))).flat()).toEqual([]);
    const ports = (await Promise.all(names.map(portsOf))).flat();
    expect(new Set(ports).size).toBe(16);
    const asked = await Promise.all(names.map((name) => put(outward(name, { ports: [at(32_000)] }))));
    expect(asked.filter((problems) => problems.length === 0)).toHaveLength(1);
  });
});

describe("resolving", () => {
  test("answers whose a port is, with the backends of the family, and what is nobody's", async () => {
    await pods("h1", web(), web({ "millrace.io/weight": "7" }), web({ app: "db" }));
    const ports = [at(30_081, { name: "b", port: 81, targetPort: 9090 }), at(30_080, { name: "a" })];
    await put(fixed(0, { ports, sessionAffinity: "ClientIP", ipFamilyPolicy: "RequireDualStack" }));
    const asked = [tcp(30_080), tcp(30_080, 6), udp(30_080), tcp(30_099), tcp(30_081)];
    const found = (family: Family, port: number) => ({
      ...{ namespace: "shop", name: "web", affinitySeconds: 10_800, leftOut: 0 },
      backends: [100, 7].map((weight, nth) => ({
        ...{ address: addressOf("h1", nth, family), port, weight, state: "ready" },
      })),
    });
    const expected = [found(4, 8080), found(6, 8080), null, null, found(4, 9090)];
    const { foundSeconds, absentSeconds } = SERVICE_ASK_LIMITS;
    expect(await ask("h2", ...asked)).toEqual(
      asked.map((one, i) => ({
        ...{ asked: one, found: expected[i] },
        leaseSeconds: expected[i] ? foundSeconds : absentSeconds,
      })),
    );
  });

  test("a service of one family is at no port of the other's addresses", async () => {
    await pods("h1", web());
    await put(fixed(30_080, { ipFamilies: ["IPv6"] }));
    expect((await ask("h2", tcp(30_080), tcp(30_080, 6))).map(({ found }) => found?.name)).toEqual([
      undefined,
      "web",
    ]);
  });

  test("addresses and node ports are answered in one go, and old agents ask for addresses alone", async () => {
    await put(fixed(30_080, { clusterIP: "10.210.0.7" }));
    const both = await resolve(hosts.h2, { addresses: ["10.210.0.7"], nodePorts: [tcp(30_080)] });
    expect(both.resolved[0]?.found?.name).toBe("web");
    expect(both.nodePorts[0]?.found?.name).toBe("web");
    expect((await resolve(hosts.h2, { addresses: ["10.210.0.7"] })).nodePorts).toEqual([]);
  });

  test("of a service that is Local each host has its own pods, and those endpoints of slices that are its own", async () => {
    await pods("h1", web(), web());
    await pods("h2", web(), { app: "other" });
    const local = { externalTrafficPolicy: "Local" };
    await put(fixed(30_080, local));
    const own = (host: Name, ...nths: number[]) => nths.map((nth) => `${addressOf(host, nth)} 8080`);
    expect(await backends("h1", tcp(30_080))).toEqual(own("h1", 0, 1));
    expect(await backends("h2", tcp(30_080))).toEqual(own("h2", 0));
    expect(await backends("h3", tcp(30_080))).toEqual([]);
    const [, six] = await ask("h2", tcp(30_080), tcp(30_080, 6));
    expect(six?.found?.backends.map(({ address }) => address)).toEqual([addressOf("h2", 0, 6)]);

    await put(aSlice("shop", "web", "s", [addressOf("h2", 1), "192.0.2.3", "192.0.2.77"]));
    expect(await backends("h1", tcp(30_080))).toEqual(own("h1", 0, 1));
    expect(await backends("h2", tcp(30_080))).toEqual(own("h2", 0, 1));
    expect(await backends("h3", tcp(30_080))).toEqual(["192.0.2.3 8080"]);
    expect(await backends("h3", tcp(30_080))).toHaveLength(1);

    await put(fixed(30_080, { externalTrafficPolicy: "Cluster" }));
    expect(await backends("h3", tcp(30_080))).toHaveLength(6);
    // At its virtual address all hosts' are meant, whatever is said of the node port.
    await put(fixed(30_080, { ...local, clusterIP: "10.210.0.7" }));
    const { resolved } = await resolve(hosts.h3, { addresses: ["10.210.0.7"] });
    expect(resolved[0]?.found?.ports[0]?.backends).toHaveLength(6);
  });

  test("how many backends are left out is said of the port alone", async () => {
    await pool().query(
      `insert into identities (hash, labels) values ('many', '{"io.kubernetes.pod.namespace":"shop","app":"web"}')
       on conflict do nothing`,
    );
    await pool().query(
      `insert into network_endpoints (host_id, attachment_id, address4, identity_id, generation)
       select $1, 'm' || i, '11.0.0.0'::inet + i, (select id from identities where hash = 'many'), 1 from generate_series(1, 3000) i`,
      [hosts.h3.hostId],
    );
    await put(fixed(0, { ports: [at(30_080, { name: "a" }), at(30_081, { name: "b", port: 81 })] }));
    const [answer] = await ask("h2", tcp(30_081));
    expect([answer?.found?.backends.length, answer?.found?.leftOut]).toEqual([2048, 952]);
  });
});

describe("who asked", () => {
  beforeEach(async () => {
    await put(fixed(30_080), outward("other", { ports: [at(30_081)] }));
    await ask("h1", udp(30_080), tcp(30_079));
    await ask("h2", tcp(30_080, 6));
    await ask("h3", tcp(30_081), tcp(30_082));
    await heard();
  });

  test("is told when a pod comes or goes that the service selects, and nobody else is", async () => {
    await pods("h1", { app: "web" }, web({ app: "db" }));
    expect(await heard()).toEqual([]);
    await pods("h1", web());
    expect(await heard()).toEqual(["h2"]);
    await pods("h1", web({ "millrace.io/weight": "3" }));
    expect(await heard()).toEqual(["h2"]);
    await pods("h1");
    expect(await heard()).toEqual(["h2"]);
  });

  test("is told when the service changes, gets or loses the port, goes, or comes", async () => {
    await put(fixed(30_080, { externalTrafficPolicy: "Local" }));
    expect(await heard()).toEqual(["h2"]);
    await put(fixed(30_080, { externalTrafficPolicy: "Local" }));
    expect(await heard()).toEqual([]);
    await put(fixed(30_082));
    expect(await heard()).toEqual(["h2", "h3"]);
    await put(aService("shop", "web"));
    expect(await heard()).toEqual(["h3"]);
    await put(outward("dns", { ports: [at(30_080, { protocol: "UDP" })] }));
    expect(await heard()).toEqual(["h1"]);
    await drop("other");
    expect(await heard()).toEqual(["h3"]);
    await put(outward("new", { ports: [at(30_079)] }));
    expect(await heard()).toEqual(["h1"]);
  });

  test("is told when a slice says otherwise", async () => {
    await put(aSlice("shop", "web", "s", ["192.0.2.77"]));
    expect(await heard()).toEqual(["h2"]);
    await remove({ documents: [{ kind: "EndpointSlice", namespace: "shop", name: "s" }] }, ANN);
    expect(await heard()).toEqual(["h2"]);
  });

  test("about its own backends is told when an address that a slice names comes to it or leaves it", async () => {
    await put(fixed(30_080, { externalTrafficPolicy: "Local" }));
    await put(aSlice("shop", "web", "s", [addressOf("h2", 1), addressOf("h1", 0), "192.0.2.99"]));
    await heard();
    await pods("h2", { app: "other" });
    expect(await heard()).toEqual([]);
    await pods("h2", { app: "other" }, { app: "other" });
    expect(await heard()).toEqual(["h2"]);
    expect(await backends("h2", tcp(30_080))).toEqual([`${addressOf("h2", 1)} 8080`]);
    await pods("h1", { app: "other" }); // asked for no port of the service
    expect(await heard()).toEqual([]);
    await holdBlock("h2", { ...underlayOf("h2"), uplink4: "192.0.2.99" });
    expect(await heard()).toEqual(["h2"]);
    await put(fixed(30_080));
    await heard();
    await pods("h2");
    expect(await heard()).toEqual([]);
  });

  test("is on the service's page, and counted once", async () => {
    await put(fixed(30_080, { clusterIP: "10.210.0.7" }));
    await resolve(hosts.h2, { addresses: ["10.210.0.7"] });
    const view = await getService({ namespace: "shop", name: "web" });
    expect([view.hosts, view.holders]).toEqual([1, ["h2"]]);
  });

  test("is told nothing after the lease, which is then forgotten", async () => {
    await pool().query("update node_port_leases set until = now() - interval '1 s'");
    await put(fixed(30_080, { externalTrafficPolicy: "Local" }));
    expect(await heard()).toEqual([]);
    await sweepServices();
    expect((await pool().query("select 1 from node_port_leases")).rows).toEqual([]);
  });

  test("while it changed has the new answer, or is told", async () => {
    for (let i = 1; i <= 20; i++) {
      await pool().query("delete from node_port_leases");
      const weight = String(i);
      const [[answer]] = await Promise.all([
        ask("h2", tcp(30_080)),
        pods("h1", web({ "millrace.io/weight": weight })),
      ]);
      const isNew = answer?.found?.backends[0]?.weight === i;
      expect([i, isNew || (await heard()).includes("h2")]).toEqual([i, true]);
    }
  });
});

test("pages have node ports and whose backends they send to", async () => {
  await put(fixed(30_080, { externalTrafficPolicy: "Local" }));
  expect(await listServices()).toMatchObject([
    { name: "first", externalTraffic: null, ports: [{ port: 80, nodePort: null }] },
    { name: "web", externalTraffic: "Local", ports: [{ port: 80, nodePort: 30_080 }] },
  ]);
});

test("a node port is looked up by index, however many there are", async () => {
  await pool().query(
    `insert into documents (kind, namespace, name, scope, given, reading, revision, changed_by)
       select 'Service', 'n' || i, 'p', 'n' || i, '{}', '{}', 1, '' from generate_series(1, 5000) i;
     insert into service_addresses select '12.0.0.0'::inet + id, id from documents where scope like 'n%';
     insert into node_ports select 6, 30000 + (id % 2700), id, 80 from documents where scope like 'n%'
       on conflict do nothing`,
  );
  await pool().query("analyze documents, service_addresses, node_ports");
  const { rows } = await pool().query<{ "QUERY PLAN": string }>(`explain ${NODE_PORTS_ASKED}`, [
    ...[
      [6, 6],
      [30_001, 30_002],
      [4, 6],
    ],
  ]);
  expect(rows.map((row) => row["QUERY PLAN"]).join("\n")).not.toMatch(/Seq Scan/);
});

test("a page has whose connections to a backend by the node port fail", async () => {
  await put(fixed(30_080));
  const out = (port: number, protocol = 6) => ({
    service: { address: NODE_PORT_ADDRESS, port, protocol },
    ...{ backend: { address: "10.201.0.5", port: 8080 }, why: "3 of its last 3 connections failed" },
  });
  const some = [out(30_080), out(30_081), out(30_080, 17), out(80)];
  await pool().query("update hosts set heartbeat = $2, heartbeat_at = now() where name = $1", [
    "h1",
    { network: { backendsOut: { count: some.length, some } } },
  ]);
  const { failing } = await getService({ namespace: "shop", name: "web" });
  expect(failing).toEqual([{ host: "h1", ...out(30_080) }]);
});
