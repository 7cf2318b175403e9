import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { collectProcessMetrics } from "./process-metrics.ts";

test("only counters are named like counters", async () => {
  const registry = new Registry();
  collectProcessMetrics(registry, "x_");
  const metrics = await registry.getMetricsAsJSON();
  expect(metrics.length).toBeGreaterThan(10);
  const misnamed = metrics.filter(({ name, type }) => name.endsWith("_total") && String(type) !== "counter");
  expect(misnamed).toEqual([]);
});
