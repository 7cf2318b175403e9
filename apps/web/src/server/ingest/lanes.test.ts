import type { AppError } from "@millrace/contract/error";
import { expect, test } from "vitest";
import { Lanes } from "./lanes.ts";

const codeOf = (work: () => unknown): string => {
  try {
    work();
    return "entered";
  } catch (error) {
    return (error as AppError).code;
  }
};

test("a host has one batch on its way, and may come again when it is done", () => {
  const lanes = new Lanes({ running: 2, waiting: 2 });
  const leave = lanes.enter(1);
  expect(codeOf(() => lanes.enter(1))).toBe("BUSY");
  leave();
  expect(codeOf(() => lanes.enter(1))).toBe("entered");
});

test("beyond lanes and queue, others are told to come back", () => {
  const lanes = new Lanes({ running: 2, waiting: 1 });
  for (const host of [1, 2, 3]) lanes.enter(host);
  expect(codeOf(() => lanes.enter(4))).toBe("BUSY");
});

test("as many run at once as there are lanes, the others in the order they came, failures or not", async () => {
  const lanes = new Lanes({ running: 2, waiting: 10 });
  const started: number[] = [];
  const finish: (() => void)[] = [];
  const runs = [0, 1, 2, 3].map((n) =>
    lanes.run(n, async () => {
      started.push(n);
      await new Promise<void>((resolve) => finish.push(resolve));
      if (n === 0) throw new Error("failed");
    }),
  );
  const settled = Promise.allSettled(runs);
  expect([started, lanes.running, lanes.waiting]).toEqual([[0, 1], 2, 2]);
  finish[0]?.();
  await expect(runs[0]).rejects.toThrow("failed");
  await Promise.resolve();
  expect(started).toEqual([0, 1, 2]);
  while (started.length < 4 || finish.length > 0) {
    finish.shift()?.();
    await Promise.resolve();
  }
  await settled;
  expect([lanes.running, lanes.waiting]).toEqual([0, 0]);
});

test("who hangs up while its batch waits keeps its place until that is done, so that the queue has an end", async () => {
  const lanes = new Lanes({ running: 1, waiting: 1 });
  const leave = lanes.enter(1);
  let finish = () => {};
  const stored = lanes.run(1, () => new Promise<void>((resolve) => (finish = resolve)));
  leave();
  expect(codeOf(() => lanes.enter(1))).toBe("BUSY");
  const leaveToo = lanes.enter(2);
  const waits = lanes.run(2, async () => {});
  leaveToo();
  expect(codeOf(() => lanes.enter(3))).toBe("BUSY");
  let empty = false;
  const drained = lanes.empty().then(() => (empty = true));
  await Promise.resolve();
  expect(empty).toBe(false);
  finish();
  await Promise.all([stored, waits, drained]);
  expect(codeOf(() => lanes.enter(1))).toBe("entered");
});

test("who waits for all to leave hears of it", async () => {
  const lanes = new Lanes({ running: 1, waiting: 1 });
  await lanes.empty();
  const leave = lanes.enter(1);
  const empty = lanes.empty();
  leave();
  await empty;
});
