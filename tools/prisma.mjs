#!/usr/bin/env node
// The Prisma CLI with the schema engine that needs no download: node tools/prisma.mjs migrate dev …
// For people who change the schema; `npm start` migrates by itself.
import { spawnSync } from "node:child_process";
import { quietEnv } from "./command.mjs";
import { bin, root } from "./paths.mjs";
import { schemaEngineEnv } from "./postgres.mjs";

const { status } = spawnSync(bin("prisma"), process.argv.slice(2), {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, ...quietEnv, ...schemaEngineEnv },
});
process.exitCode = status ?? 1;
