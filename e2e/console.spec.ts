/**
 * The whole road, as its users walk it: from the first sign-in to a flow, a filter, a fault found under Drops, and
 * a live trace that leaves nothing in the kernel. Real stack, real containers, one browser.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, type Page, test } from "@playwright/test";
import { at } from "../tools/paths.mjs";
import { firstSignIn, instance, type SignIn } from "../tools/testing/browser-instance.ts";
import { looksRight } from "./looks-right.ts";
import { signIn } from "./sign-in.ts";

const run = promisify(execFile);
const VIEWER: SignIn = { email: "viewer@millrace.local", password: "only looking, never touching" };

let page: Page;
const problems: string[] = [];

const lab = (...args: string[]) =>
  run(process.execPath, [at("packages/lab/build/main.js"), ...args, "--state", `${instance.dataDir}/lab`]);

const rows = (of: Page) => of.getByRole("grid", { name: "Flows" }).getByRole("row");
const flow = (of: Page, name: string) => rows(of).filter({ hasText: name }).first();

async function tracePrograms(): Promise<string[]> {
  const { stdout } = await run("bpftool", ["prog", "show", "-j"]);
  const programs = JSON.parse(stdout) as { name?: string }[];
  return programs.flatMap(({ name }) => (name?.startsWith("trace_") ? [name] : []));
}

test.beforeAll(async ({ browser }) => {
  page = await signIn(browser, firstSignIn(), problems);
});
test.afterAll(async () => {
  await lab("fault", "off", "firewall-drop");
});

test("real flows with names are on screen within ten seconds", async () => {
  await page.getByRole("navigation").getByRole("link", { name: "Flows" }).click();
  await expect(flow(page, "checkout")).toBeVisible({ timeout: 10_000 });
});

test("live: new flows come without a reload", async () => {
  await page.goto("/flows");
  await expect(flow(page, "web")).toBeVisible();
  const first = async () => rows(page).nth(1).innerText();
  const before = await first();
  await expect.poll(first, { timeout: 10_000 }).not.toBe(before);
});

test("a filter narrows the table, is in the address, and a bad one is explained", async () => {
  const bar = page.getByRole("combobox", { name: /filter/i });
  await bar.fill("dst.service=payments proto=TCP");
  await bar.press("Enter");
  await expect(page).toHaveURL(/payments/);
  await expect(flow(page, "payments:8082")).toBeVisible();
  await expect(rows(page).filter({ hasText: "dns" })).toHaveCount(0);
  await bar.fill("dst.servise=payments");
  await bar.press("Enter");
  await expect(page.getByText(/did you mean “dst\.service”/).first()).toBeVisible();
  await bar.fill("");
  await bar.press("Enter");
});

test("dragging over the histogram chooses a time", async () => {
  const chart = page.getByRole("figure", { name: /Flows/ }).locator(".recharts-surface").first();
  await expect(chart).toBeVisible();
  const box = await chart.boundingBox();
  if (!box) throw new Error("the histogram has no box");
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + box.width * 0.7, y);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.8, y, { steps: 5 });
  await page.mouse.move(box.x + box.width * 0.95, y, { steps: 5 });
  await page.mouse.up();
  await expect(page.getByRole("button", { name: / – / })).toBeVisible();
  await page.goBack();
});

test("a row opens the drawer: both ends, both observers", async () => {
  await page.goto(`/flows?q=${encodeURIComponent("src.service=web dst.service=checkout")}`);
  await flow(page, "checkout").click();
  await page.keyboard.press("Enter");
  const drawer = page.getByRole("complementary", { name: "Flow" });
  await expect(drawer.getByText("web → checkout")).toBeVisible();
  await expect(drawer.getByRole("button", { name: "Trace this flow" })).toBeEnabled();
  await looksRight(page, "flow-drawer");
});

test("a fault switched on is found under Drops with its reason, place and explanation", async () => {
  await lab("fault", "on", "firewall-drop");
  await page.goto("/drops");
  const reason = page.getByRole("button", { name: /NETFILTER_DROP/ }).first();
  await expect(reason).toBeVisible({ timeout: 30_000 });
  await reason.click();
  await expect(page.getByText(/nf_hook_slow|nft_do_chain/).first()).toBeVisible();
  await looksRight(page, "drops");
  await lab("fault", "off", "firewall-drop");
});

test("a connection trace started from a flow row streams events, and stopped leaves nothing in the kernel", async () => {
  await page.goto(`/flows?q=${encodeURIComponent("src.service=shopper dst.service=web")}`);
  await flow(page, "web").click();
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Trace this flow" }).click();
  await expect(page).toHaveURL(/traces\/new/);
  await page.getByRole("button", { name: /^Start on/ }).click();
  await expect(page).toHaveURL(/traces\/[0-9a-f-]{36}/);
  const events = page.getByRole("grid", { name: /events/i }).getByRole("row");
  await expect(events.filter({ hasText: /connect|accept|established|close/ }).first()).toBeVisible({
    timeout: 20_000,
  });
  expect((await tracePrograms()).length).toBeGreaterThan(0);
  await looksRight(page, "trace");
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await expect(page.getByText(/stopped by its user/).first()).toBeVisible({ timeout: 15_000 });
  await expect.poll(tracePrograms, { timeout: 10_000 }).toEqual([]);
});

test("a viewer sees everything and can't start a trace", async ({ browser }) => {
  const made = await page.request.post("/api/trpc/users.create", {
    data: { ...VIEWER, name: "Viewer", role: "viewer" },
    headers: { origin: instance.url },
  });
  expect(made.status(), await made.text()).toBe(200);
  const viewer = await signIn(browser, VIEWER, problems);
  await viewer.goto("/traces/new");
  await expect(viewer.getByRole("button", { name: /^Start/ })).toBeDisabled();
  const refused = await viewer.request.post("/api/trpc/traces.start", {
    data: { kind: "drops", hosts: ["h1"], filter: {}, leaseSeconds: 60, rateEps: 10, reason: "" },
    headers: { origin: instance.url },
  });
  expect(refused.status()).toBe(403);
  await viewer.context().close();
});

for (const [name, path] of [
  ["overview", "/overview"],
  ["flows", "/flows"],
  ["fleet", "/hosts"],
  ["host", "/hosts/h1"],
  ["traces", "/traces"],
  ["trace-new", "/traces/new"],
  ["audit", "/audit"],
  ["settings", "/settings"],
] as const)
  test(`the page ${name} has its content, and axe finds nothing`, async () => {
    await page.goto(path);
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    await expect(page.getByRole("status", { name: /^loading (?!more)/i })).toHaveCount(0, {
      timeout: 15_000,
    });
    await looksRight(page, name);
  });

test("no page threw, and the content security policy was never broken", () => {
  expect(problems).toEqual([]);
});
