/** The dashboard's server beside a system under test, and a person signed in to it: over HTTP and in Chromium. */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";
import { Child, until } from "../e2e/system/child.ts";
import { run } from "../tools/command.mjs";
import { at } from "../tools/paths.mjs";
import { build, dashboard, databaseClient } from "../tools/up/build.mjs";
import { freePort } from "../tools/up/preflight.mjs";

const SERVER = at("apps/web/.next/standalone/apps/web/server.js");
const CHROMIUM = process.env.CHROMIUM_PATH ?? "/usr/bin/chromium";
const CHROMIUM_ARGS = [
  ...["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
  ...["--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"],
];

export class WebProcess {
  readonly url: string;
  readonly #env: Record<string, string>;
  readonly #child: Child;
  #browser: Browser | undefined;
  #person = { email: "", password: "" };

  private constructor(port: number, databaseUrl: string) {
    this.url = `http://127.0.0.1:${port}`;
    this.#env = {
      ...{ DATABASE_URL: databaseUrl, PORT: String(port), HOST: "127.0.0.1", HOSTNAME: "127.0.0.1" },
      ...{ BETTER_AUTH_SECRET: randomBytes(24).toString("hex"), LOG_LEVEL: "warn" },
    };
    this.#child = new Child("web", ["--enable-source-maps", SERVER], this.#env);
  }

  static async start(databaseUrl: string): Promise<WebProcess> {
    await build(databaseClient);
    await build(dashboard);
    const web = new WebProcess(await freePort(), databaseUrl);
    const { code, output } = await run(process.execPath, [at("apps/web/build/setup.js")], { env: web.#env });
    const line = output.split("\n").find((one) => one.startsWith("{"));
    if (code !== 0 || !line) throw new Error(`setup failed:\n${output}`);
    web.#person = JSON.parse(line).firstSignIn;
    web.#child.start();
    await until(
      "web is ready",
      async () => (await fetch(`${web.url}/readyz`).catch(() => undefined))?.ok === true,
      {
        deadlineMs: 60_000,
        explain: () => web.#child.output.slice(-2000),
      },
    );
    return web;
  }

  async #cookie(): Promise<string> {
    const response = await fetch(`${this.url}/api/auth/sign-in/email`, {
      method: "POST",
      headers: { "content-type": "application/json", origin: this.url },
      body: JSON.stringify(this.#person),
    });
    if (!response.ok) throw new Error(`sign-in: ${response.status} ${await response.text()}`);
    return response.headers
      .getSetCookie()
      .map((cookie) => cookie.split(";")[0])
      .join("; ");
  }

  /** Calls with each message of a subscription until the signal; comes back once it is open. */
  async subscribe(
    path: string,
    input: object,
    signal: AbortSignal,
    call: (data: unknown) => void,
  ): Promise<void> {
    const query = new URLSearchParams({ input: JSON.stringify(input) });
    const response = await fetch(`${this.url}/api/trpc/${path}?${query}`, {
      headers: { accept: "text/event-stream", cookie: await this.#cookie() },
      signal,
    });
    if (!response.ok || !response.body)
      throw new Error(`${path}: ${response.status} ${await response.text()}`);
    void readEvents(response.body, call).catch((error) => {
      if (!signal.aborted) throw error;
    });
  }

  /** A signed-in page; undefined where there is no Chromium. */
  async page(): Promise<Page | undefined> {
    if (!existsSync(CHROMIUM)) return undefined;
    this.#browser = await chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_ARGS });
    const page = await this.#browser.newPage({ viewport: { width: 1440, height: 900 } });
    await page.goto(this.url);
    await page.getByLabel("E-mail").fill(this.#person.email);
    await page.getByLabel("Password").fill(this.#person.password);
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.waitForURL(/overview/);
    return page;
  }

  async stop(): Promise<void> {
    await this.#browser?.close();
    await this.#child.end("SIGTERM");
  }
}

async function readEvents(body: ReadableStream<Uint8Array>, call: (data: unknown) => void): Promise<void> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
    const events = (rest + decoder.decode(chunk, { stream: true })).split("\n\n");
    rest = events.pop() ?? "";
    for (const event of events) {
      const data = event.split("\n").find((line) => line.startsWith("data: "));
      if (data && !/^event: /m.test(event)) call(JSON.parse(data.slice("data: ".length)));
    }
  }
}
