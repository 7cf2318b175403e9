import type { HostSummary } from "@millrace/contract/host";
import { describe, expect, test } from "vitest";
import { reasonsOf } from "./status.ts";

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
  test("an empty fleet is not well", () => {
    expect(reasonsOf([])).toEqual(["no host has enrolled"]);
  });
});
