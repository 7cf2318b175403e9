/** How long the keeper waits before it starts a container again. */
import { pino } from "pino";
import { expect, test, vi } from "vitest";
import { Keeper, type Kept, restartDelayMs } from "./keeper.ts";
import type { ContainerSlot, Pod } from "./pods.ts";

test("short lives in a row make the delay double, up to a limit", () => {
  expect([0, 1, 2, 3, 4, 5, 6, 50].map(restartDelayMs)).toEqual([
    500, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000,
  ]);
});

test("a container comes back in its time when the machine's clock is set back", async () => {
  vi.useFakeTimers();
  const slot: ContainerSlot = {
    spec: { name: "main", argv: [], restart: true },
    running: undefined,
    ...{ restarts: 0, shortLives: 0 },
  };
  const pod = { plan: { name: "web" }, uid: "", containers: [slot] } as unknown as Pod;
  let restarts = 0;
  const pods: Kept = {
    all: () => [pod],
    inOrder: (_, work) => work(),
    replaceContainer: async () => {
      restarts++;
    },
  };
  const keeper = new Keeper(pods, pino({ level: "silent" }));
  keeper.start();
  try {
    await vi.advanceTimersByTimeAsync(300); // its end is seen
    vi.setSystemTime(Date.now() - 3_600_000);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(restarts).toBe(1);
  } finally {
    await keeper.stop();
    vi.useRealTimers();
  }
});
