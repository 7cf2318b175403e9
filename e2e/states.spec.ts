/**
 * What the pages do when something fails or is out of reach, and by the keyboard alone. The stack is real; answers are
 * held back or cut off between it and the browser.
 */
import { expect, type Page, test } from "@playwright/test";
import { firstSignIn } from "../tools/testing/browser-instance.ts";
import { signIn } from "./sign-in.ts";

let page: Page;
const problems: string[] = [];
const api = (procedure: string) => `**/api/trpc/${procedure}?*`;

test.beforeAll(async ({ browser }) => {
  page = await signIn(browser, firstSignIn(), problems);
});
test.afterEach(() => page.unrouteAll({ behavior: "ignoreErrors" }));

const grid = () => page.getByRole("grid", { name: "Flows" });
const drawer = () => page.getByRole("complementary", { name: "Flow" });

async function exportAs(format: "CSV" | "JSON"): Promise<void> {
  await page.getByRole("button", { name: "Export" }).click();
  await page.getByRole("menuitem", { name: format }).click();
}
/** The stream is open only once the page's script runs, and then keys are heard too. */
async function openFlows(): Promise<void> {
  await page.goto("/flows");
  await expect(grid().getByRole("row").nth(3)).toBeVisible();
  await expect(page.getByText("●live", { exact: true })).toBeVisible();
}
async function go(name: string): Promise<void> {
  await openFlows();
  await page.getByRole("navigation").getByRole("link", { name, exact: true }).click();
  await expect(page.getByRole("heading", { level: 1, name })).toBeVisible();
}
async function openDrawer(): Promise<void> {
  await openFlows();
  await grid().focus();
  await page.keyboard.press("j");
  await expect(grid().getByRole("row", { selected: true })).toHaveCount(1);
  await page.keyboard.press("Enter");
  await expect(drawer().getByRole("button", { name: "Trace this flow" })).toBeVisible();
}

test("an export is a file; one that can't be made says so; one that takes long can be cancelled", async () => {
  await openFlows();
  const download = page.waitForEvent("download");
  await exportAs("CSV");
  expect((await download).suggestedFilename()).toMatch(/^flows-.*\.csv$/);
  await expect(page.getByText(/flows saved/)).toBeVisible();

  await page.route(api("flows.search"), (route) => route.abort());
  await exportAs("JSON");
  await expect(page.getByText("The export failed: nothing was saved")).toBeVisible();
  await expect(page.getByText("The control plane doesn't answer")).toBeVisible();
  await page.unroute(api("flows.search"));

  await page.route(api("flows.search"), () => {});
  await exportAs("JSON");
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(page.getByText("Cancelled: nothing was saved")).toBeVisible();
});

test("a page whose answers stop coming keeps the last one with its age, and goes on when they come again", async () => {
  await go("Overview");
  await expect(page.getByRole("link", { name: /^Traffic/ })).toBeVisible();
  await page.route(api("overview.get"), (route) => route.abort());
  await expect(page.getByText(/Not current: this is from/)).toBeVisible();
  await expect(page.getByRole("link", { name: /^Traffic/ })).toBeVisible();
  await page.unroute(api("overview.get"));
  await expect(page.getByText(/Not current/)).toHaveCount(0);
});

test("rows are walked through and opened by keys, and a closed drawer gives the focus back", async () => {
  await openDrawer();
  await drawer().getByRole("button", { name: "Close the flow" }).focus();
  await page.keyboard.press("Escape");
  await expect(drawer()).toHaveCount(0);
  await expect(grid()).toBeFocused();
});

test("a menu keeps its keys: letters and Escape don't reach the page behind it", async () => {
  await openDrawer();
  const related = drawer().getByRole("button", { name: /Related flows/ });
  await related.focus();
  await page.keyboard.press("Enter");
  await expect(page.locator("[role=menu]:focus, [role=menu] :focus")).toHaveCount(1);
  await page.keyboard.press("t");
  await page.keyboard.press("Escape");
  await expect(page.getByRole("menu")).toHaveCount(0);
  await expect(drawer()).toBeVisible();
  await expect(related).toBeFocused();
  await expect(page).toHaveURL(/flows/);
});

test("a dialog holds the focus while it is open, and gives it back to where it was", async () => {
  await go("Overview");
  const before = page.getByRole("button", { name: "Switch between dark and light" });
  await before.focus();
  for (const key of ["Control+k", "?"]) {
    await page.keyboard.press(key);
    const dialog = page.getByRole("dialog");
    await expect(dialog).toBeVisible();
    for (let n = 0; n < 4; n++) {
      await page.keyboard.press("Tab");
      await expect(dialog.locator(":focus")).toHaveCount(1);
    }
    await page.keyboard.press("Escape");
    await expect(dialog).toHaveCount(0);
    await expect(before).toBeFocused();
  }
});

test("Tab leads into the filter, completes what was begun, and leads out again", async () => {
  await go("Overview");
  await page.keyboard.press("/");
  const bar = page.getByRole("combobox", { name: /filter/i });
  await expect(bar).toBeFocused();
  await page.keyboard.type("verdict=dro");
  await page.keyboard.press("Tab");
  await expect(bar).toHaveValue("verdict=dropped ");
  await expect(bar).toBeFocused();
  await page.keyboard.press("Tab");
  await expect(bar).not.toBeFocused();
  await expect(bar).toHaveValue("verdict=dropped ");
});

test("Escape closes an entry of the audit", async () => {
  await go("Audit");
  await page.getByRole("grid", { name: "Audit" }).focus();
  await page.keyboard.press("j");
  await expect(page.getByRole("region", { name: "Entry" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("region", { name: "Entry" })).toHaveCount(0);
});

test("what is asked of one's account and isn't answered is told, and can be tried again", async () => {
  await go("Settings");
  await page.route("**/api/auth/**", (route) => route.abort());
  await page.getByLabel("Now", { exact: true }).fill("what it was before");
  await page.getByLabel("New", { exact: true }).fill("what it shall be now");
  await page.getByRole("button", { name: "Change it" }).click();
  await expect(page.getByText("The control plane doesn't answer")).toBeVisible();
  await expect(page.getByRole("button", { name: "Change it" })).toBeEnabled();
  await page.getByRole("button", { name: /^Signed in as/ }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await expect(page.getByText("Signing out failed")).toBeVisible();
});

test("nothing of this was an error that nobody caught", () => {
  expect(problems).toEqual([]);
});
