/** A browser's page that is signed in, and what went wrong on it unseen. Shared by the browser tests. */
import { type Browser, expect, type Page } from "@playwright/test";
import type { SignIn } from "../tools/testing/browser-instance.ts";

/** `problems` gets what the page throws, and what its content security policy kept from it. */
export async function signIn(browser: Browser, who: SignIn, problems: string[]): Promise<Page> {
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    reducedMotion: "reduce",
  });
  const opened = await context.newPage();
  opened.on("pageerror", (error) => problems.push(`${opened.url()}: ${error.message}`));
  opened.on("console", (message) => {
    if (/Content Security Policy/.test(message.text())) problems.push(message.text());
  });
  await opened.goto("/");
  await expect(opened).toHaveURL(/sign-in/);
  await opened.getByLabel("E-mail").fill(who.email);
  await opened.getByLabel("Password").fill(who.password);
  await opened.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(opened).toHaveURL(/overview/);
  return opened;
}
