/**
 * What the web process counts of itself, for Prometheus. Labels are procedures and error codes: closed lists.
 * Its own registry, once a process: Next bundles its entry points apart.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { ERROR_CODES, type ErrorCode } from "@millrace/contract/error";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { type Env, isLoopback } from "../env.ts";
import { collectProcessMetrics } from "./process-metrics.ts";

class WebMetrics {
  readonly registry = new Registry();
  readonly calls: Histogram<"procedure" | "outcome">;
  readonly liveTicks: Histogram;
  readonly liveRows: Counter<"fate">;
  readonly watchers: Gauge<"of">;
  readonly streamsRefused: Counter;

  constructor() {
    const registers = [this.registry];
    collectProcessMetrics(this.registry, "millrace_web_");
    this.calls = new Histogram({
      name: "millrace_web_call_seconds",
      help: "Time of operator API calls, by procedure and outcome. Subscriptions count until they are open.",
      labelNames: ["procedure", "outcome"],
      buckets: [0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 10],
      registers,
    });
    this.liveTicks = new Histogram({
      name: "millrace_web_live_tick_seconds",
      help: "Time to read and write out what was committed since the tick before.",
      buckets: [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
      registers,
    });
    this.liveRows = new Counter({
      name: "millrace_web_live_rows_total",
      help: "Rows of the live stream: sent, or left out because a bound was reached.",
      labelNames: ["fate"],
      registers,
    });
    this.watchers = new Gauge({
      name: "millrace_web_watchers",
      help: "Open subscriptions.",
      labelNames: ["of"],
      registers,
    });
    this.streamsRefused = new Counter({
      name: "millrace_web_streams_refused_total",
      help: "Live streams beyond what one account may have open.",
      registers,
    });
  }

  /** `ok`, or an error code of the contract. */
  called(procedure: string, outcome: string, seconds: number): void {
    const known = outcome === "ok" || outcome in ERROR_CODES ? (outcome as ErrorCode | "ok") : "INTERNAL";
    this.calls.observe({ procedure, outcome: known }, seconds);
  }
}

const place = globalThis as { millraceWebMetrics?: WebMetrics };
export function metrics(): WebMetrics {
  place.millraceWebMetrics ??= new WebMetrics();
  return place.millraceWebMetrics;
}

/** By token, or by anyone who can reach a port that only loopback can, with no proxy in between. */
export function mayScrape(e: Env, authorization: string | null): boolean {
  if (e.METRICS_TOKEN) return sameSecret(authorization ?? "", `Bearer ${e.METRICS_TOKEN}`);
  return isLoopback(e.HOST) && !e.TRUST_PROXY;
}

/** In a time that tells nothing of where they differ, nor of the secret's length. */
function sameSecret(given: string, secret: string): boolean {
  const [a, b] = [given, secret].map((text) => createHash("sha256").update(text).digest());
  return timingSafeEqual(a as Buffer, b as Buffer);
}
