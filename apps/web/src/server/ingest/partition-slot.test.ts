import fc from "fast-check";
import { expect, test } from "vitest";
import { PARTITIONED, slotAt, slotOf, slotsBetween } from "./partition-slot.ts";

const moment = fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2060, 0) });
const table = fc.constantFrom(...PARTITIONED);

test("every moment lies in exactly one slot, and its name leads back to it", () => {
  fc.assert(
    fc.property(table, moment, (t, at) => {
      const slot = slotAt(t, at);
      expect(slot.fromMs <= at && at < slot.toMs).toBe(true);
      expect(slotAt(t, slot.fromMs)).toEqual(slot);
      expect(slotAt(t, slot.toMs).fromMs).toBe(slot.toMs);
      expect(slotOf(t, slot.name)).toEqual(slot);
    }),
  );
});

test("names say the hour, in UTC", () => {
  const at = Date.UTC(2026, 10, 23, 13, 59);
  expect(PARTITIONED.map((t) => slotAt(t, at).name)).toEqual([
    "flow_updates_2026112313",
    "drop_updates_2026112312",
    "endpoint_updates_2026112312",
    "rollup_10s_2026112300",
    "rollup_1m_2026112300",
    "rollup_1h_2026110100",
    "total_10s_2026112300",
    "total_1m_2026112300",
    "total_1h_2026110100",
  ]);
});

test("slots between two moments follow each other without a gap", () => {
  const from = Date.UTC(2026, 11, 31, 22, 30);
  const slots = slotsBetween(PARTITIONED[0], from, from + 3 * 3_600_000);
  expect(slots.map((s) => s.name.slice(-4))).toEqual(["3122", "3123", "0100", "0101"]);
  for (const [i, slot] of slots.slice(1).entries()) expect(slot.fromMs).toBe(slots[i]?.toMs);
});

test("names of other tables, and made-up ones, are none of ours", () => {
  for (const name of ["flow_updates_all", "drop_updates_2026112312", "flow_updates_2026113399", "x"])
    expect(slotOf(PARTITIONED[0], name)).toBeUndefined();
});
