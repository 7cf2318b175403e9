// The ring reader: order, bounds, what is counted as lost, and every way it can end.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type BpfMap,
  type BpfObject,
  type BpfProgram,
  openObject,
  type RingLoss,
  RingReader,
} from "../lib/native.ts";
import { eventually, fixture } from "./fixture.ts";
import { Testbed } from "./testbed.ts";

const NO_WAKEUP = 1;

const bed = new Testbed("ring");
afterAll(() => bed.close());

let object: BpfObject;
let writer: BpfProgram;
let ring: BpfMap;
let readers: RingReader[];

beforeEach(() => {
  object = openObject(fixture("ring"));
  object.load();
  writer = object.program("write_records");
  ring = object.map("records");
  readers = [];
});
afterEach(async () => {
  await Promise.all(readers.map((r) => r.close()));
  object.close();
});

function reader(
  ...args: ConstructorParameters<typeof RingReader> extends [unknown, ...infer Rest] ? Rest : never
): RingReader {
  const made = new RingReader(ring, ...args);
  readers.push(made);
  return made;
}

/** Writes records numbered from `first`; returns how many the kernel refused because the ring was full. */
function write(first: number, count: number, size = 8, flags = 0): number {
  const order = Buffer.alloc(24);
  order.writeBigUInt64LE(BigInt(first), 0);
  order.writeUInt32LE(count, 8);
  order.writeUInt32LE(size, 12);
  order.writeUInt32LE(flags, 16);
  return writer.testRun({ ctx: order }).ctxOut.readUInt32LE(20);
}

/** The records of a batch: their lengths and the number at their head. */
function parse(batch: Uint8Array): { length: number; number: number }[] {
  const view = Buffer.from(batch.buffer, batch.byteOffset, batch.byteLength);
  const out: { length: number; number: number }[] = [];
  let at = 0;
  while (at < view.length) {
    const length = view.readUInt32LE(at);
    expect(view.readUInt32LE(at + 4)).toBe(0);
    out.push({ length, number: Number(view.readBigUInt64LE(at + 8)) });
    at += 8 + Math.ceil(length / 8) * 8;
  }
  expect(at).toBe(view.length);
  return out;
}

describe("reading", () => {
  test("every record arrives once, in order, with its own length", async () => {
    const got: { length: number; number: number }[] = [];
    const r = reader((batch) => got.push(...parse(batch)), { tickMs: 1 });
    for (let i = 0; i < 50; i++) expect(write(i * 100, 100, 8 + i)).toBe(0);
    await eventually("all records", () => got.length === 5000);
    expect(got.map((g) => g.number)).toEqual(Array.from({ length: 5000 }, (_, i) => i));
    expect(got.map((g) => g.length)).toEqual(Array.from({ length: 5000 }, (_, i) => 8 + Math.floor(i / 100)));
    const stats = r.stats();
    expect(stats.records).toBe(5000n);
    expect(stats.bytes).toBe(BigInt(got.reduce((sum, g) => sum + g.length, 0)));
    expect(stats.lostRecords).toBe(0n);
  });

  test("a batch is handed over after its tick though it is small", async () => {
    const batches: number[] = [];
    reader((batch) => batches.push(parse(batch).length), { tickMs: 5 });
    write(0, 3);
    await eventually("the batch", () => batches.reduce((a, b) => a + b, 0) === 3);
  });

  test("records submitted without a wake-up are found all the same", async () => {
    let count = 0;
    reader((batch) => (count += parse(batch).length), { tickMs: 5 });
    write(0, 3, 8, NO_WAKEUP);
    await eventually("the records", () => count === 3);
  });

  test("no batch is larger than maxBytes, and a full one doesn't wait for its tick", async () => {
    const sizes: number[] = [];
    reader((batch) => sizes.push(batch.byteLength), { maxBytes: 4096, tickMs: 60_000, maxInFlight: 1024 });
    expect(write(0, 1024, 56)).toBe(0);
    await eventually("the full batches", () => sizes.length >= 15);
    expect(Math.max(...sizes)).toBe(4096);
  });
});

describe("when JavaScript is too slow", () => {
  test("at most maxInFlight batches wait, the rest is dropped and counted exactly", async () => {
    const losses: RingLoss[] = [];
    const got: number[] = [];
    const r = reader(
      (batch, lost) => {
        got.push(...parse(batch).map((p) => p.number));
        losses.push(lost);
      },
      { maxBytes: 4096, maxInFlight: 2, tickMs: 1 },
    );
    // The loop doesn't turn while this writes, so no batch can be taken.
    let written = 0;
    const deadline = Date.now() + 10_000;
    while (r.stats().lostRecords < 10_000n && Date.now() < deadline) {
      written += 1000 - write(written, 1000, 56);
    }
    expect(r.stats().batches).toBe(2n);
    expect(r.stats().lostRecords).toBeGreaterThanOrEqual(10_000n);
    await eventually("all is accounted for", () => {
      const s = r.stats();
      return s.records + s.lostRecords === BigInt(written) && BigInt(got.length) === s.records;
    });
    const s = r.stats();
    expect(s.lostBytes).toBe(s.lostRecords * 56n);
    expect(losses.reduce((sum, l) => sum + l.records, 0n)).toBe(s.lostRecords);
    expect(losses.reduce((sum, l) => sum + l.bytes, 0n)).toBe(s.lostBytes);
    expect(got).toEqual([...got].sort((a, b) => a - b));
  });

  test("an exception of the callback becomes an uncaught one, and reading goes on", async () => {
    const thrown: unknown[] = [];
    const listeners = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.on("uncaughtException", (error) => thrown.push(error.message));
    try {
      let count = 0;
      reader(
        (batch) => {
          count += parse(batch).length;
          throw new Error(`batch ${count}`);
        },
        { tickMs: 1 },
      );
      write(0, 1);
      await eventually("the first", () => thrown.length === 1);
      write(1, 1);
      await eventually("the second", () => thrown.length === 2);
      expect(thrown).toEqual(["batch 1", "batch 2"]);
    } finally {
      process.removeAllListeners("uncaughtException");
      for (const listener of listeners) process.on("uncaughtException", listener);
    }
  });
});

describe("ending", () => {
  test("close hands over what was in the ring, then resolves", async () => {
    const got: number[] = [];
    const r = reader((batch) => got.push(...parse(batch).map((p) => p.number)), { tickMs: 60_000 });
    expect(write(0, 10_000, 8, NO_WAKEUP)).toBe(0);
    await r.close();
    expect(got).toEqual(Array.from({ length: 10_000 }, (_, i) => i));
    expect(r.stats().records).toBe(10_000n);
  });

  test("close drains past maxInFlight without a loss", async () => {
    let count = 0;
    const r = reader((batch) => (count += parse(batch).length), {
      maxBytes: 4096,
      maxInFlight: 1,
      tickMs: 60_000,
    });
    const first = r.close();
    expect(r.close()).toBe(first);
    await first;
    const again = reader((batch) => (count += parse(batch).length), {
      maxBytes: 4096,
      maxInFlight: 1,
      tickMs: 60_000,
    });
    expect(write(0, 5000, 56, NO_WAKEUP)).toBe(0);
    await again.close();
    expect(BigInt(count)).toBe(again.stats().records);
    expect(again.stats().records + again.stats().lostRecords).toBe(5000n);
  });

  test("close ends while a producer goes on writing", async () => {
    const path = `${bed.pins()}/writer`;
    writer.pin(path);
    const producer = spawn(process.execPath, [
      "--import",
      "tsx",
      join(import.meta.dirname, "ring-writer.ts"),
      path,
    ]);
    const ended = new Promise((resolve) => producer.once("exit", resolve));
    try {
      let bytes = 0n;
      const r = reader((batch) => (bytes += BigInt(batch.byteLength)), { tickMs: 1 });
      await eventually("the producer's records", () => bytes > 64_000n);
      await r.close();
      expect(bytes).toBe(r.stats().records * 64n);
      expect(producer.exitCode).toBeNull();
    } finally {
      producer.kill();
      await ended;
    }
  });

  test("close from inside the callback is fine", async () => {
    let closing: Promise<void> | undefined;
    const r: RingReader = reader(() => (closing ??= r.close()), { tickMs: 1 });
    write(0, 1);
    await eventually("the callback", () => closing !== undefined);
    await closing;
  });

  test("the map's handle and the object may be closed while reading", async () => {
    let count = 0;
    const r = reader((batch) => (count += parse(batch).length), { tickMs: 1 });
    ring.close();
    write(0, 5);
    await eventually("the records", () => count === 5);
    await r.close();
    ring = object.map("records");
  });
});

test("only a ring buffer can be read", () => {
  const maps = openObject(fixture("maps"));
  maps.load();
  expect(() => new RingReader(maps.map("hash"), () => {})).toThrow("hash is a hash, not a ringbuf");
  expect(() => new RingReader(ring, undefined as never)).toThrow("onBatch: expected a function");
  expect(() => new RingReader(ring, () => {}, { maxBytes: 1 })).toThrow("maxBytes: expected 4096");
  maps.close();
});
