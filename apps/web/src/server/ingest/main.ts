/**
 * The ingest process: agents' telemetry in, their traces' control out. Wiring only: construct, listen,
 * drain. The dashboard and the operator API are another process (Next).
 */
import { readFileSync } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type Env, env, refusalOfCredentials } from "../../env.ts";
import { closeBus } from "../bus.ts";
import { systemClock } from "../clock.ts";
import { closeDatabase } from "../db.ts";
import { log } from "../log.ts";
import { readiness } from "../setting/service.ts";
import { startSweep } from "../trace/service.ts";
import { type Door, doorsOf } from "./doors.ts";
import { createIngestServer, type HttpOptions } from "./http.ts";
import { Ingest } from "./ingest.ts";
import { Maintenance } from "./maintenance.ts";
import { startSettling } from "./settling.ts";

const EX_CONFIG = 78;
const DRAIN_MS = 10_000;

function configuration(): Env {
  try {
    const e = env();
    const refusal = refusalOfCredentials(e, e.INGEST_HOST);
    if (refusal) throw new Error(refusal);
    return e;
  } catch (error) {
    process.stderr.write(`millrace ingest: ${(error as Error).message}\n`);
    process.exit(EX_CONFIG);
  }
}

function open(door: Door, options: HttpOptions): Server {
  const { host, port, tls } = door;
  const files = tls && { cert: readFileSync(tls.certFile), key: readFileSync(tls.keyFile) };
  const server = createIngestServer({ ...options, tls: files });
  server.on("error", (error) => {
    process.stderr.write(`millrace ingest: can't listen on ${host}:${port}: ${error.message}\n`);
    process.exit(1);
  });
  return server.listen(port, host, () => {
    const { address, port } = server.address() as AddressInfo;
    log().info({ address, port, tls: tls !== undefined }, "ingest listens");
  });
}

function main(): void {
  const e = configuration();
  const ingest = new Ingest({ clock: systemClock, log: log() });
  const maintenance = new Maintenance(ingest);
  const servers = doorsOf(e).map((door) =>
    open(door, {
      ingest,
      readiness: async () => (await readiness()) ?? maintenance.failure,
      metricsToken: e.METRICS_TOKEN,
    }),
  );
  maintenance.start();
  const stopSettling = startSettling(ingest);
  const stopSweep = startSweep();

  let ending = false;
  const end = async (signal: string) => {
    if (ending) return;
    ending = true;
    log().info({ signal }, "ingest drains");
    setTimeout(() => process.exit(1), DRAIN_MS).unref();
    for (const server of servers) {
      server.close();
      server.closeIdleConnections();
    }
    await Promise.all([maintenance.stop(), stopSettling(), stopSweep()]);
    await ingest.lanes.empty();
    for (const server of servers) server.closeAllConnections();
    ingest.close();
    await closeBus();
    await closeDatabase();
    process.exit(0);
  };
  process.on("SIGTERM", end);
  process.on("SIGINT", end);
}

main();
