import type { HeldBlocks } from "@millrace/contract/pool";
import { expect, test } from "vitest";
import { addressText, blockCount, heldBy } from "./held-blocks.ts";

const held = (host: string, count: number): HeldBlocks => ({
  ...{ host, pool: "pods", state: "leased", confirmedAtMs: 0, endpoints: 0 },
  blocks: Array.from({ length: count }, (_, i) => ({ prefix4: `10.0.${i}.0/26`, prefix6: null })),
});

test("a host's blocks are named up to three, and the rest is counted", () => {
  expect(addressText(held("h1", 2))).toBe("10.0.0.0/26 10.0.1.0/26");
  expect(addressText(held("h1", 5))).toBe("10.0.0.0/26 10.0.1.0/26 10.0.2.0/26 and 2 more");
  expect(addressText({ blocks: [{ prefix4: null, prefix6: "fd00::/122" }] })).toBe("fd00::/122");
});

test("a release is of all that one host holds, in every pool", () => {
  const all = [held("h1", 2), { ...held("h1", 3), pool: "more" }, held("h2", 7)];
  expect(blockCount(heldBy(all, "h1"))).toBe(5);
  expect(heldBy(all, null)).toEqual([]);
});
