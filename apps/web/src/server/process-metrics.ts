/** What every process of ours tells of itself (CPU, memory, event loop) under its own prefix. What it does is its own to count. */
import { collectDefaultMetrics, type Registry } from "prom-client";

/** Gauges that are named like counters: Prometheus' own check refuses them, and each has a twin by type. */
const MISNAMED = ["handles", "requests", "resources"];

export function collectProcessMetrics(register: Registry, prefix: string): void {
  collectDefaultMetrics({ register, prefix });
  for (const what of MISNAMED) register.removeSingleMetric(`${prefix}nodejs_active_${what}_total`);
}
