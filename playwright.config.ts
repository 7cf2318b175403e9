// Browser tests against the real stack: `npm start` under its own name, so that a running one is left
// alone. Not the place of a timing: a limit here only ends a test that hangs.
import { defineConfig } from "@playwright/test";
import { instance } from "./tools/testing/browser-instance.ts";

export default defineConfig({
  testDir: "e2e",
  testMatch: "*.spec.ts",
  outputDir: ".data/test-results/browser",
  timeout: 90_000,
  expect: { timeout: 20_000 },
  workers: 1,
  retries: 0,
  forbidOnly: true,
  use: {
    baseURL: instance.url,
    trace: "retain-on-failure",
    viewport: { width: 1440, height: 900 },
    launchOptions: {
      executablePath: process.env.CHROMIUM_PATH ?? "/usr/bin/chromium",
      args: [
        ...["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
        ...["--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"],
      ],
    },
  },
  webServer: instance.running
    ? undefined
    : {
        command: `node tools/up/main.mjs --name ${instance.name}`,
        env: instance.env,
        // Its last line: agents and all. An answer on a port would come earlier.
        wait: { stdout: /ready after/ },
        reuseExistingServer: false,
        gracefulShutdown: { signal: "SIGTERM", timeout: 60_000 },
        timeout: 600_000,
        stdout: "ignore",
        stderr: "pipe",
      },
});
