#!/usr/bin/env node
// apps/web's setup program against a running instance's own database: node tools/setup.mjs reset-password
// --email EMAIL. It finds the database by the instance's files, which only its user reads.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { at } from "./paths.mjs";
import { clusterUrl } from "./postgres.mjs";
import { secretsIn } from "./up/secrets.mjs";

/** @param {string} dataDir @returns {string} */
function databaseUrl(dataDir) {
  if (process.env.DATABASE_URL) return process.env.DATABASE_URL;
  let port;
  try {
    port = Number(readFileSync(`${dataDir}/pg/postmaster.pid`, "utf8").split("\n")[3]);
  } catch {
    throw new Error(`no PostgreSQL runs in ${dataDir}/pg: npm start first, or set DATABASE_URL`);
  }
  const { databasePassword } = secretsIn(`${dataDir}/secrets.json`);
  return clusterUrl({ dataDir, port, password: databasePassword });
}

try {
  const dataDir = process.env.MILLRACE_DATA_DIR ?? at(".data");
  const env = { ...process.env, DATABASE_URL: databaseUrl(dataDir) };
  const args = [at("apps/web/build/setup.js"), ...process.argv.slice(2)];
  process.exitCode = spawnSync(process.execPath, args, { stdio: "inherit", env }).status ?? 1;
} catch (error) {
  console.error(`setup: ${error.message}`);
  process.exitCode = 1;
}
