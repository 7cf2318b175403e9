import "../testing/environment.ts";
import type { DocumentObject, DocumentsOutput } from "@millrace/contract/document";
import { POLICY_LIMITS } from "@millrace/contract/policy";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { testDatabase } from "../../../../../tools/testing/test-database.ts";
import { listEntries } from "../audit/service.ts";
import { closeBus } from "../bus.ts";
import { closeDatabase, pool, useDatabase } from "../db.ts";
import { aNamespace, aNetworkPolicy, aPolicy, aService, aSlice } from "../testing/documents.ts";
import { apply, check, get, list, remove } from "./service.ts";

const database = testDatabase();
const ANN = { email: "ann@example.org", via: "session" };
const BOB = { email: "bob@example.org", via: "token" };

beforeAll(() => useDatabase(database.url));
beforeEach(async () => {
  await pool().query("delete from documents");
});
afterAll(async () => {
  await closeBus();
  await closeDatabase();
});

const put = (...documents: DocumentObject[]) => apply({ documents }, ANN);
const said = (output: DocumentsOutput): string[] =>
  output.ok
    ? output.documents.map(({ kind, namespace, name, what }) => `${kind} ${namespace}/${name} ${what}`)
    : output.problems.map(({ document, path, message }) => `${document} ${path}: ${message}`);
const revisions = (output: DocumentsOutput) => (output.ok ? output.documents.map((one) => one.revision) : []);
const failure = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "done",
    (error: { code: string; publicMessage: string }) => `${error.code} ${error.publicMessage}`,
  );
const count = async (table: string) =>
  Number((await pool().query(`select count(*) from ${table}`)).rows[0].count);
const policyName = (namespace: string, name: string) => ({ kind: "NetworkPolicy" as const, namespace, name });
const numberOf = async (namespace: string, name: string) =>
  (await get(policyName(namespace, name))).number as number;

describe("an apply", () => {
  const ALL = [
    aNamespace("shop", { team: "a" }),
    aNetworkPolicy("shop", "web"),
    aPolicy("shop", "all", { tier: "platform", subject: { namespaces: {} } }),
    aService("shop", "web"),
    aSlice("shop", "web", "web-1", ["10.201.0.9"]),
  ];

  test("creates every kind, and the same again changes nothing, not even the history", async () => {
    const first = await put(...ALL);
    expect(said(first)).toEqual([
      "Namespace /shop created",
      "NetworkPolicy shop/web created",
      "Policy shop/all created",
      "Service shop/web created",
      "EndpointSlice shop/web-1 created",
    ]);
    const [changes, entries] = [await count("document_changes"), await count("audit_entries")];
    const again = await put(...ALL);
    expect(said(again).every((line) => line.endsWith("unchanged"))).toBe(true);
    expect(revisions(again)).toEqual(revisions(first));
    expect([await count("document_changes"), await count("audit_entries")]).toEqual([changes, entries]);
  });

  test("changes what differs, and only that gets the new revision", async () => {
    const before = revisions(await put(...ALL));
    const after = await put(
      ALL[0] as DocumentObject,
      aNetworkPolicy("shop", "web", { policyTypes: ["Egress"] }),
    );
    expect(said(after)).toEqual(["Namespace /shop unchanged", "NetworkPolicy shop/web changed"]);
    expect(revisions(after)[0]).toBe(before[0]);
    expect(revisions(after)[1]).toBeGreaterThan(before[0] as number);
  });

  test("with a problem in any document does nothing at all, and tells every problem", async () => {
    const output = await put(aNamespace("shop"), aNetworkPolicy("shop", "web", { podSelektor: {} }), {
      kind: "Ingress",
    });
    expect(said(output)).toEqual([
      expect.stringMatching(/^1 spec.podSelektor: there is no such field; did you mean podSelector/),
      expect.stringMatching(/^2 kind: must be Namespace/),
    ]);
    expect(await list({})).toEqual([]);
  });

  test("with the same document twice does nothing", async () => {
    const output = await put(aNamespace("a"), aNamespace("b"), aNamespace("a", { x: "y" }));
    expect(said(output)).toEqual(["2 metadata.name: Namespace a is there twice: it is document 1 too"]);
    expect(await list({})).toEqual([]);
  });

  test("with a service that can't have its address does nothing", async () => {
    await put(aService("shop", "one", { clusterIP: "10.210.0.9" }));
    const output = await put(aNamespace("new"), aService("shop", "two", { clusterIP: "10.210.0.9" }));
    expect(said(output)).toEqual(["1 spec.clusterIP: 10.210.0.9 is the address of service shop/one"]);
    expect((await list({})).map((one) => one.name)).toEqual(["one"]);
  });

  test("of a document that was read before somebody changed it is refused, and names who", async () => {
    await put(aNetworkPolicy("shop", "web"));
    const { document, revision } = await get(policyName("shop", "web"));
    await apply({ documents: [aNetworkPolicy("shop", "web", { policyTypes: ["Egress"] })] }, BOB);
    const mine = { ...document, spec: { podSelector: { matchLabels: { app: "web" } } } };
    expect(await failure(put(aNamespace("new"), mine))).toMatch(
      new RegExp(
        `^CONFLICT NetworkPolicy shop/web is at revision \\d+ by bob@example.org, .* read at ${revision}$`,
      ),
    );
    await remove({ documents: [policyName("shop", "web")] }, BOB);
    expect(await failure(put(mine))).toMatch(/^CONFLICT NetworkPolicy shop\/web is not there any more/);
    expect((await list({})).map((one) => one.name)).toEqual([]);
  });

  test("of policies beyond the most there may be does nothing", async () => {
    await pool().query(
      `insert into documents (kind, namespace, name, scope, given, reading, revision, changed_by)
       select 'Policy', 'full', 'p' || i, 'full', '{}', '{}', 1, '' from generate_series(1, $1) i`,
      [POLICY_LIMITS.policies - 1],
    );
    const output = await put(aNamespace("a"), aPolicy("shop", "one"), aPolicy("shop", "two"));
    expect(said(output)).toEqual([
      `1 : there would be more than ${POLICY_LIMITS.policies} policies, the most there may be`,
    ]);
    expect(said(await put(aPolicy("shop", "one")))).toEqual(["Policy shop/one created"]);
  });

  test("by many at once leaves each document as one of them wrote it, each change with a revision of its own", async () => {
    const outputs = await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        put(...["a", "b", "c"].map((name) => aNamespace(name, { by: String(i) }))),
      ),
    );
    expect(outputs.flatMap(said).filter((line) => line.endsWith("created")).length).toBe(3);
    const labels = await Promise.all(
      ["a", "b", "c"].map(async (name) => {
        const { document } = await get({ kind: "Namespace", namespace: "", name });
        return (document.metadata as { labels: { by: string } }).labels.by;
      }),
    );
    expect(new Set(labels).size).toBe(1);
    expect(new Set(outputs.map((one) => revisions(one)[0])).size).toBe(8);
  });
});

describe("a policy's number", () => {
  test("stays through changes, and is never given again", async () => {
    await put(aNetworkPolicy("shop", "one"), aNetworkPolicy("shop", "two"));
    const [one, two] = [await numberOf("shop", "one"), await numberOf("shop", "two")];
    await put(aNetworkPolicy("shop", "one", { policyTypes: ["Egress"] }));
    expect(await numberOf("shop", "one")).toBe(one);
    await remove({ documents: [policyName("shop", "two")] }, ANN);
    await put(aNetworkPolicy("shop", "two"));
    expect(await numberOf("shop", "two")).toBeGreaterThan(Math.max(one, two));
  });

  test("still leads to the policy's name when it was deleted", async () => {
    await put(aNetworkPolicy("shop", "gone"));
    const number = await numberOf("shop", "gone");
    await remove({ documents: [policyName("shop", "gone")] }, ANN);
    const { rows } = await pool().query(
      "select name, what, author, given is null as empty from document_changes where number = $1 order by revision",
      [number],
    );
    expect(rows).toEqual([
      { name: "gone", what: "created", author: ANN.email, empty: false },
      { name: "gone", what: "deleted", author: ANN.email, empty: true },
    ]);
  });

  test("and the history can't be changed", async () => {
    await put(aNamespace("a"));
    await expect(pool().query("update document_changes set author = 'x'")).rejects.toThrow(/append only/);
    await expect(pool().query("delete from document_changes")).rejects.toThrow(/append only/);
  });
});

test("a check says what an apply would do, and does nothing", async () => {
  await put(aNamespace("same"), aNamespace("other"));
  const before = [await count("document_changes"), await count("audit_entries"), await count("settings")];
  const documents = [aNamespace("same"), aNamespace("other", { a: "b" }), aService("shop", "web")];
  const output = await check({ documents });
  expect(said(output)).toEqual([
    "Namespace /same unchanged",
    "Namespace /other changed",
    "Service shop/web created",
  ]);
  expect(revisions(output)).toEqual([null, null, null]);
  expect(said(await check({ documents: [{}] }))).toEqual([expect.stringMatching(/^0 kind/)]);
  expect([await count("document_changes"), await count("audit_entries"), await count("settings")]).toEqual(
    before,
  );
});

test("what is read out can be applied again and changes nothing, whatever was added to it", async () => {
  await put(
    aNetworkPolicy("shop", "web", {}, { annotations: { team: "a" } }),
    aService("shop", "web"),
    aNamespace("shop"),
  );
  for (const { kind, namespace, name } of await list({})) {
    const { document, revision, changedBy } = await get({ kind, namespace, name });
    expect([document.kind, changedBy]).toEqual([kind, ANN.email]);
    expect(document.metadata).toMatchObject({ annotations: { "millrace.io/revision": String(revision) } });
    expect(said(await put(document))).toEqual([`${kind} ${namespace}/${name} unchanged`]);
  }
  const { document } = await get({ kind: "Service", namespace: "shop", name: "web" });
  expect(document.status).toEqual({ addresses: [expect.any(String), expect.any(String)] });
});

test("node ports stand as they were given, and in the status as they are", async () => {
  const spec = {
    type: "NodePort",
    externalTrafficPolicy: "Local",
    ports: [
      { name: "a", port: 80, nodePort: 30_080 },
      { name: "b", port: 53, protocol: "UDP" },
    ],
  };
  await put(aService("shop", "web", spec));
  const { document } = await get({ kind: "Service", namespace: "shop", name: "web" });
  expect(document.spec).toEqual({ selector: { app: "web" }, ...spec });
  expect(document.status).toMatchObject({
    nodePorts: [
      { protocol: "TCP", port: 80, nodePort: 30_080 },
      { protocol: "UDP", port: 53, nodePort: expect.any(Number) },
    ],
  });
  expect(said(await put(document))).toEqual(["Service shop/web unchanged"]);
});

test("a change of a node port is audited and kept like any other, and a check gives none", async () => {
  const outward = (nodePort: number) =>
    aService("shop", "web", { type: "NodePort", ports: [{ port: 80, nodePort }] });
  expect(said(await check({ documents: [outward(30_080)] }))).toEqual(["Service shop/web created"]);
  expect(await count("node_ports")).toBe(0);
  await put(outward(30_080));
  await put(outward(30_081));
  const { entries } = await listEntries({ limit: 1 });
  expect(entries).toMatchObject([
    { action: "documents.applyAll", target: "Service shop/web", detail: { changed: ["Service shop/web"] } },
  ]);
  const { rows } = await pool().query(
    `select given->'spec'->'ports'->0->>'nodePort' as port from document_changes
     where kind = 'Service' and name = 'web' order by revision desc limit 2`,
  );
  expect(rows.map((row) => row.port)).toEqual(["30081", "30080"]);
});

describe("a deletion", () => {
  test("removes what is there, says what isn't, and frees the addresses of services", async () => {
    await put(aService("shop", "web", { clusterIP: "10.210.0.7" }), aNamespace("shop"));
    const service = { kind: "Service" as const, namespace: "shop", name: "web" };
    const none = { kind: "Service" as const, namespace: "shop", name: "none" };
    const { documents } = await remove({ documents: [service, none] }, ANN);
    expect(documents.map((one) => one.what)).toEqual(["deleted", "absent"]);
    expect((await list({})).map((one) => one.kind)).toEqual(["Namespace"]);
    expect(said(await put(aService("shop", "other", { clusterIP: "10.210.0.7" })))).toEqual([
      "Service shop/other created",
    ]);
    expect(await failure(remove({ documents: [none] }, ANN))).toBe("NOT_FOUND there is no Service shop/none");
    expect(await failure(get(none))).toBe("NOT_FOUND there is no Service shop/none");
  });
});

test("lists are by kind and namespace, in the order of names", async () => {
  await put(aNamespace("b"), aNetworkPolicy("b", "x"), aNetworkPolicy("a", "y"), aNetworkPolicy("a", "x"));
  const names = async (input: Parameters<typeof list>[0]) =>
    (await list(input)).map((one) => `${one.kind} ${one.namespace}/${one.name}`);
  expect(await names({ kind: "NetworkPolicy" })).toEqual([
    "NetworkPolicy a/x",
    "NetworkPolicy a/y",
    "NetworkPolicy b/x",
  ]);
  expect(await names({ namespace: "b" })).toEqual(["NetworkPolicy b/x"]);
  expect(await names({})).toHaveLength(4);
});

test("a list that would be too long is refused, and a narrower one isn't", async () => {
  await pool().query(
    `insert into documents (kind, namespace, name, scope, given, reading, revision, changed_by)
     select 'Service', 'n' || i % 2, 's' || i, '', '{}', '{}', 1, '' from generate_series(1, 10001) i`,
  );
  expect(await failure(list({}))).toMatch(/^TOO_LARGE there are more than 10000 documents/);
  expect(await list({ kind: "Service", namespace: "n1" })).toHaveLength(5001);
});

test("every change is audited in its own transaction, with what it changed", async () => {
  await put(aNamespace("a"));
  await put(aNamespace("a", { x: "y" }), aNamespace("b"));
  await remove({ documents: [{ kind: "Namespace", namespace: "", name: "b" }] }, BOB);
  const { entries } = await listEntries({ limit: 3 });
  const revision = expect.any(Number);
  expect(entries).toMatchObject([
    {
      action: "documents.delete",
      author: BOB.email,
      via: "token",
      target: "Namespace b",
      detail: { revision, deleted: ["Namespace b"] },
    },
    {
      action: "documents.applyAll",
      target: "2 documents",
      detail: { revision, created: ["Namespace b"], changed: ["Namespace a"] },
    },
    {
      action: "documents.applyAll",
      author: ANN.email,
      target: "Namespace a",
      detail: { revision, created: ["Namespace a"] },
    },
  ]);
});
