import type { HostSummary } from "@millrace/contract/host";
import { expect, test } from "vitest";
import { arrangeHosts, gridOf, paintOf } from "./host-order.ts";

const host = (name: string, over: Partial<HostSummary> = {}): HostSummary => ({
  name,
  state: "ok",
  reasons: [],
  kernel: "6.18.0",
  agentVersion: "0.1.0",
  mode: "observe",
  simulated: false,
  lastSeenMs: 1,
  pods: 3,
  flowsPerSecond: 1,
  bytesPerSecond: 1,
  dropsPerSecond: 0,
  cpuShare: 0.01,
  residentBytes: 1,
  flowTableShare: 0.1,
  topHolder: null,
  ...over,
});

test("what is unwell comes first, then names in the order people count", () => {
  const hosts = [host("h10"), host("h2"), host("h3", { state: "unknown" }), host("h1", { state: "bad" })];
  expect(arrangeHosts(hosts, "", { key: "state", descending: false }).map((h) => h.name)).toEqual([
    "h1",
    "h3",
    "h2",
    "h10",
  ]);
});
test("hosts are found by name, kernel or state", () => {
  const hosts = [host("alpha"), host("beta", { kernel: "5.15.0" }), host("gamma", { state: "warn" })];
  const find = (text: string) =>
    arrangeHosts(hosts, text, { key: "name", descending: false }).map((h) => h.name);
  expect(find("5.15")).toEqual(["beta"]);
  expect(find("WARN")).toEqual(["gamma"]);
  expect(find("")).toHaveLength(3);
});
test("what isn't known is not painted as zero", () => {
  expect(paintOf(host("h", { cpuShare: null }), "load").token).toBe("--state-unknown");
  expect(paintOf(host("h", { flowTableShare: 0.95 }), "flow table").token).toBe("--state-bad");
});
test("a hundred thousand hosts still have a place each", () => {
  for (const hosts of [1, 500, 5000, 100_000]) {
    const { columns, rows, cell } = gridOf(hosts, 1200, 240);
    expect(columns * rows).toBeGreaterThanOrEqual(hosts);
    expect(columns * cell).toBeLessThanOrEqual(1200);
  }
});
