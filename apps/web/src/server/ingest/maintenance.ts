/**
 * What ingest does now and then: partitions ahead, retention, what other processes told. Each round
 * begins anew from what is there; a round that failed (the database is away) is tried again soon.
 */

import { pool } from "../db.ts";
import { wrapped } from "../errors.ts";
import { sweepNetwork } from "../network/service.ts";
import { sweepPolicies } from "../policy/service.ts";
import { sweepServices } from "../service/service.ts";
import { currentRetention, DEFAULT_RETENTION, tellAppliedRetention } from "../setting/service.ts";
import { affordable } from "./disk.ts";
import { forgetHidden } from "./hidden-sources.ts";
import type { Ingest } from "./ingest.ts";
import { RetentionSweep } from "./retention.ts";

const ROUND_MS = 30_000;
const RETRY_MS = 1_000;

export class Maintenance {
  readonly #ingest: Ingest;
  readonly #sweep: RetentionSweep;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #running: Promise<void> = Promise.resolve();
  #failure: string | undefined = "starting";
  #told = { overflowed: 0, uncounted: 0, refused: 0 };

  constructor(ingest: Ingest) {
    this.#ingest = ingest;
    const { endpoints } = ingest.store.enricher;
    this.#sweep = new RetentionSweep(pool(), ingest.partitions, (host, uid) => endpoints.forget(host, uid));
  }

  /** Why the last round failed, or undefined. */
  get failure(): string | undefined {
    return this.#failure;
  }
  start(): void {
    this.#running = this.#round();
  }
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  async #round(): Promise<void> {
    try {
      await this.once();
      this.#failure = undefined;
    } catch (error) {
      const told = wrapped("maintenance", error);
      this.#failure = told.message;
      this.#ingest.failed("maintenance", told);
    }
    if (this.#stopped) return;
    this.#timer = setTimeout(this.start.bind(this), this.#failure === undefined ? ROUND_MS : RETRY_MS);
  }

  async once(): Promise<void> {
    const { partitions, store, metrics, log, clock } = this.#ingest;
    await partitions.refresh();
    await partitions.makeAhead(clock.now());
    await store.enricher.endpoints.load();
    await store.enricher.coverage.load();
    await forgetHidden(pool());
    await this.#sweepNetwork();
    await sweepPolicies();
    await sweepServices();
    this.#ingest.retention = await affordable(await currentRetention(), DEFAULT_RETENTION);
    await tellAppliedRetention(this.#ingest.retention);
    for (const { slot, why, bytes } of await this.#sweep.run(this.#ingest.retention, clock.now())) {
      metrics.partitionsDropped.inc({ why });
      log.info({ partition: slot.name, why, bytes }, "dropped a partition");
    }
    const { uncounted, refused } = store.enricher.coverage;
    const { overflowed } = store.cardinality;
    metrics.rollupOverflow.inc(overflowed - this.#told.overflowed);
    metrics.uncounted.inc(uncounted - this.#told.uncounted);
    metrics.claimsRefused.inc(refused - this.#told.refused);
    this.#told = { overflowed, uncounted, refused };
  }
  async #sweepNetwork(): Promise<void> {
    const { quarantined, returned } = await sweepNetwork();
    for (const part of quarantined) this.#ingest.log.warn(part, "a silent host's blocks are quarantined");
    for (const part of returned) this.#ingest.log.info(part, "a host is back, its blocks are leased again");
  }
}
