import { Retention } from "@millrace/contract/setting";
import { expect, test } from "vitest";
import { losesData, readRetention } from "./retention-form.ts";

test("sizes are typed as people write them, and what is read the contract accepts", () => {
  const read = readRetention({ rawDays: "7", rawBytes: "20 GB", rollupDays: "90" });
  expect(read).toEqual({ ok: true, settings: { rawDays: 7, rawBytes: 20e9, rollupDays: 90 } });
  expect(read.ok && Retention.safeParse(read.settings).success).toBe(true);
});
test("limits at their edges agree with the contract's", () => {
  const edges = [
    ["1", "100MB", "1"],
    ["365", "100000GB", "3650"],
  ] as const;
  for (const [rawDays, rawBytes, rollupDays] of edges) {
    const read = readRetention({ rawDays, rawBytes, rollupDays });
    expect(read.ok && Retention.safeParse(read.settings).success).toBe(true);
  }
  expect(readRetention({ rawDays: "366", rawBytes: "20GB", rollupDays: "90" }).ok).toBe(false);
  expect(readRetention({ rawDays: "7", rawBytes: "lots", rollupDays: "90" }).ok).toBe(false);
  expect(readRetention({ rawDays: "7", rawBytes: "1MB", rollupDays: "90" }).ok).toBe(false);
});
test("keeping less asks first only when something would go", () => {
  const settings = { rawDays: 30, rawBytes: 20e9, rollupDays: 90 };
  const now = 100 * 86_400_000;
  const view = {
    settings,
    capped: null,
    usedBytes: 5e9,
    oldestMs: now - 10 * 86_400_000,
    partitions: 3,
    lateRows: 0,
  };
  expect(losesData(view, { ...settings, rawDays: 20 }, now)).toBe(false);
  expect(losesData(view, { ...settings, rawDays: 5 }, now)).toBe(true);
  expect(losesData(view, { ...settings, rawBytes: 1e9 }, now)).toBe(true);
});
