import { expect, test } from "vitest";
import { BucketCache } from "./bucket-cache.ts";

type Row = { bytes: number };
const row = (bytes: number): Row => ({ bytes });
const MIN = 60_000;

test("only what isn't known, is young, or has grown old is read again", async () => {
  const cache = new BucketCache<Row>();
  const reads: string[] = [];
  let bytes = 1;
  const ask = async (starts: number[], nowMs: number) => {
    const rows = await cache.rows("all", MIN, starts, nowMs, async (from, to) => {
      reads.push(`${from / MIN}-${to / MIN}`);
      // Minute 1 has no traffic at all.
      const all = [0, 2, 3, 4, 5, 6, 7, 8].map((m) => [m * MIN, row(bytes)] as const);
      return new Map(all.filter(([start]) => start >= from && start < to));
    });
    return starts.map((start) => rows.get(start)?.bytes ?? null);
  };
  const now = 4.5 * MIN;
  expect(await ask([0, MIN, 2 * MIN, 3 * MIN, 4 * MIN], now)).toEqual([1, null, 1, 1, 1]);
  bytes = 2;
  // Minutes 3 and 4 were still growing; nothing in minute 1 is known as well.
  expect(await ask([0, MIN, 2 * MIN, 3 * MIN, 4 * MIN], now + 1000)).toEqual([1, null, 1, 2, 2]);
  expect(await ask([0, MIN], now + 6 * MIN)).toEqual([2, null]);
  expect(reads).toEqual(["0-5", "3-5", "0-2"]);
});
