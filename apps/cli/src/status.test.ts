import type { HostSummary } from "@millrace/contract/host";
import { describe, expect, test } from "vitest";
import { reasonsOf, table } from "./status.ts";

const host = (name: string, state: HostSummary["state"], reasons: string[]): HostSummary => ({
  name,
  state,
  reasons,
  kernel: "6.18",
  agentVersion: "0.1.0",
  mode: "observe",
  simulated: false,
  lastSeenMs: 0,
  pods: 1,
  flowsPerSecond: 0,
  bytesPerSecond: 0,
  dropsPerSecond: 0,
  cpuShare: 0,
  residentBytes: 0,
  flowTableShare: 0,
  topHolder: null,
});

describe("status", () => {
  test("a well fleet has no reasons, so the command exits with 0", () => {
    expect(reasonsOf([host("h1", "ok", [])])).toEqual([]);
  });
  test("every reason of every unwell host is said with its host", () => {
    expect(reasonsOf([host("h1", "bad", ["silent", "spool full"]), host("h2", "ok", ["ignored"])])).toEqual([
      "h1: silent",
      "h1: spool full",
    ]);
  });
  test("which endpoint holds most of a host's flow table is told, of as many as one may", () => {
    const topHolder = { name: "shop/web-1 eth0", flows: 1200, budget: 32_768 };
    expect(table([{ ...host("h1", "ok", []), topHolder }, host("h2", "ok", [])], []).split("\n")).toEqual([
      expect.stringContaining("h1"),
      expect.stringContaining("h2"),
      "  h1: most flows has shop/web-1 eth0, 1.2 k of the 33 k that one may",
      "",
    ]);
  });
  test("an empty fleet is not well", () => {
    expect(reasonsOf([])).toEqual(["no host has enrolled"]);
  });
});
