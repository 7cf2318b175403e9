import path from "node:path";
import { Incarnation } from "@millrace/contract/ids";
import { describe, expect, test } from "vitest";
import { FakeDisk } from "../testing/fake-disk.ts";
import { temporaryDirectory } from "../testing/temporary.ts";
import { recover } from "./recover.ts";
import { Spool, type SpoolOptions } from "./spool.ts";
import { SpoolSync } from "./spool-sync.ts";

const INCARNATION = Incarnation.parse("11111111-1111-4111-8111-111111111111");
const fileOf = (number: number) => `segment-${String(number).padStart(10, "0")}.spool`;

function scene(options: Partial<SpoolOptions> = {}) {
  const directory = temporaryDirectory("sync");
  const disk = new FakeDisk();
  const spool = new Spool({
    ...{ directory, incarnation: INCARNATION, limitBytes: 1e9, disk, snapshot: () => [Buffer.from("all")] },
    ...options,
  });
  spool.begin();
  const append = (text: string) =>
    spool.append({ atMs: 1, flowRows: 1, lost: [...spool.owed], compressed: false }, Buffer.from(text), []);
  /** What a next life finds. */
  const afterPowerCut = (): string[] => {
    spool.close();
    disk.cutPower(directory);
    return recover(disk, directory).pending.map(({ file, offset, bytes }) =>
      disk.readAt(file, offset, bytes).toString(),
    );
  };
  return { disk, spool, sync: new SpoolSync(spool, disk), append, afterPowerCut };
}

describe("what waits in the spool", () => {
  test("for two steps is on the disk, with the file's name, and outlives a power cut", async () => {
    const { disk, sync, append, afterPowerCut } = scene();
    append("a");
    append("b");
    await sync.step();
    expect(disk.syncs).toEqual([]);
    append("c");
    await sync.step();
    expect(disk.syncs).toEqual([fileOf(1)]);
    append("d");
    expect(afterPowerCut()).toEqual(["a", "b", "c"]);
  });

  test("and is sent before the second step costs no sync but that of the file's beginning", async () => {
    const { disk, spool, sync, append } = scene();
    for (let second = 0; second < 20; second++) {
      append(`batch ${second}`);
      await sync.step();
      if (spool.oldest) spool.acknowledge(spool.oldest);
    }
    expect(disk.syncs).toEqual([fileOf(1)]);
  });

  test("is synced once: a spool to which nothing is added leaves the disk alone", async () => {
    const { disk, sync, append } = scene();
    append("a");
    for (let second = 0; second < 10; second++) await sync.step();
    expect(disk.syncs).toEqual([fileOf(1)]);
  });

  test("for two steps is synced at the most every second step, however many batches come", async () => {
    const { disk, sync, append, afterPowerCut } = scene();
    for (let second = 0; second < 5; second++) {
      for (let i = 0; i < 50; i++) append(`${second}/${i}`);
      await sync.step();
    }
    expect(disk.syncs).toHaveLength(2);
    expect(afterPowerCut()).toHaveLength(200);
  });

  test("in files that are full already is synced too, and those before the oldest batch are not", async () => {
    const { disk, spool, sync, append, afterPowerCut } = scene({ segmentBytes: 200 });
    append("x".repeat(300));
    for (const text of ["a", "b", "c"]) append(text.repeat(300));
    await sync.step();
    await sync.step();
    expect(disk.syncs).toEqual([fileOf(1), fileOf(2), fileOf(3), fileOf(4)]);
    if (spool.oldest) spool.acknowledge(spool.oldest);
    expect(afterPowerCut().map((text) => text[0])).toEqual(["a", "b", "c"]);
  });

  test("of an earlier life, killed before it could, is synced by the next", async () => {
    const { disk, spool, append } = scene();
    append("a");
    spool.close();
    const directory = path.dirname(spool.oldest?.file as string);
    const snapshot = () => [Buffer.from("all")];
    const next = new Spool({ directory, incarnation: INCARNATION, limitBytes: 1e9, disk, snapshot });
    const sync = new SpoolSync(next, disk);
    await sync.step();
    await sync.step();
    disk.cutPower(directory);
    expect(recover(disk, directory).pending).toHaveLength(1);
  });

  test("is synced whole when a life ends", async () => {
    const { spool, sync, append, afterPowerCut } = scene();
    append("a");
    await sync.step();
    append("b");
    spool.end();
    await sync.finish();
    expect(afterPowerCut()).toEqual(["a", "b"]);
  });
});

test("a disk that can't sync is counted and tried again, and the spool goes on", async () => {
  const { disk, sync, append, afterPowerCut } = scene();
  disk.refuseSync = true;
  append("a");
  for (let second = 0; second < 3; second++) await sync.step();
  expect(sync.failures).toBe(2);
  expect(append("b")).toEqual({ ok: true });
  disk.refuseSync = false;
  await sync.step();
  expect(afterPowerCut()).toEqual(["a", "b"]);
});

describe("the end of a life", () => {
  const reopen = (spool: Spool, disk: FakeDisk) => {
    spool.close();
    return recover(disk, path.dirname(spool.segments[0]?.file as string)).unended;
  };

  test("that was none is seen by the next, with the time of its last batch", () => {
    const { spool, disk, append } = scene();
    append("a");
    expect(reopen(spool, disk)).toEqual({ lastBatchMs: 1 });
  });
  test("without any batch is none either", () => {
    const { spool, disk } = scene();
    expect(reopen(spool, disk)).toEqual({ lastBatchMs: undefined });
  });
  test("that was said is one, until another life begins", () => {
    const { spool, disk, append } = scene();
    append("a");
    spool.end();
    expect(reopen(spool, disk)).toBeUndefined();
    spool.begin();
    expect(reopen(spool, disk)).toEqual({ lastBatchMs: undefined });
  });
});
