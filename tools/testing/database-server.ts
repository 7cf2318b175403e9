// The Postgres of the db and lab tiers: one server for a whole run, in a private directory, with one
// database migrated as `npm start` migrates. Tests take copies of it (test-database.ts), never itself.
import { randomBytes } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TestProject } from "vitest/node";
import { type Cluster, clusterUrl, createDatabase, startServer } from "../postgres.mjs";
import { migrate } from "../up/migrate.mjs";
import { freePort } from "../up/preflight.mjs";

export const templateName = "template_millrace";

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(path.join(tmpdir(), "millrace-test-pg-"));
  chmodSync(folder, 0o711); // Postgres may have to run as somebody else: postgres.mjs
  const cluster: Cluster = {
    dataDir: path.join(folder, "data"),
    port: await freePort(),
    password: randomBytes(18).toString("hex"),
    // The server lives as long as the run: a power cut may lose it, a killed process may not.
    settings: ["fsync = off", "full_page_writes = off", "max_connections = 200", "shared_buffers = 128MB"],
  };
  const server = await startServer(cluster);
  const tearDown = async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await createDatabase(cluster, templateName);
    await migrate(clusterUrl(cluster, templateName));
  } catch (error) {
    await tearDown();
    throw error;
  }
  project.provide("templateUrl", clusterUrl(cluster, templateName));
  return tearDown;
}
