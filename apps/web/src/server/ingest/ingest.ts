/**
 * The ingest process's parts put together, without its HTTP: what a push passes through, what is done now
 * and then, what is told about it. Each part has its own file.
 */
import type { Heartbeat } from "@millrace/contract/agent-protocol";
import type { PushOutput } from "@millrace/contract/batch";
import { AppError, ERROR_CODES } from "@millrace/contract/error";
import type { Retention } from "@millrace/contract/setting";
import type { Logger } from "pino";
import { type AgentHost, agentCredentials } from "../agent-gateway/service.ts";
import { type Bus, bus } from "../bus.ts";
import type { Clock } from "../clock.ts";
import { pool } from "../db.ts";
import { DEFAULT_RETENTION } from "../setting/service.ts";
import { keyOf } from "./address.ts";
import { readBody } from "./body.ts";
import { decodeBatch } from "./decode.ts";
import { Lanes } from "./lanes.ts";
import { IngestMetrics } from "./metrics.ts";
import { Pace } from "./pace.ts";
import { Partitions } from "./partitions.ts";
import { Watches } from "./signals.ts";
import { BatchStore, type Stored } from "./store.ts";

/** 4 batches at work on the database's side, 28 behind them: 32 × 4 MiB at most. */
const LANES = { running: 4, waiting: 28 };

/** SQLSTATE class 22, data exception: the same batch would be refused again, so its agent must not come back. */
const isRefusedValue = (error: unknown): boolean => /^22/.test(String((error as { code?: unknown }).code));
function refusedValues(host: AgentHost, error: Error): AppError {
  const options = { cause: error, publicMessage: `sums are out of range: ${error.message}` };
  return new AppError("BAD_REQUEST", `a batch of ${host.hostName}: ${error.message}`, options);
}

export type IngestOptions = { readonly clock: Clock; readonly log: Logger };

export class Ingest {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics = new IngestMetrics();
  readonly lanes = new Lanes(LANES);
  readonly pace = new Pace();
  readonly partitions = new Partitions(pool());
  readonly credentials;
  readonly watches: Watches;
  readonly store: BatchStore;
  readonly #bus: Bus = bus();
  readonly #stopListening: () => void;
  /** As the setting says; read anew by maintenance.ts. */
  retention: Retention = DEFAULT_RETENTION;

  constructor({ clock, log }: IngestOptions) {
    this.clock = clock;
    this.log = log;
    this.credentials = agentCredentials(clock);
    this.store = new BatchStore(pool(), this.partitions, () => this.retention);
    this.watches = new Watches(this.#bus, (hostId) => this.credentials.isRevoked(hostId));
    this.#stopListening = this.#bus.listen("millrace_agents", (payload) =>
      this.credentials.forget(payload === null ? null : Number(payload)),
    );
    this.metrics.watch({
      running: () => this.lanes.running,
      waiting: () => this.lanes.waiting,
      watches: () => this.watches.open,
      endpoints: () => this.store.enricher.fleet.size,
    });
  }

  close(): void {
    this.watches.close();
    this.#stopListening();
  }

  /** What a heartbeat means for the fleet's addresses; that it was heard is agent-gateway's. */
  async alive(host: AgentHost, { pods }: Heartbeat): Promise<void> {
    const covered = pods.filter((pod) => pod.state === "covered");
    const addresses = covered.flatMap((pod) => [
      ...new Set(pod.addresses.flatMap((text) => keyOf(text) ?? [])),
    ]);
    const atUs = this.clock.now() * 1000;
    const { fleet, endpoints } = this.store.enricher;
    await endpoints.touch(fleet.alive(host.hostId, addresses, atUs), atUs);
  }

  async push(
    host: AgentHost,
    body: ReadableStream<Uint8Array>,
    encoding: string | undefined,
  ): Promise<PushOutput> {
    const bytes = await readBody(body, encoding);
    this.metrics.bytes.inc(bytes.byteLength);
    const stored = await this.lanes.run(host.hostId, () => this.#storeBytes(host, bytes));
    if (!stored.duplicate) this.pace.wrote(stored.writeMs);
    const { acknowledged, duplicate } = stored;
    return { acknowledged, duplicate, pauseMs: this.pace.pauseMs };
  }

  async #storeBytes(host: AgentHost, bytes: Buffer): Promise<Stored> {
    const nowMs = this.clock.now();
    const decoded = decodeBatch(bytes, nowMs * 1000);
    if (!decoded.ok) {
      this.metrics.batches.inc({ outcome: "refused" });
      throw new AppError("BAD_REQUEST", `a batch of ${host.hostName}: ${decoded.reason}`, {
        publicMessage: decoded.reason,
      });
    }
    const { head } = decoded.batch;
    const stored = await this.store.store(decoded.batch, host, nowMs).catch((error) => {
      throw isRefusedValue(error) ? refusedValues(host, error) : error;
    });
    this.metrics.batches.inc({ outcome: stored.duplicate ? "duplicate" : "stored" });
    if (stored.duplicate) return stored;
    this.metrics.writeSeconds.observe(stored.writeMs / 1000);
    this.metrics.lateRows.inc(stored.lateRows);
    this.metrics.hiddenRefused.inc(stored.refusedHidden);
    this.metrics.rows.inc({ table: "flow_updates" }, head.flowRows);
    this.metrics.rows.inc({ table: "drop_updates" }, head.dropRows);
    return stored;
  }

  /** Called for each call that failed, with what its caller is told. */
  failed(path: string, error: AppError): void {
    this.metrics.failed(error.code);
    const status = ERROR_CODES[error.code].http;
    if (error.code === "INTERNAL") this.log.error({ path, err: error }, "a call failed");
    else if (status >= 500) this.log.warn({ path, why: error.message }, "a call failed for now");
    else this.log.info({ path, code: error.code, why: error.message }, "a call was refused");
  }
}
