import "../testing/environment.ts";
import { LeaseInput, PublishInput } from "@millrace/contract/network";
import { CreatePoolInput } from "@millrace/contract/pool";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { testDatabase } from "../../../../../tools/testing/test-database.ts";
import { closeBus } from "../bus.ts";
import { closeDatabase, pool, useDatabase } from "../db.ts";
import { apply, remove } from "../document/service.ts";
import { lease, publish } from "../network/service.ts";
import { createPool } from "../pool/service.ts";
import { aNamespace, aNetworkPolicy, aPolicy } from "../testing/documents.ts";
import { heardThree, hosts, NAMES, type Name, threeHostsOnline, underlayOf } from "../testing/three-hosts.ts";
import { FACTS, POLICIES } from "./repo.ts";
import { getPolicy, listPolicies, namedPolicies, peersOf, policiesFor, sweepPolicies } from "./service.ts";

const database = testDatabase();
const ANN = { email: "ann@example.org", via: "session" };
const generations: Record<Name, number> = { h1: 0, h2: 0, h3: 0 };
let heard: () => Promise<string[]>;

beforeAll(async () => {
  await useDatabase(database.url);
  await threeHostsOnline();
  await createPool(CreatePoolInput.parse({ name: "default", mode: "direct", prefix4: "10.201.0.0/16" }), ANN);
  for (const name of NAMES) {
    const underlay = underlayOf(name);
    await lease(hosts[name], LeaseInput.parse({ blocks: [], want: { default: 1 }, underlay }));
  }
  heard = heardThree("millrace_policy");
});
beforeEach(async () => {
  for (const table of ["documents", "network_endpoints", "identity_leases"])
    await pool().query(`delete from ${table}`);
  await heard();
});
afterAll(async () => {
  await closeBus();
  await closeDatabase();
});

/** The host's pods by their labels; their identities. */
async function pods(host: Name, ...labels: Record<string, string>[]): Promise<number[]> {
  const generation = ++generations[host];
  const endpoints = labels.map((labels, i) => ({
    ...{
      attachmentId: `a${i}`,
      address4: `10.201.0.${NAMES.indexOf(host) * 64 + i}`,
      address6: null,
      labels,
    },
  }));
  const input = PublishInput.parse({ generation, endpoints, last: true });
  return (await publish(hosts[host], input)).identities.map(({ identity }) => identity);
}
const inNamespace = (namespace: string, labels: Record<string, string> = {}) => ({
  "io.kubernetes.pod.namespace": namespace,
  ...labels,
});
const put = async (...documents: Parameters<typeof apply>[0]["documents"]) => {
  const output = await apply({ documents }, ANN);
  if (!output.ok) throw new Error(JSON.stringify(output.problems));
  return output.documents;
};
const gone = (kind: "Policy" | "NetworkPolicy" | "Namespace", namespace: string, name: string) =>
  remove({ documents: [{ kind, namespace, name }] }, ANN);
const namesFor = async (...identities: number[]) =>
  (await policiesFor({ identities })).policies.map(({ namespace, name }) => `${namespace}/${name}`);

describe("policy.for", () => {
  test("answers the policies that select any of the identities, and what those are", async () => {
    const [web, db, other] = await pods(
      "h1",
      inNamespace("shop", { app: "web", "port.millrace.io/http": "8080" }),
      inNamespace("shop", { app: "db" }),
      { app: "web" },
    );
    const [, , , made] = await put(
      aNamespace("shop", { team: "a" }),
      aNetworkPolicy("shop", "web", { podSelector: { matchLabels: { app: "web" } } }),
      aNetworkPolicy("other", "web"),
      aPolicy("ops", "teams", { subject: { namespaces: { matchLabels: { team: "a" } } } }),
      aPolicy("ops", "nobody", { subject: { namespaces: { matchLabels: { team: "b" } } } }),
      aPolicy("default", "watch", { mode: "observe" }),
    );
    expect(await namesFor(web as number)).toEqual(["shop/web", "ops/teams"]);
    expect(await namesFor(db as number)).toEqual(["ops/teams"]);
    expect(await namesFor(other as number)).toEqual(["default/watch"]);
    expect(await namesFor(web as number, other as number)).toEqual([
      "shop/web",
      "ops/teams",
      "default/watch",
    ]);

    const answer = await policiesFor({ identities: [web as number, 2, 999_999] });
    expect(answer.revision).toBe(made?.revision);
    expect(answer.policies[0]).toMatchObject({
      number: expect.any(Number),
      revision: answer.revision,
      tier: "tenant",
    });
    expect(answer.subjects).toEqual([
      {
        ...{ identity: web, namespace: "shop" },
        labels: inNamespace("shop", { app: "web", "port.millrace.io/http": "8080" }),
        namespaceLabels: { team: "a", "kubernetes.io/metadata.name": "shop" },
        ports: { http: { protocol: 6, port: 8080 } },
      },
    ]);
  });

  test("a namespace that nobody declared has its name for a label", async () => {
    const [one] = await pods("h1", inNamespace("quiet"));
    const selector = { matchLabels: { "kubernetes.io/metadata.name": "quiet" } };
    await put(aPolicy("ops", "quiet", { subject: { namespaces: selector } }));
    expect(await namesFor(one as number)).toEqual(["ops/quiet"]);
  });

  test("nothing asked is nothing answered, but the revision", async () => {
    const [document] = await put(aNamespace("shop", { at: String(Date.now()) }));
    expect(await policiesFor({ identities: [] })).toEqual({
      ...{ revision: document?.revision, policies: [], subjects: [] },
    });
  });
});

test("an answer that is more than an agent reads is refused with what to do", async () => {
  const [one] = await pods("h1", inNamespace("shop"));
  await pool().query(
    `insert into documents (kind, namespace, name, scope, number, given, reading, revision, changed_by)
     select 'Policy', 'shop', 'p' || i, 'shop', nextval('policy_number_seq'), '{}', jsonb_build_object(
       'namespace', 'shop', 'name', 'p' || i, 'tier', 'tenant', 'mode', 'enforce', 'isolates', '[]'::jsonb,
       'subject', '{"pods":[],"namespaces":null}'::jsonb, 'rules', '[]'::jsonb, 'padding', repeat('x', 10000)), 1, ''
     from generate_series(1, 1000) i`,
  );
  await expect(policiesFor({ identities: [one as number] })).rejects.toMatchObject({
    ...{ code: "TOO_LARGE", publicMessage: expect.stringMatching(/ask for fewer identities/) },
  });
});

test("policy.peers answers who identities are, as far as there are any", async () => {
  const [web] = await pods("h1", inNamespace("shop", { app: "web" }));
  await put(aNamespace("shop", { team: "a" }));
  expect(await peersOf(hosts.h2, { identities: [1, web as number, 999_999] })).toEqual({
    peers: [
      {
        ...{ identity: web, namespace: "shop", labels: inNamespace("shop", { app: "web" }), ports: {} },
        namespaceLabels: { team: "a", "kubernetes.io/metadata.name": "shop" },
      },
    ],
    leaseSeconds: 600,
  });
});

test("a page has every policy with how many endpoints it selects, and names for numbers, also of those that are gone", async () => {
  await pods("h1", inNamespace("shop", { app: "web" }), inNamespace("shop", { app: "db" }));
  await pods("h2", inNamespace("shop", { app: "web" }), inNamespace("other"));
  await put(
    aNamespace("shop", { team: "a" }),
    aNetworkPolicy("shop", "web", { podSelector: { matchLabels: { app: "web" } }, ingress: [{}] }),
    aPolicy("ops", "teams", { tier: "platform", subject: { namespaces: { matchLabels: { team: "a" } } } }),
    aPolicy("empty", "nobody", { mode: "observe", isolates: [] }),
  );
  const list = await listPolicies();
  expect(
    list.map(({ name, tier, mode, isolates, rules, selected }) => [
      name,
      tier,
      mode,
      isolates,
      rules,
      selected,
    ]),
  ).toEqual([
    ["nobody", "tenant", "observe", [], 0, 0],
    ["teams", "platform", "enforce", ["ingress"], 0, 3],
    ["web", "tenant", "enforce", ["ingress"], 1, 2],
  ]);
  const numbers = list.map(({ number }) => number);
  await gone("Policy", "empty", "nobody");
  const named = await namedPolicies({ numbers: [...numbers, 0xff_ffff] });
  expect(named.map(({ name, isDeleted }) => [name, isDeleted]).sort()).toEqual([
    ["nobody", true],
    ["teams", false],
    ["web", false],
  ]);
});

test("a policy says on how many of the hosts that it concerns its revision is in force", async () => {
  await pods("h1", inNamespace("shop", { app: "web" }), inNamespace("shop", { app: "web", tier: "a" }));
  await pods("h2", inNamespace("shop", { app: "web" }));
  await pods("h3", inNamespace("other", { app: "web" }));
  await put(aNetworkPolicy("shop", "web", { podSelector: { matchLabels: { app: "web" } } }));
  const [{ number, revision } = { number: 0, revision: 0 }] = await listPolicies();
  const say = (host: Name, counters: object) =>
    pool().query(
      "update hosts set heartbeat = coalesce(heartbeat::jsonb, '{}') || jsonb_build_object('counters', $2::jsonb) where name = $1",
      [host, JSON.stringify(counters)],
    );
  const said = async () => (await getPolicy({ number })).hosts;
  await say("h1", { "policy.revision": revision - 1 });
  await say("h2", {}); // an agent of before
  await say("h3", { "policy.revision": revision });
  expect(await said()).toEqual({ selected: 2, inForce: 0 });
  await say("h1", { "policy.revision": revision });
  expect(await said()).toEqual({ selected: 2, inForce: 1 });
  await say("h2", { "policy.revision": revision + 7 });
  expect(await said()).toEqual({ selected: 2, inForce: 2 });
});

describe("who is told that policies changed", () => {
  const web = { podSelector: { matchLabels: { app: "web" } } };

  test("hosts with an endpoint that it selects, before or after, and no other", async () => {
    await pods("h1", inNamespace("shop", { app: "web" }));
    await pods("h2", inNamespace("shop", { app: "db" }));
    await pods("h3", inNamespace("other", { app: "web" }));
    await put(aNetworkPolicy("shop", "p", web));
    expect(await heard()).toEqual(["h1"]);
    await put(aNetworkPolicy("shop", "p", { podSelector: { matchLabels: { app: "db" } } }));
    expect(await heard()).toEqual(["h1", "h2"]);
    await put(aNetworkPolicy("shop", "p", { podSelector: { matchLabels: { app: "db" } } }));
    expect(await heard()).toEqual([]);
    await gone("NetworkPolicy", "shop", "p");
    expect(await heard()).toEqual(["h2"]);
  });

  test("of a policy about several namespaces those with an endpoint in one of them", async () => {
    await put(aNamespace("shop", { team: "a" }));
    await pods("h1", inNamespace("shop"));
    await pods("h2", inNamespace("other"));
    await pods("h3", {});
    await heard();
    await put(aPolicy("ops", "p", { subject: { namespaces: { matchLabels: { team: "a" } } } }));
    expect(await heard()).toEqual(["h1"]);
    await put(aPolicy("ops", "p", { subject: { namespaces: {} } }));
    expect(await heard()).toEqual(["h1", "h2", "h3"]);
  });

  test("of a namespace's labels hosts with an endpoint in it, and those that asked who somebody in it is", async () => {
    const [one] = await pods("h1", inNamespace("shop"));
    await pods("h2", inNamespace("other"));
    await pods("h3", {});
    await put(aNamespace("shop", { a: "1" }));
    expect(await heard()).toEqual(["h1"]);
    await peersOf(hosts.h2, { identities: [one as number] });
    await put(aNamespace("shop", { a: "2" }));
    expect(await heard()).toEqual(["h1", "h2"]);
    await gone("Namespace", "", "shop");
    expect(await heard()).toEqual(["h1", "h2"]);
    await put(aNamespace("default", { a: "1" }));
    expect(await heard()).toEqual(["h3"]);
  });

  test("nobody after the lease, which is then forgotten", async () => {
    const [one] = await pods("h1", inNamespace("shop"));
    await peersOf(hosts.h2, { identities: [one as number] });
    await pool().query("update identity_leases set until = now() - interval '1 s'");
    await put(aNamespace("shop", { a: "1" }));
    expect(await heard()).toEqual(["h1"]);
    await sweepPolicies();
    expect((await pool().query("select 1 from identity_leases")).rows).toEqual([]);
  });

  test("however many identities there are", async () => {
    await pool().query(
      `insert into identities (hash, labels)
       select 'many' || i, jsonb_build_object('io.kubernetes.pod.namespace', 'many', 'n', i::text) from generate_series(1, 12000) i`,
    );
    await pool().query(
      `insert into network_endpoints (host_id, attachment_id, address4, identity_id, generation)
       select $1, 'm' || id, '11.0.0.0'::inet + id, id, 1 from identities where hash like 'many%'`,
      [hosts.h3.hostId],
    );
    await put(aNetworkPolicy("many", "last", { podSelector: { matchLabels: { n: "12000" } } }));
    expect(await heard()).toEqual(["h3"]);
  });

  test("while it changed a host has the new answer, or is told", async () => {
    const [one] = await pods("h1", inNamespace("shop"));
    for (let i = 0; i < 30; i++) {
      const labels = { i: String(i) };
      await pool().query("delete from identity_leases");
      const [answer] = await Promise.all([
        peersOf(hosts.h2, { identities: [one as number] }),
        put(aNamespace("shop", labels)),
      ]);
      const isNew = answer.peers[0]?.namespaceLabels.i === labels.i;
      expect([i, isNew || (await heard()).includes("h2")]).toEqual([i, true]);
    }
  });
});

test("everything is looked up by index, so that it costs the same in a large fleet", async () => {
  await pool().query(
    `insert into identities (hash, labels)
       select 'x' || i, jsonb_build_object('io.kubernetes.pod.namespace', 'n' || i) from generate_series(1, 20000) i;
     insert into documents (kind, namespace, name, scope, given, reading, revision, changed_by)
       select 'NetworkPolicy', 'n' || i, 'p', 'n' || i, '{}', '{}', 1, '' from generate_series(1, 20000) i;
     insert into documents (kind, namespace, name, scope, given, reading, revision, changed_by)
       select 'Namespace', '', 'n' || i, '', '{}', '{"labels":{}}', 1, '' from generate_series(1, 20000) i`,
  );
  await pool().query("analyze");
  const planOf = async (text: string, values: unknown[]) =>
    (await pool().query<{ "QUERY PLAN": string }>(`explain ${text}`, values)).rows
      .map((row) => row["QUERY PLAN"])
      .join("\n");
  const plans = [
    await planOf(FACTS, [Array.from({ length: 256 }, (_, i) => 1000 + i)]),
    await planOf(POLICIES, [["*", "n1", "n2"]]),
  ];
  await pool().query("delete from documents");
  await pool().query("delete from identities where hash like 'x%'");
  expect(plans.join("\n")).not.toMatch(/Seq Scan/);
});
