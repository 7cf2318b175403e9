import { afterEach, beforeEach, expect, test, vi } from "vitest";

let leaving: typeof import("./leaving.ts");
beforeEach(async () => {
  vi.resetModules(); // who leaves does it once
  leaving = await import("./leaving.ts");
});
afterEach(() => {
  vi.useRealTimers();
});

test("what was started is stopped before the process ends, and the first reason decides the code", async () => {
  const order: string[] = [];
  leaving.beforeLeaving(async () => order.push("stopped"));
  leaving.beforeLeaving(async () => {
    throw new Error("the server is away");
  });
  const exit = (code: number) => order.push(`exit ${code}`);
  await Promise.all([leaving.leave(0, exit), leaving.leave(1, exit)]);
  expect(order).toEqual(["stopped", "exit 0"]);
});

test("what has ended by itself is not stopped again, and its signals are the system's again", async () => {
  const before = process.listenerCount("SIGTERM");
  let stops = 0;
  const stay = leaving.beforeLeaving(async () => stops++);
  expect(process.listenerCount("SIGTERM")).toBe(before + 1);
  stay();
  expect(process.listenerCount("SIGTERM")).toBe(before);
  await leaving.leave(0, () => {});
  expect(stops).toBe(0);
});

test("a server that doesn't answer is not waited for", async () => {
  vi.useFakeTimers();
  leaving.beforeLeaving(() => new Promise(() => {}));
  const codes: number[] = [];
  const left = leaving.leave(143, (code) => codes.push(code));
  await vi.runAllTimersAsync();
  await left;
  expect(codes).toEqual([143]);
});
