import { expect, test } from "vitest";
import { PARTITIONED, type PartitionedTable, slotAt } from "./partition-slot.ts";
import { oldestKeptMs, victims } from "./retention.ts";

const NOW = Date.UTC(2026, 10, 23, 12, 30);
const HOUR = 3_600_000;
const retention = { rawDays: 1, rawBytes: 100e6, rollupDays: 30 };
const [flows, , , , minutes, hours] = PARTITIONED;
const part = (table: PartitionedTable, agoMs: number, bytes: number) => ({
  ...{ table, slot: slotAt(table, NOW - agoMs), bytes },
});
const names = (all: ReturnType<typeof part>[], bytes = retention.rawBytes) =>
  victims(all, { ...retention, rawBytes: bytes }, NOW).map((v) => `${v.slot.name} ${v.why}`);

test("what is older than its days goes, and nothing younger", () => {
  const all = [23, 24, 25, 26].map((h) => part(flows, h * HOUR, 1));
  expect(names(all)).toEqual(["flow_updates_2026112211 age", "flow_updates_2026112210 age"]);
});

test("beyond the bytes, the oldest go until the rest fits; what is still written to stays", () => {
  const all = [0, 1, 2, 3].map((h) => part(flows, h * HOUR, 40e6));
  expect(names(all)).toEqual(["flow_updates_2026112309 bytes", "flow_updates_2026112310 bytes"]);
  expect(names(all, 1)).toHaveLength(3);
});

test("bytes are the raw tables' alone: rollups of minutes and hours stay their time", () => {
  const all = [part(minutes, 24 * HOUR, 1e12), part(hours, 24 * HOUR, 1e12), part(flows, 0, 1)];
  expect(names(all)).toEqual([]);
});

test("no rollup is kept shorter than the raw flows it sums up", () => {
  const long = { rawDays: 200, rawBytes: 1e12, rollupDays: 10 };
  for (const table of PARTITIONED) expect(oldestKeptMs(table, long, NOW)).toBe(NOW - 200 * 24 * HOUR);
});
