/**
 * What ingest counts of itself, for Prometheus. Labels have a few fixed values: no host and no name that an
 * agent chooses is one.
 */
import type { ErrorCode } from "@millrace/contract/error";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { collectProcessMetrics } from "../process-metrics.ts";

export type Levels = {
  readonly running: () => number;
  readonly waiting: () => number;
  readonly watches: () => number;
  readonly endpoints: () => number;
};

export class IngestMetrics {
  readonly registry = new Registry();
  readonly batches: Counter<"outcome">;
  readonly rows: Counter<"table">;
  readonly lateRows: Counter;
  readonly bytes: Counter;
  readonly failures: Counter<"code">;
  readonly writeSeconds: Histogram;
  readonly partitionsDropped: Counter<"why">;
  readonly rollupOverflow: Counter;
  readonly uncounted: Counter;
  readonly claimsRefused: Counter;
  readonly hiddenRefused: Counter;

  constructor() {
    const registers = [this.registry];
    const counter = <L extends string>(name: string, help: string, labelNames: L[] = []) =>
      new Counter<L>({ name: `millrace_ingest_${name}`, help, labelNames, registers });
    collectProcessMetrics(this.registry, "millrace_ingest_");
    this.batches = counter("batches_total", "Batches by what became of them.", ["outcome"]);
    this.rows = counter("rows_total", "Rows stored, by table.", ["table"]);
    this.lateRows = counter("late_rows_total", "Rows that came for a partition already dropped.");
    this.bytes = counter("batch_bytes_total", "Bytes of batches, unpacked.");
    this.failures = counter("failures_total", "Calls that failed, by error code.", ["code"]);
    this.partitionsDropped = counter("partitions_dropped_total", "Partitions dropped, by cause.", ["why"]);
    this.rollupOverflow = counter(
      "rollup_overflow_total",
      "Rollup keys of batches counted as other, because their bucket had all the keys it may have.",
    );
    this.uncounted = counter(
      "uncounted_rows_total",
      "Flow updates that counted in sums until their other observer was heard of.",
    );
    this.claimsRefused = counter(
      "claims_refused_total",
      "Addresses of endpoints beyond what their host may claim in an hour: both observers count.",
    );
    this.hiddenRefused = counter(
      "hidden_refused_total",
      "Flow updates across a NAT beyond what their host may claim in an hour: both observers count.",
    );
    this.writeSeconds = new Histogram({
      name: "millrace_ingest_write_seconds",
      help: "Time of a batch's transaction, commit included.",
      buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    });
  }

  failed(code: ErrorCode): void {
    this.failures.inc({ code });
  }

  /** Values read when scraped. */
  watch(levels: Levels): void {
    const gauge = (name: string, help: string, read: () => number) =>
      new Gauge({
        name: `millrace_ingest_${name}`,
        help,
        registers: [this.registry],
        collect() {
          this.set(read());
        },
      });
    gauge("batches_running", "Batches being stored.", levels.running);
    gauge("batches_waiting", "Batches waiting for a lane.", levels.waiting);
    gauge("watches_open", "Agents that listen for changes.", levels.watches);
    gauge("fleet_endpoints", "Endpoints known by address.", levels.endpoints);
  }
}
