/** The commands against the operator API itself, over HTTP, with a token. */
import "../../web/src/server/testing/environment.ts";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { parseAllDocuments } from "yaml";
import { testDatabase } from "../../../tools/testing/test-database.ts";
import { GET, POST } from "../../web/src/app/api/trpc/[trpc]/route.ts";
import { closeBus } from "../../web/src/server/bus.ts";
import { closeDatabase, pool, useDatabase } from "../../web/src/server/db.ts";
import { ORIGIN } from "../../web/src/server/testing/environment.ts";
import { makePeople } from "../../web/src/server/testing/people.ts";
import { createToken } from "../../web/src/server/token/service.ts";
import { exitCodeOf, explain } from "./failure.ts";
import { createProgram } from "./program.ts";

const database = testDatabase();
const directory = mkdtempSync(path.join(tmpdir(), "documents-"));
const tokens: Record<string, string> = {};
let server: Server;
let url = "";

beforeAll(async () => {
  await useDatabase(database.url);
  const people = await makePeople();
  for (const role of ["viewer", "operator"] as const)
    tokens[role] = (await createToken({ name: role, role, expiresInDays: 1 }, people[role])).token;
  server = createServer(async (req, res) => {
    const parts: Buffer[] = [];
    for await (const part of req) parts.push(part as Buffer);
    const { method = "GET" } = req;
    const init = { method, headers: req.headers as Record<string, string> };
    const body = method === "POST" ? { body: Buffer.concat(parts) } : {};
    const answer = await (method === "POST" ? POST : GET)(
      new Request(`${ORIGIN}${req.url}`, { ...init, ...body }),
    );
    res.writeHead(answer.status, Object.fromEntries(answer.headers));
    res.end(Buffer.from(await answer.arrayBuffer()));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
beforeEach(async () => {
  await pool().query("delete from documents");
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});
afterAll(async () => {
  server.close();
  rmSync(directory, { recursive: true });
  await closeBus();
  await closeDatabase();
});

type End = { code: number; out: string[]; err: string[]; said: string };
async function run(role: string, ...argv: string[]): Promise<End> {
  vi.stubEnv("MILLRACE_CONFIG", "/dev/null");
  let [out, err] = ["", ""];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => Boolean((out += text)) || true);
  vi.spyOn(process.stderr, "write").mockImplementation((text) => Boolean((err += text)) || true);
  const lines = (text: string) => text.split("\n").filter(Boolean);
  const end = { code: 0, said: "" };
  try {
    await createProgram().parseAsync(["--server", url, "--token", tokens[role] as string, ...argv], {
      from: "user",
    });
  } catch (error) {
    Object.assign(end, { code: exitCodeOf(error), said: explain(error) });
  }
  vi.restoreAllMocks();
  return { ...end, out: lines(out), err: lines(err) };
}
function file(name: string, text: string): string {
  const at = path.join(directory, name);
  writeFileSync(at, text);
  return at;
}

const SHOP = `apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { team: a } }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec:
  selector: { app: web }
  ports:
    - port: 80
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: web, namespace: shop }
spec:
  podSelector: {}
`;

test("apply says what it did, the same again does nothing, and get gives it back fit to be applied", async () => {
  const shop = file("shop.yaml", SHOP);
  const lines = (what: string) =>
    ["Namespace shop", "Service shop/web", "NetworkPolicy shop/web"].map((one) => `${one} ${what}`);
  expect((await run("operator", "apply", "-f", shop, "--dry-run")).out).toEqual(lines("created (dry run)"));
  expect(await run("operator", "apply", "-f", shop)).toEqual({
    code: 0,
    said: "",
    out: lines("created"),
    err: [],
  });
  expect((await run("operator", "apply", "-f", shop)).out).toEqual(lines("unchanged"));

  const { out } = await run("viewer", "get", "svc", "shop/web", "-o", "yaml");
  expect(out.slice(0, 5)).toEqual([
    "apiVersion: v1",
    "kind: Service",
    "metadata:",
    "  name: web",
    "  namespace: shop",
  ]);
  const [given] = parseAllDocuments(out.join("\n"));
  expect((given as { toJS: () => { status: { addresses: string[] } } }).toJS().status.addresses).toHaveLength(
    2,
  );
  const again = file("again.yaml", out.join("\n"));
  expect((await run("operator", "apply", "-f", again)).out).toEqual(["Service shop/web unchanged"]);
});

test("every problem is told with file, line and field, and nothing is done", async () => {
  const bad = file("bad.yaml", SHOP.replace("port: 80", "prt: 80").replace("podSelector", "podSelektor"));
  for (const extra of [[], ["--dry-run"]]) {
    const end = await run("operator", "apply", "-f", bad, ...extra);
    expect(end.err).toEqual([
      `${bad}:11: spec.ports[0].port: is missing`,
      expect.stringMatching(
        /bad\.yaml:11: spec\.ports\[0\]\.prt: there is no such field; did you mean port\?/,
      ),
      expect.stringMatching(/bad\.yaml:17: spec\.podSelektor: there is no such field/),
    ]);
    expect([end.code, end.said, end.out]).toEqual([64, "nothing was done: 3 problems", []]);
  }
  expect((await run("viewer", "get", "namespaces")).out).toHaveLength(1);
});

test("who may not change gets the code of that, and may look", async () => {
  const shop = file("shop.yaml", SHOP);
  expect(await run("viewer", "apply", "-f", shop)).toMatchObject({
    code: 77,
    said: expect.stringMatching(/viewer/),
  });
  expect(await run("viewer", "apply", "-f", shop, "--dry-run")).toMatchObject({ code: 0 });
  expect(await run("viewer", "delete", "ns", "shop")).toMatchObject({ code: 77 });
});

test("get lists by kind and namespace, in a table or whole", async () => {
  await run("operator", "apply", "-f", file("shop.yaml", SHOP));
  const at = "\\d+ +\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d +operator@example.org";
  const rows = async (kind: string) => (await run("viewer", "get", kind)).out;
  const policies = await rows("networkpolicies");
  expect(policies[0]).toMatch(
    /^NAMESPACE +NAME +TIER +MODE +ISOLATES +RULES +ENDPOINTS +NUMBER +REVISION +CHANGED/,
  );
  expect(policies[1]).toMatch(new RegExp(`^shop +web +tenant +enforce +ingress +0 +0 +\\d+ +${at}$`));
  const services = await rows("svc");
  expect(services[1]).toMatch(
    new RegExp(`^shop +web +10\\.210\\.[\\d.]+,fd00:210::\\S+ +80/TCP +0 +0 +0 +${at}$`),
  );
  expect((await rows("ns"))[1]).toMatch(new RegExp(`^- +shop +${at}$`));
  expect(await rows("policies")).toHaveLength(1);
  expect((await run("viewer", "get", "services", "-n", "other")).out).toHaveLength(1);
  const { out: json } = await run("viewer", "get", "Namespace", "-o", "json");
  expect(JSON.parse(json[0] as string)).toMatchObject([{ kind: "Namespace", metadata: { name: "shop" } }]);
  expect((await run("viewer", "get", "netpol", "-n", "shop", "web")).out).toHaveLength(2);
  expect(await run("viewer", "get", "svc", "none")).toMatchObject({
    ...{ code: 70, said: "there is no Service default/none" },
  });
});

test("node ports are listed as kubectl does, and given back as they were given", async () => {
  const text = SHOP.replace(
    "    - port: 80\n",
    "    - port: 80\n      nodePort: 30080\n    - port: 53\n      protocol: UDP\n",
  )
    .replaceAll("    - port: ", "    - name: P\n      port: ")
    .replace("name: P", "name: a")
    .replace("name: P", "name: b")
    .replace("  selector:", "  type: NodePort\n  externalTrafficPolicy: Local\n  selector:");
  expect(await run("operator", "apply", "-f", file("outward.yaml", text))).toMatchObject({
    code: 0,
    err: [],
  });
  const [, row] = (await run("viewer", "get", "svc")).out;
  expect(row).toMatch(/ 80:30080\/TCP,53:3[0-2]\d{3}\/UDP /);
  const { out } = await run("viewer", "get", "svc", "shop/web", "-o", "yaml");
  const [given] = parseAllDocuments(out.join("\n"));
  expect((given as { toJS: () => { spec: object } }).toJS().spec).toMatchObject({
    ...{ type: "NodePort", externalTrafficPolicy: "Local" },
    ports: [
      { name: "a", port: 80, nodePort: 30_080 },
      { name: "b", port: 53, protocol: "UDP" },
    ],
  });
  expect((await run("operator", "apply", "-f", file("again.yaml", out.join("\n")))).out).toEqual([
    "Service shop/web unchanged",
  ]);
  const taken = text.replace("metadata: { name: web,", "metadata: { name: other,");
  expect(await run("operator", "apply", "-f", file("taken.yaml", taken))).toMatchObject({
    err: [
      expect.stringMatching(/taken\.yaml:15: spec\.ports\[0\]\.nodePort: 30080\/TCP is the node port of/),
    ],
    code: 64,
  });
});

test("delete removes what manifests name, or one by its name", async () => {
  const shop = file("shop.yaml", SHOP);
  await run("operator", "apply", "-f", shop);
  expect((await run("operator", "delete", "netpol", "web", "-n", "shop")).out).toEqual([
    "NetworkPolicy shop/web deleted",
  ]);
  expect((await run("operator", "delete", "-f", shop)).out).toEqual([
    "Namespace shop deleted",
    "Service shop/web deleted",
    "NetworkPolicy shop/web was not there",
  ]);
  expect(await run("operator", "delete", "-f", shop)).toMatchObject({ code: 70 });
});

test("what was changed since it was read is told, and kept", async () => {
  await run("operator", "apply", "-f", file("shop.yaml", SHOP));
  const { out } = await run("viewer", "get", "ns", "shop", "-o", "yaml");
  await run("operator", "apply", "-f", file("newer.yaml", SHOP.replace("team: a", "team: b")));
  const stale = file("stale.yaml", out.join("\n").replace("team: a", "team: c"));
  expect(await run("operator", "apply", "-f", stale)).toMatchObject({
    ...{
      code: 70,
      said: expect.stringMatching(/^Namespace shop is at revision \d+ by operator@example.org/),
    },
  });
});
