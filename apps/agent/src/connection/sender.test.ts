import { Incarnation } from "@millrace/contract/ids";
import { describe, expect, test } from "vitest";
import type { PendingBatch } from "../spool/recover.ts";
import type { Answer } from "./client.ts";
import { Sender } from "./sender.ts";

const batch = (sequence: number): PendingBatch => ({
  ...{ incarnation: Incarnation.parse("11111111-1111-4111-8111-111111111111"), sequence, atMs: 0 },
  ...{ flowRows: 1, lost: [], compressed: false, file: "", offset: 0, bytes: 1 },
});
const stored = (pauseMs = 0): Answer<{ acknowledged: number; duplicate: boolean; pauseMs: number }> => ({
  ok: true,
  value: { acknowledged: 1, duplicate: false, pauseMs },
});
const failed = (kind: "busy" | "refused" | "unauthorized", pauseMs = 0): Answer<never> => ({
  ...{ ok: false, kind, reason: kind, pauseMs },
});

function scene(answers: Answer<{ acknowledged: number; duplicate: boolean; pauseMs: number }>[]) {
  const pending = [batch(1), batch(2), batch(3)];
  const clock = { ms: 0 };
  const log: string[] = [];
  const rejected: number[] = [];
  const aside: string[] = [];
  const spool = {
    get oldest() {
      return pending[0];
    },
    payload: () => Buffer.from("x"),
    acknowledge: () => void pending.shift(),
    reject: (b: PendingBatch) => {
      rejected.push(b.sequence);
      pending.shift();
    },
  };
  const sender = new Sender({
    ...{ spool, nowMs: () => clock.ms, random: () => 1 },
    push: async () => answers.shift() ?? stored(),
    keepAside: (b, payload, reason) => aside.push(`${b.sequence}: ${Buffer.from(payload)}, ${reason}`),
    log: (level, text) => log.push(`${level}: ${text}`),
  });
  return { sender, pending, clock, log, rejected, aside };
}

describe("sender", () => {
  test("sends in order, at once while the server keeps up, and rests when nothing waits", async () => {
    const { sender, pending } = scene([]);
    expect([await sender.step(), await sender.step(), await sender.step()]).toEqual([0, 0, 0]);
    expect(pending).toHaveLength(0);
    expect(await sender.step()).toBeUndefined();
  });

  test("waits as long as the server asks", async () => {
    const { sender } = scene([stored(1500)]);
    expect(await sender.step()).toBe(1500);
  });

  test("waits longer after each failure, from the start again after a success, and drops nothing", async () => {
    const { sender, pending, log } = scene([failed("busy"), failed("busy"), failed("busy", 9000), stored()]);
    expect([await sender.step(), await sender.step(), await sender.step()]).toEqual([250, 500, 9000]);
    expect(pending).toHaveLength(3);
    expect(await sender.step()).toBe(0);
    expect(log).toEqual(["warn: busy", "info: the server takes batches again"]);
  });

  test("a batch refused again and again over half a minute is given up; one refused for less is kept", async () => {
    const { sender, clock, rejected, aside } = scene(Array.from({ length: 9 }, () => failed("refused")));
    for (let i = 0; i < 5; i++) await sender.step();
    expect(rejected).toEqual([]);
    clock.ms = 31_000;
    await sender.step();
    expect(rejected).toEqual([1]);
    expect(aside).toEqual(["1: x, refused"]);
    await sender.step();
    expect(rejected).toEqual([1]);
  });

  test("a lost credential is told and loses no batch", async () => {
    const { sender, pending } = scene([failed("unauthorized")]);
    await sender.step();
    expect(sender.trouble).toBe("unauthorized");
    expect(pending).toHaveLength(3);
  });
});
