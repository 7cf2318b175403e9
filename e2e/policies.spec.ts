/**
 * Policies and services from the first draft to the last deletion: checked, tried on flows, applied, found from a flow, and
 * out of a viewer's reach. The stack is real; a host that carries pods is pretended.
 */
import { ruleNumber } from "@millrace/contract/rule-number";
import { VERDICT_NUMBER, WAY_NUMBER } from "@millrace/contract/verdict";
import { expect, type Page, test } from "@playwright/test";
import { firstSignIn, instance, type SignIn } from "../tools/testing/browser-instance.ts";
import { looksRight } from "./looks-right.ts";
import { ip4, operate, PretendedAgent } from "./pretend-agent.ts";
import { signIn } from "./sign-in.ts";

const RUN = Date.now().toString(36);
const SHOP = `shop-${RUN}`;
const POOL = `pods-${RUN}`;
const VIEWER: SignIn = { email: `viewer-${RUN}@millrace.local`, password: "only looking, never touching" };
const DB = ip4(10, 250, 0, 2);
const SSH = 22;
const POSTGRES = 5432;
const NODE_PORT = 30_432;

let page: Page;
let agent: PretendedAgent;
let policy: string;
const problems: string[] = [];

const draft = (port: number | string) => `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: db
  namespace: ${SHOP}
spec:
  podSelector:
    matchLabels:
      app: db
  ingress:
    - from:
        - podSelector:
            matchLabels:
              app: web
      ports:
        - port: ${port}
`;
const documentOf = (port: number) => ({
  ...{ apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata: { name: "db", namespace: SHOP } },
  spec: {
    podSelector: { matchLabels: { app: "db" } },
    ingress: [{ from: [{ podSelector: { matchLabels: { app: "web" } } }], ports: [{ port }] }],
  },
});
const service = {
  ...{ apiVersion: "v1", kind: "Service", metadata: { name: "db", namespace: SHOP } },
  spec: {
    ...{
      type: "NodePort",
      externalTrafficPolicy: "Local",
      clusterIP: "10.210.7.53",
      selector: { app: "db" },
    },
    ports: [{ name: "sql", port: POSTGRES, nodePort: NODE_PORT }],
  },
};
const text = (of: Page) => of.getByRole("textbox", { name: /^Documents/ });
const answer = (title: string) => page.getByRole("region", { name: title });

test.beforeAll(async ({ browser }) => {
  page = await signIn(browser, firstSignIn(), problems);
});

test("without policies and services the pages say what that means", async () => {
  await page.goto("/overview");
  await page.getByRole("navigation").getByRole("link", { name: "Policies" }).click();
  await expect(page.getByText("everybody may talk to everybody")).toBeVisible();
  await looksRight(page, "policies-empty");
  await page.getByRole("navigation").getByRole("link", { name: "Services" }).click();
  await expect(page.getByText("No service is declared.")).toBeVisible();
  await looksRight(page, "services-empty");
});

test("what is wrong in a draft is told at its line, and is led to", async () => {
  await page.goto("/policies/new");
  await text(page).fill(draft("{ form: 1 }"));
  await page.getByRole("button", { name: "Check" }).click();
  const line = answer("Problems").getByRole("button", { name: "line 16" });
  await expect(line).toBeVisible();
  await expect(answer("Problems")).toContainText("spec.ingress[0].ports[0].port");
  await looksRight(page, "policy-problems");
  await line.click();
  await expect(text(page)).toBeFocused();
  await text(page).fill("kind: [");
  await page.getByRole("button", { name: "Check" }).click();
  await expect(answer("Problems")).toBeVisible();
  await text(page).fill(draft(POSTGRES));
  await expect(answer("Problems")).toHaveCount(0);
  await page.getByRole("button", { name: "Check" }).click();
  await expect(answer("It is right")).toContainText("would be created");
});

test("a draft is tried on the flows of the last hour", async () => {
  await operate(page, "pools.create", { name: POOL, mode: "overlay", prefix4: "10.250.0.0/16" });
  agent = await PretendedAgent.enrol(page, `carries-${RUN}`);
  await agent.lease(POOL, 1);
  const namespace = { "io.kubernetes.pod.namespace": SHOP };
  await agent.publish([
    { ...namespace, app: "web" },
    { ...namespace, app: "db" },
  ]);
  await agent.push([
    { dst: DB, dstPort: POSTGRES },
    { dst: DB, dstPort: SSH },
    { dst: DB, dstPort: SSH },
    { dst: ip4(10, 250, 9, 2), dstPort: 80 },
  ]);
  await page.goto("/policies/new");
  await text(page).fill(draft(POSTGRES));
  await page.getByRole("button", { name: "What if" }).click();
  await expect(answer("What if")).toContainText(
    /^What if2 of [\d.]+( k)? flows of the last 1h would meet another verdict/,
  );
  const row = answer("What if")
    .getByRole("row")
    .filter({ hasText: String(SSH) });
  await expect(row).toContainText("dropped");
  await expect(row).toContainText(`${SHOP}/db, no rule allows it`);
  await expect(answer("What if")).toContainText("an end was a pod that isn't there any more");
  await looksRight(page, "policy-what-if");
});

test("an applied draft is a policy with its rules in words, and stands in the table", async () => {
  await page.getByRole("button", { name: "Apply" }).click();
  await expect(page).toHaveURL(/\/policies\/\d+$/);
  policy = page.url().split("/").at(-1) as string;
  await expect(page.getByText(`pods with app=db of ${SHOP}`)).toBeVisible();
  await expect(page.getByRole("table").filter({ hasText: "May be reached by" })).toContainText("TCP 5432");
  await expect(page.getByText("kind: NetworkPolicy")).toBeVisible();
  await looksRight(page, "policy");
  await page.goto("/policies?find=db");
  const row = page
    .getByRole("grid", { name: "Policies" })
    .getByRole("row")
    .filter({ hasText: `${SHOP}/db` });
  await expect(row).toContainText("enforce");
  await expect(row).toContainText("ingress");
  await looksRight(page, "policies");
  await page.goto("/policies?find=nothing-is-called-so");
  await expect(page.getByText(/None of \d+ policies/)).toBeVisible();
});

test("a draft of what somebody changed meanwhile is refused, and what stands can be loaded", async () => {
  await page.goto(`/policies/${policy}`);
  await page.getByRole("button", { name: "Edit" }).click();
  await text(page).fill((await text(page).inputValue()).replace("5432", "5433"));
  await operate(page, "documents.applyAll", { documents: [documentOf(6000)] });
  await page.getByRole("button", { name: "Apply" }).click();
  await expect(page.getByText("somebody changed it meanwhile")).toBeVisible();
  await looksRight(page, "policy-conflict");
  await page.getByRole("button", { name: /load what stands now/ }).click();
  await expect(text(page)).toHaveValue(/6000/);
  await text(page).fill((await text(page).inputValue()).replace("6000", String(POSTGRES)));
  await page.getByRole("button", { name: "Apply" }).click();
  await expect(page.getByRole("table").filter({ hasText: "May be reached by" })).toContainText("TCP 5432");
});

test("a flow names the policy that decided it, and leads there", async () => {
  await agent.push([
    {
      ...{ dst: DB, dstPort: SSH, way: WAY_NUMBER.overlay, slowPackets: 1, revision: 1 },
      ...{ verdict: VERDICT_NUMBER["would-drop"], rule: ruleNumber(Number(policy), 0) },
    },
  ]);
  await page.goto(`/flows?q=${encodeURIComponent(`policy=${policy}`)}`);
  await page.getByRole("grid", { name: "Flows" }).getByRole("row").filter({ hasText: "would drop" }).click();
  const drawer = page.getByRole("complementary", { name: "Flow" });
  await drawer.getByRole("link", { name: `${SHOP}/db` }).click();
  await expect(page).toHaveURL(new RegExp(`/policies/${policy}$`));
});

test("a viewer sees policies and may try drafts, but changes nothing", async ({ browser }) => {
  await operate(page, "users.create", { ...VIEWER, name: "Viewer", role: "viewer" });
  const viewer = await signIn(browser, VIEWER, problems);
  await viewer.goto(`/policies/${policy}`);
  await expect(viewer.getByRole("button", { name: "Delete" })).toBeDisabled();
  await expect(viewer.getByRole("button", { name: "Edit" })).toBeDisabled();
  await looksRight(viewer, "policy-viewer");
  await viewer.goto("/policies/new");
  await text(viewer).fill(draft(1));
  await expect(viewer.getByRole("button", { name: "Apply" })).toBeDisabled();
  await viewer.getByRole("button", { name: "What if" }).click();
  await expect(viewer.getByRole("region", { name: "What if" })).toBeVisible();
  const refused = await viewer.request.post("/api/trpc/documents.applyAll", {
    data: { documents: [documentOf(1)] },
    headers: { origin: instance.url },
  });
  expect(refused.status()).toBe(403);
  await viewer.context().close();
});

test("a service is found with what is behind it", async () => {
  await operate(page, "documents.applyAll", { documents: [service] });
  await page.goto("/services");
  const row = page
    .getByRole("grid", { name: "Services" })
    .getByRole("row")
    .filter({ hasText: `${SHOP}/db` });
  await expect(row).toContainText("sql TCP 5432");
  await expect(row).toContainText(String(NODE_PORT));
  await looksRight(page, "services");
  await row.getByRole("link").click();
  await expect(page.getByRole("link", { name: "10.250.0.2:5432" })).toBeVisible();
  await expect(page.getByText("✓ ready")).toBeVisible();
  await expect(page.getByText(`node port ${NODE_PORT}`).first()).toBeVisible();
  await looksRight(page, "service");
  await page.keyboard.press("Control+k");
  await page.getByPlaceholder(/A page, host/).fill(`${SHOP}/db`);
  await expect(page.getByRole("option", { name: new RegExp(`${SHOP}/db`) })).toHaveCount(2);
});

test("a flow tells the service that was asked for beside the backend, and is found by it", async () => {
  const asked = { address: ip4(10, 210, 7, 53), port: POSTGRES };
  await agent.push([{ dst: DB, dstPort: POSTGRES, carried: 1, way: WAY_NUMBER.overlay, asked }]);
  await page.goto(`/flows?q=${encodeURIComponent(`dst.service=${SHOP}/db`)}`);
  const row = page
    .getByRole("grid", { name: "Flows" })
    .getByRole("row")
    .filter({ hasText: `${SHOP}/db` });
  await row.click();
  const part = page.getByRole("complementary", { name: "Flow" }).getByRole("region", { name: "Service" });
  await expect(part).toContainText(`10.210.7.53:5432 ${SHOP}/db`);
  await expect(part).toContainText("10.250.0.2:5432");
  await looksRight(page, "flow-service");
  await part.getByRole("button", { name: "10.210.7.53:5432", exact: true }).click();
  await expect(page).toHaveURL(/service\.address%3D10\.210\.7\.53|service\.address=10\.210\.7\.53/);
});

test("a policy is deleted after being asked once, with what that changes", async () => {
  await page.goto(`/policies/${policy}`);
  await page.getByRole("button", { name: "Delete" }).click();
  await expect(page.getByRole("dialog")).toContainText("would meet another verdict");
  await looksRight(page, "policy-delete");
  await page.getByRole("button", { name: "Delete 1 policy" }).click();
  await expect(page.getByText(`${SHOP}/db is deleted`)).toBeVisible();
  await expect(page).toHaveURL(/\/policies$/);
  await page.goto(`/policies/${policy}`);
  await expect(page.getByText(`was NetworkPolicy ${SHOP}/db, and is deleted`)).toBeVisible();
});

test("what was made for this is taken back", async () => {
  await operate(page, "documents.delete", { documents: [{ kind: "Service", namespace: SHOP, name: "db" }] });
  await operate(page, "agents.revoke", { host: agent.host });
  // Its blocks are quarantined first, which takes the sweeper a while.
  await expect(async () => {
    await operate(page, "network.release", { host: agent.host });
  }).toPass({ timeout: 60_000 });
  await operate(page, "pools.remove", { name: POOL });
});

test("nothing of this was an error that nobody caught", () => {
  expect(problems).toEqual([]);
});
