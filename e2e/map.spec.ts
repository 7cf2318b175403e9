/**
 * The map of the shop: services and what goes between them, by namespace, and the way from an edge to its flows. Real
 * stack, real containers.
 */
import { expect, type Page, test } from "@playwright/test";
import { firstSignIn } from "../tools/testing/browser-instance.ts";
import { looksRight } from "./looks-right.ts";
import { signIn } from "./sign-in.ts";

let page: Page;
const problems: string[] = [];

test.beforeAll(async ({ browser }) => {
  page = await signIn(browser, firstSignIn(), problems);
});

const drawing = () => page.getByRole("application", { name: /^Map:/ });
const node = (name: string) => drawing().getByRole("group", { name, exact: true });
const edge = (from: string, to: string) =>
  drawing().getByRole("link", { name: new RegExp(`^Flows from ${from} to ${to}:`) });
const choose = (group: string, choice: string) =>
  page.getByRole("group", { name: group }).getByRole("button", { name: choice, exact: true }).click();

test("the shop's services are nodes, and what they ask of each other are edges", async () => {
  await page.goto("/overview");
  await page.getByRole("navigation").getByRole("link", { name: "Map" }).click();
  await expect(node("checkout")).toBeVisible();
  for (const [from, to] of [
    ["shopper", "web"],
    ["web", "checkout"],
    ["web", "cart"],
    ["checkout", "payments"],
  ] as const)
    await expect(edge(from, to), `${from} to ${to}`).toContainText(/B\/s/);
  await looksRight(page, "map");
});

test("edges are there with the first figures, and stay", async () => {
  // Of a time that stands still nothing is asked again, and nothing drawn again that is missing.
  const [from, to] = [-60_000, 60_000].map((ms) => new Date(Date.now() + ms).toISOString());
  await page.goto(`/map?t=${from}..${to}`);
  await expect(edge("shopper", "web")).toBeVisible();
  const fewest = await page.evaluate(async () => {
    let least = Number.POSITIVE_INFINITY;
    for (let frame = 0; frame < 60; frame++) {
      await new Promise(requestAnimationFrame);
      least = Math.min(least, document.querySelectorAll(".react-flow__edge").length);
    }
    return least;
  });
  expect(fewest).toBeGreaterThan(0);
  await page.goto("/map");
});

test("nodes stay where they are while figures change", async () => {
  const places = () =>
    Promise.all(["shopper", "web", "checkout", "payments"].map((name) => node(name).boundingBox()));
  const figures = () =>
    drawing()
      .getByRole("link", { name: /^Flows from/ })
      .allInnerTexts();
  const [before, then] = [await places(), await figures()];
  await expect.poll(figures, { timeout: 30_000 }).not.toEqual(then);
  expect(await places()).toEqual(before);
});

test("a node that is looked at leaves its neighbours, and the address has it", async () => {
  await node("payments").getByRole("button").click();
  await expect(page).toHaveURL(/node=/);
  await expect(page.getByText("payments and its neighbours")).toBeVisible();
  await expect(edge("checkout", "payments")).toBeVisible();
  await expect(edge("shopper", "web")).toHaveCount(0);
  await looksRight(page, "map-node");
  await page.getByRole("button", { name: "Show all" }).click();
  await expect(edge("shopper", "web")).toBeVisible();
});

test("an edge leads to its flows and no others", async () => {
  await edge("web", "checkout").click();
  await expect(page).toHaveURL(/\/flows/);
  const rows = page.getByRole("grid", { name: "Flows" }).getByRole("row");
  await expect(rows.nth(1)).toContainText("checkout");
  await expect(rows.filter({ hasText: "payments" })).toHaveCount(0);
  await expect(page.getByRole("combobox", { name: /filter/i })).toHaveValue(
    /src\.service=web src\.namespace=\S+ dst\.service=checkout dst\.namespace=\S+/,
  );
});

test("by namespace and by host the same flows are between fewer nodes", async () => {
  await page.goto("/map");
  await expect(node("checkout")).toBeVisible();
  await choose("Group by", "Namespace");
  await expect(node("checkout")).toHaveCount(0);
  await expect(drawing().getByText("namespace", { exact: true }).first()).toBeVisible();
  await expect(edge("shop", "shop")).toBeVisible();
  await looksRight(page, "map-namespace");
  await choose("Group by", "Host");
  await expect(node("h1")).toBeVisible();
  await expect(edge("h1", "h2")).toBeVisible();
  await looksRight(page, "map-host");
});

test("the table has the same edges, by keys too, and axe finds nothing", async () => {
  await page.goto("/map?view=table");
  const rows = page.getByRole("grid", { name: "Edges" }).getByRole("row");
  await expect(rows.filter({ hasText: "checkout" }).filter({ hasText: "payments" })).toHaveCount(1);
  await looksRight(page, "map-table");
  await page.getByRole("grid", { name: "Edges" }).focus();
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/flows\?/);
});

test("a filter that nothing matches is told, and can be cleared", async () => {
  await page.goto(`/map?q=${encodeURIComponent("service=nobody")}`);
  await expect(page.getByText(/no flow .* matches the filter/)).toBeVisible();
  await page.getByRole("main").getByRole("button", { name: "Clear the filter" }).click();
  await expect(node("checkout")).toBeVisible();
});

test("nothing of this was an error, nor kept back by the content security policy", () => {
  expect(problems).toEqual([]);
});
