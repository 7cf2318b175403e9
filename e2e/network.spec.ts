/**
 * What Millrace carries, as the pages tell it: path tiers, ways and rules of flows, a host's dataplane, pools and their
 * blocks. The stack is real; hosts that fall silent or only observe are pretended.
 */

import { ruleNumber } from "@millrace/contract/rule-number";
import { VERDICT_NUMBER, WAY_NUMBER } from "@millrace/contract/verdict";
import { expect, type Locator, type Page, test } from "@playwright/test";
import { firstSignIn } from "../tools/testing/browser-instance.ts";
import { looksRight } from "./looks-right.ts";
import { operate, PretendedAgent } from "./pretend-agent.ts";
import { signIn } from "./sign-in.ts";

const RUN = Date.now().toString(36);
const HOST = `gone-${RUN}`;
const OBSERVER = `watches-${RUN}`;
const POOL = `e2e-${RUN}`;
const POLICY = 1 + (Date.now() % 0xff_ff00);
const FAST_PORT = 8443;
const OBSERVED_PORT = 8444;

let page: Page;
const problems: string[] = [];
const api = (procedure: string) => `**/api/trpc/*${procedure}*`;
const row = (table: string, text: string): Locator =>
  page
    .getByRole("table")
    .filter({ has: page.getByRole("columnheader", { name: table }) })
    .getByRole("row", { name: text });

test.beforeAll(async ({ browser }) => {
  page = await signIn(browser, firstSignIn(), problems);
});
test.afterEach(() => page.unrouteAll({ behavior: "ignoreErrors" }));

async function openPools(): Promise<void> {
  await page.goto("/settings?tab=network");
  await expect(page.getByRole("heading", { name: "Pools" })).toBeVisible();
}

/** What the procedure answers before there is anything: this stack has its pods' pool from the start. */
const answerWith = (procedure: string, data: unknown) =>
  page.route(api(procedure), (route) => route.fulfill({ json: { result: { data } } }));

test("without a pool the page says what that means, and when it is asked in vain it says so", async () => {
  await answerWith("pools.list", []);
  await answerWith("network.blocks", { held: [], more: 0 });
  await openPools();
  await expect(page.getByText(/There is no pool/)).toBeVisible();
  await expect(page.getByText(/No host holds a block/)).toBeVisible();
  await looksRight(page, "settings-network-empty");
  await page.unrouteAll();
  await page.route(api("pools.list"), (route) => route.abort());
  await page.route(api("network.blocks"), (route) => route.abort());
  await page.reload();
  await expect(page.getByText("The control plane doesn't answer").first()).toBeVisible();
  await page.unrouteAll();
  for (const list of ["Pools", "Blocks by host"])
    await page.getByRole("region", { name: list }).getByRole("button", { name: "Try again" }).click();
  await expect(row("Between hosts", "default")).toContainText("direct");
  await expect(row("Heard with them", "h1")).toContainText("leased");
});

test("a flow that Millrace carries has its path tier, way and rule in the table and in its drawer", async () => {
  await operate(page, "pools.create", { name: POOL, mode: "overlay", prefix4: "10.250.0.0/16" });
  const agent = await PretendedAgent.enrol(page, HOST);
  await agent.lease(POOL, 2);
  const carried = { way: WAY_NUMBER.overlay, revision: 7 };
  await agent.push([
    { ...carried, dstPort: FAST_PORT, slowPackets: 3, rule: ruleNumber(POLICY, 3) },
    {
      ...{ ...carried, dstPort: OBSERVED_PORT, slowPackets: 90, rule: ruleNumber(POLICY, 0) },
      verdict: VERDICT_NUMBER["would-drop"],
    },
  ]);
  await page.goto(`/flows?q=${encodeURIComponent(`policy=${POLICY}`)}`);
  const grid = page.getByRole("grid", { name: "Flows" });
  const fast = grid.getByRole("row").filter({ hasText: String(FAST_PORT) });
  await expect(fast).toContainText("fast");
  const observed = grid.getByRole("row").filter({ hasText: String(OBSERVED_PORT) });
  await expect(observed).toContainText("would drop");
  await expect(observed).toContainText("slow");
  await page.getByRole("button", { name: "Columns" }).click();
  await page.getByRole("menuitemcheckbox", { name: "Way" }).click();
  await page.keyboard.press("Escape");
  await expect(fast).toContainText("overlay");
  await expect(page.getByRole("region", { name: "Path tier" })).toContainText("fast");
  await observed.click();
  await page.keyboard.press("Enter");
  const drawer = page.getByRole("complementary", { name: "Flow" });
  await expect(drawer.getByRole("region", { name: "Carried by Millrace" })).toContainText(`${POLICY}/0`);
  await expect(drawer.getByText(`no rule of policy ${POLICY} allows it`)).toBeVisible();
  await looksRight(page, "flow-carried");
  await page.goto(`/flows?q=${encodeURIComponent(`policy=${POLICY} tier=fast`)}`);
  await expect(fast).toBeVisible();
  await expect(observed).toHaveCount(0);
});

test("the overview tells how much rides the fast path, and what would be dropped", async () => {
  await page.goto("/overview");
  const line = page.getByRole("region", { name: "Carried by Millrace" });
  await expect(line).toContainText("fast path");
  await expect(line.getByRole("link", { name: /would be dropped/ })).toBeVisible();
  await looksRight(page, "overview-carried");
});

test("a host's page tells its uplink, its blocks, and what became of packets whose way wasn't known", async () => {
  await page.goto(`/hosts/${HOST}?tab=dataplane`);
  await expect(page.getByText("192.0.2.77")).toBeVisible();
  await expect(page.getByText("10.250.0.0/26")).toBeVisible();
  await expect(page.getByText("given up: no answer in time")).toBeVisible();
  const holders = page.getByRole("region", { name: "Flow table" });
  await expect(holders.getByRole("row").filter({ hasText: "pretended/web-1 eth0" })).toContainText("90%");
  const ports = page.getByRole("region", { name: "Ports of the host" });
  await expect(ports.getByRole("row").filter({ hasText: "8080/tcp" })).toContainText("pretended/web-1");
  const podLinks = page.getByRole("region", { name: "Links of its pods" });
  await expect(podLinks).toContainText(/New ones are made of\s*netkit/);
  const policyTables = page.getByRole("region", { name: "Policy tables" });
  await expect(policyTables.getByRole("row").filter({ hasText: "Pairs" })).toContainText("25%");
  await expect(page.getByRole("row").filter({ hasText: "to the outside as it is" })).toContainText("4");
  await looksRight(page, "host-dataplane");
});

test("a host of the lab tells its own: the uplink, and the block that its pods have addresses of", async () => {
  await page.goto("/hosts/h1?tab=dataplane");
  await expect(page.getByText(/10\.201\.0\.\d+\/26/)).toBeVisible();
  await looksRight(page, "host-dataplane-lab");
});

test("an observing host's page says that it carries nothing", async () => {
  await (await PretendedAgent.enrol(page, OBSERVER, "observe")).observe();
  await page.goto(`/hosts/${OBSERVER}?tab=dataplane`);
  await expect(page.getByText(/carries no packet/)).toBeVisible();
  await expect(page.getByRole("region", { name: "Flow table" })).toContainText("flows");
});

test("blocks of a host that is gone are quarantined, and an administrator releases them after being asked once", async () => {
  await openPools();
  const held = row("Heard with them", HOST);
  await expect(held).toContainText("leased");
  await expect(held.getByRole("button", { name: "Release" })).toBeDisabled();
  await operate(page, "agents.revoke", { host: HOST });
  await expect(async () => {
    await page.reload();
    await expect(held).toContainText("quarantined", { timeout: 2000 });
  }).toPass({ timeout: 60_000 });
  await looksRight(page, "settings-network");
  await held.getByRole("button", { name: "Release" }).click();
  await expect(page.getByRole("dialog")).toContainText("two pods will have one address");
  await looksRight(page, "settings-network-release");
  await page.getByRole("button", { name: "Release 2 blocks of 1 host" }).click();
  await expect(page.getByText(`2 blocks of ${HOST} are free`)).toBeVisible();
  await expect(held).toHaveCount(0);
  await operate(page, "pools.remove", { name: POOL });
});

test("nothing of this was an error that nobody caught", () => {
  expect(problems).toEqual([]);
});
