/** How long the keeper waits before it starts a container again. */
import { expect, test } from "vitest";
import { restartDelayMs } from "./keeper.ts";

test("short lives in a row make the delay double, up to a limit", () => {
  expect([0, 1, 2, 3, 4, 5, 6, 50].map(restartDelayMs)).toEqual([
    500, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000,
  ]);
});
