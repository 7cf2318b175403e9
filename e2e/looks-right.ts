/** A page's picture, kept where it can be looked at, and what axe has to say of it. Shared by the browser tests. */
import { mkdirSync } from "node:fs";
import { AxeBuilder } from "@axe-core/playwright";
import { expect, type Page } from "@playwright/test";
import { at } from "../tools/paths.mjs";

const SCREENSHOTS = process.env.MILLRACE_SCREENSHOTS
  ? at("docs/screenshots")
  : at(".data/test-results/pages");

export async function looksRight(of: Page, name: string): Promise<void> {
  mkdirSync(SCREENSHOTS, { recursive: true });
  await of.screenshot({ path: `${SCREENSHOTS}/${name}.png` });
  const { violations } = await new AxeBuilder({ page: of }).analyze();
  const found = violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(" ")).join(", ")}`);
  expect(found, `axe on ${name}`).toEqual([]);
}
