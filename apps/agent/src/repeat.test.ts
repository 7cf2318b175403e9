import { describe, expect, onTestFinished, test } from "vitest";
import { Repeat } from "./repeat.ts";
import { until } from "./testing/temporary.ts";

function repeating(run: () => number | Promise<number>) {
  const errors: unknown[] = [];
  const repeat = new Repeat({ name: "work", run, failureMs: 1, onError: (_, error) => errors.push(error) });
  onTestFinished(() => repeat.stop());
  return { repeat, errors };
}

describe("repeated work", () => {
  test("never runs twice at once, and a nudge while it runs makes it run once more", async () => {
    let running = 0;
    let most = 0;
    let runs = 0;
    let release: () => void = () => {};
    const { repeat } = repeating(async () => {
      most = Math.max(most, ++running);
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      running--;
      runs++;
      return 60_000;
    });
    repeat.start();
    await until("the first run", () => running === 1);
    for (let i = 0; i < 5; i++) repeat.nudge();
    release();
    await until("the second run", () => runs === 1 && running === 1);
    release();
    await until("its end", () => runs === 2);
    expect(most).toBe(1);
  });

  test("goes on after a failure, which is told", async () => {
    let runs = 0;
    const { repeat, errors } = repeating(() => {
      runs++;
      if (runs === 1) throw new Error("once");
      return 60_000;
    });
    repeat.start();
    await until("the second run", () => runs === 2);
    expect(errors).toEqual([new Error("once")]);
  });

  test("can be called sooner than it named, and is not put off by a later time", async () => {
    let runs = 0;
    const { repeat } = repeating(() => {
      runs++;
      return 60_000;
    });
    repeat.start();
    await until("the first run", () => runs === 1);
    await new Promise((resolve) => setImmediate(resolve));
    repeat.within(1);
    repeat.within(50_000);
    await until("the second run", () => runs === 2);
  });

  test("stops after what is under way, and no nudge wakes it", async () => {
    let runs = 0;
    const { repeat } = repeating(async () => {
      runs++;
      return 0;
    });
    repeat.start();
    await until("some runs", () => runs > 2);
    await repeat.stop();
    const stopped = runs;
    repeat.nudge();
    await new Promise((resolve) => setImmediate(resolve));
    expect(runs).toBe(stopped);
  });
});
