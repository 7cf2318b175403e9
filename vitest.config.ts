// The test tiers. The suffix of a file decides its tier: what it may touch, and what runs beside it.
// Nothing is retried, and no tier hides a slow test: a limit here only ends one that hangs.
import path from "node:path";
import { defineConfig } from "vitest/config";

const everywhere = ["**/node_modules/**", "**/.next/**", "**/build/**", "**/.data/**"];
const tier = (suffix: string) => `{apps,packages,tools,prisma,bench,e2e}/**/*.${suffix}.test.{ts,tsx}`;
const root = import.meta.dirname;

/** `server-only` throws unless a React server loads it; under test we are the server. */
const resolve = {
  alias: {
    "@/": `${path.join(root, "apps/web/src")}/`,
    "server-only": path.join(root, "node_modules/server-only/empty.js"),
  },
};

export default defineConfig({
  test: {
    passWithNoTests: true,
    projects: [
      {
        resolve,
        test: {
          name: "unit",
          include: ["{apps,packages,tools,prisma,bench,e2e}/**/*.test.{ts,tsx}"],
          exclude: [...everywhere, tier("kernel"), tier("db"), tier("lab")],
          // Pure logic: a process for each of 220 files cost four times what the tests do.
          isolate: false,
          maxWorkers: "100%",
          testTimeout: 20_000,
        },
      },
      {
        resolve,
        test: {
          name: "kernel",
          include: [tier("kernel")],
          exclude: everywhere,
          pool: "forks",
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        resolve,
        test: {
          name: "db",
          include: [tier("db")],
          exclude: everywhere,
          pool: "forks",
          globalSetup: "tools/testing/database-server.ts",
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        resolve,
        test: {
          name: "lab",
          include: [tier("lab")],
          exclude: everywhere,
          pool: "forks",
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
