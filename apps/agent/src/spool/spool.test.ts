import fs from "node:fs";
import path from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { fc, test } from "@fast-check/vitest";
import type { Loss } from "@millrace/contract/batch";
import { Incarnation } from "@millrace/contract/ids";
import { describe, expect } from "vitest";
import { FakeDisk } from "../testing/fake-disk.ts";
import { temporaryDirectory, until } from "../testing/temporary.ts";
import { nodeDisk } from "./disk.ts";
import { FrameKind, frame, readFrames } from "./frame.ts";
import { recover } from "./recover.ts";
import { Spool, type SpoolOptions } from "./spool.ts";

const FIRST = Incarnation.parse("11111111-1111-4111-8111-111111111111");
const SECOND = Incarnation.parse("22222222-2222-4222-8222-222222222222");

/** A spool whose baseline is the concatenation of all changes: easy to compare. */
function open(directory: string, options: Partial<SpoolOptions> = {}) {
  const state = { baseline: "" };
  const spool = new Spool({
    directory,
    incarnation: FIRST,
    limitBytes: 1e9,
    snapshot: () => [Buffer.from(state.baseline)],
    ...options,
  });
  const stored = spool.takeBaseline();
  if (stored) state.baseline = Buffer.concat([stored.snapshot, ...stored.changes]).toString();
  const append = (change: string, payload = `payload of ${change}`) => {
    const head = { atMs: 1, flowRows: 1, lost: [...spool.owed], compressed: false as const };
    const written = spool.append(head, Buffer.from(payload), [Buffer.from(change)]);
    if (written.ok) state.baseline += change;
    return written;
  };
  const drain = () => {
    const out: string[] = [];
    for (let batch = spool.oldest; batch; batch = spool.oldest) {
      out.push(Buffer.from(spool.payload(batch)).toString());
      spool.acknowledge(batch);
    }
    return out;
  };
  return { spool, state, append, drain };
}
const segments = (directory: string): string[] =>
  fs
    .readdirSync(directory)
    .filter((name) => name.endsWith(".spool"))
    .sort();

describe("frames", () => {
  test.prop([fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 6 }), fc.nat(), fc.nat(255)])(
    "a changed byte ends the file before its record and never shows a wrong one",
    (payloads, at, flip) => {
      const file = Buffer.concat(payloads.flatMap((payload) => [...frame(FrameKind.BATCH, [payload])]));
      const damaged = Buffer.from(file);
      if (damaged.length > 0) damaged[at % damaged.length] = (damaged[at % damaged.length] as number) ^ flip;
      const read = readFrames(damaged).frames.map(({ payload }) => payload);
      read.forEach((payload, i) => {
        expect(payload.equals(payloads[i] as Uint8Array)).toBe(true);
      });
    },
  );
});

test.prop([fc.array(fc.uint8Array({ maxLength: 9 }), { maxLength: 6 })])(
  "a frame in pieces, empty ones among them, is read back as one",
  (pieces) => {
    const { frames } = readFrames(Buffer.concat([...frame(FrameKind.BATCH, pieces)]));
    expect(frames.map(({ payload }) => payload)).toEqual([Buffer.concat(pieces)]);
  },
);

describe("spool", () => {
  test("batches are read back in the order they were written and are gone once acknowledged", () => {
    const directory = temporaryDirectory("spool");
    const { append, drain, spool } = open(directory);
    for (const change of ["a", "b", "c"]) expect(append(change)).toEqual({ ok: true });
    expect(spool.stats().batches).toBe(3);
    expect(drain()).toEqual(["payload of a", "payload of b", "payload of c"]);
    expect(spool.stats().batches).toBe(0);
  });

  test("batches of another version are no batches of ours, and counted as lost instead of forgotten", () => {
    const directory = temporaryDirectory("spool");
    const { append, spool } = open(directory);
    append("a");
    append("b");
    spool.close();
    const file = path.join(directory, segments(directory)[0] as string);
    const strange = Buffer.concat(frame(FrameKind.BATCH, [Buffer.from("of tomorrow")]));
    fs.appendFileSync(file, strange);
    const header = Buffer.concat(frame(FrameKind.HEADER, [Buffer.from("of tomorrow")]));
    fs.writeFileSync(
      path.join(directory, "segment-0000000009.spool"),
      Buffer.concat([header, strange, strange]),
    );
    const next = open(directory, { incarnation: SECOND });
    expect(next.spool.owed).toEqual([{ what: "batches", count: 3, firstSequence: null, lastSequence: null }]);
    next.spool.begin();
    next.spool.close();
    const third = open(directory, { incarnation: SECOND });
    expect(third.spool.owed).toMatchObject([{ what: "batches", count: 3 }]);
    expect(third.drain()).toEqual(["payload of a", "payload of b"]);
  });

  test("a segment that could neither be written nor removed is in nobody's way once the disk is well", () => {
    const directory = temporaryDirectory("spool");
    const disk = new FakeDisk();
    const { append, drain } = open(directory, { disk });
    disk.room = 10;
    disk.refuseRemove = true;
    expect(append("a").ok).toBe(false);
    disk.room = Number.POSITIVE_INFINITY;
    disk.refuseRemove = false;
    expect(append("b")).toEqual({ ok: true });
    expect(drain()).toEqual(["payload of b"]);
  });

  test("a file cut at any byte yields the batches before the cut with exactly their baseline", () => {
    const directory = temporaryDirectory("spool");
    const { append } = open(directory);
    const changes = ["a", "bb", "ccc", "dddd"];
    for (const change of changes) append(change);
    const file = path.join(directory, segments(directory)[0] as string);
    const whole = fs.readFileSync(file);
    for (let length = whole.length; length >= 0; length--) {
      fs.writeFileSync(file, whole.subarray(0, length));
      const found = recover(nodeDisk, directory);
      const baseline = found.baseline && Buffer.concat(found.baseline.changes).toString();
      const expected = changes.slice(0, found.pending.length).join("");
      expect(baseline ?? "").toBe(expected);
      expect(found.pending.map(({ sequence }) => sequence)).toEqual(found.pending.map((_, i) => i + 1));
    }
    expect(recover(nodeDisk, directory).baseline).toBeUndefined();
  });

  test("what an earlier life left is held in memory only until its baseline has been taken", async () => {
    const directory = temporaryDirectory("spool");
    open(directory).append("a", "x".repeat(1 << 20));
    const reads: WeakRef<ArrayBufferLike>[] = [];
    const read = (file: string) => {
      const bytes = nodeDisk.read(file);
      reads.push(new WeakRef(bytes.buffer));
      return bytes;
    };
    const { spool, drain } = open(directory, { incarnation: SECOND, disk: { ...nodeDisk, read } });
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    await until("its release", () => {
      collect();
      return reads.every((one) => one.deref() === undefined);
    });
    expect(reads).toHaveLength(1);
    expect(spool.takeBaseline()).toBeUndefined();
    expect(drain()).toEqual(["x".repeat(1 << 20)]);
  });

  test("a new life resends what was not acknowledged under the old life's numbers", () => {
    const directory = temporaryDirectory("spool");
    const first = open(directory);
    first.append("a");
    first.append("b");
    first.spool.acknowledge(first.spool.oldest as NonNullable<typeof first.spool.oldest>);
    const second = open(directory, { incarnation: SECOND });
    expect(second.state.baseline).toBe("ab");
    second.append("c");
    expect(second.spool.oldest).toMatchObject({ incarnation: FIRST, sequence: 2 });
    expect(second.drain()).toEqual(["payload of b", "payload of c"]);
    const third = open(directory, { incarnation: FIRST });
    expect(third.state.baseline).toBe("abc");
    expect(third.spool.oldest).toBeUndefined();
  });

  test("acknowledged segments are removed, from the oldest on, and never the newest", () => {
    const directory = temporaryDirectory("spool");
    const { append, drain } = open(directory, { segmentBytes: 200 });
    for (let i = 0; i < 20; i++) append(`${i};`);
    expect(segments(directory).length).toBeGreaterThan(3);
    drain();
    expect(segments(directory)).toHaveLength(1);
    expect(open(directory).state.baseline).toBe(Array.from({ length: 20 }, (_, i) => `${i};`).join(""));
  });

  test("beyond its limit the oldest batches go, and every one of them is counted as lost once", () => {
    const directory = temporaryDirectory("spool");
    const { append, spool, drain } = open(directory, { segmentBytes: 1000, limitBytes: 5000 });
    for (let i = 0; i < 100; i++) append(".", "x".repeat(150));
    const before = spool.stats();
    expect(before.bytes).toBeLessThanOrEqual(5000);
    // Each batch carries what was owed when it was written; batches that went gave their debts back.
    const carried: Loss[] = [];
    for (let batch = spool.oldest; batch; batch = spool.oldest) {
      carried.push(...batch.lost);
      spool.acknowledge(batch);
    }
    const batches = [...carried, ...spool.owed].filter((loss) => loss.what === "batches");
    const lost = batches.reduce((sum, loss) => sum + loss.count, 0);
    expect(lost + before.batches).toBe(100);
    expect(Math.min(...batches.map((loss) => loss.firstSequence ?? 0))).toBe(1);
    expect(drain()).toEqual([]);
  });

  test("losses still owed survive a kill, without numbers that mean nothing to the next life", () => {
    const directory = temporaryDirectory("spool");
    const first = open(directory, { segmentBytes: 1000, limitBytes: 3000 });
    for (let i = 0; i < 40; i++) first.append(".", "x".repeat(200));
    const second = open(directory, { incarnation: SECOND, limitBytes: 3000 });
    const owedBefore = first.spool.owed.find((loss) => loss.what === "batches")?.count ?? 0;
    expect(second.spool.owed.find((loss) => loss.what === "batches")?.count ?? 0).toBe(owedBefore);
    for (const loss of second.spool.owed) expect(loss.firstSequence).toBeNull();
  });

  test("a full disk takes nothing, moves nothing, and works again when there is room", () => {
    const directory = temporaryDirectory("spool");
    const disk = new FakeDisk();
    const { append, spool, state, drain } = open(directory, { disk });
    append("a");
    for (let room = 0; room < 120; room += 7) {
      disk.room = room;
      expect(append("lost?").ok).toBe(false);
      expect(spool.failure).toMatch(/only \d+ of|ENOSPC/);
      expect(spool.nextSequence).toBe(2);
    }
    disk.room = 1e9;
    expect(append("b")).toEqual({ ok: true });
    expect(spool.failure).toBeUndefined();
    expect(open(directory).state.baseline).toBe("ab");
    expect(state.baseline).toBe("ab");
    expect(drain()).toEqual(["payload of a", "payload of b"]);
  });

  test("a torn record that can't be cut off closes its segment, and the next one begins with all baselines", () => {
    const directory = temporaryDirectory("spool");
    const disk = new FakeDisk();
    const { append } = open(directory, { disk });
    append("a");
    disk.room = 20;
    disk.refuseTruncate = true;
    expect(append("torn").ok).toBe(false);
    disk.room = 1e9;
    expect(append("b")).toEqual({ ok: true });
    expect(segments(directory)).toHaveLength(2);
    const again = open(directory, { incarnation: SECOND });
    expect(again.state.baseline).toBe("ab");
    expect(again.drain()).toEqual(["payload of a", "payload of b"]);
  });

  test("a batch the server will never take is counted as lost", () => {
    const { append, spool } = open(temporaryDirectory("spool"));
    append("a");
    append("b");
    spool.reject(spool.oldest as NonNullable<typeof spool.oldest>);
    expect(spool.oldest?.sequence).toBe(2);
    expect(spool.owed).toEqual([
      { what: "batches", count: 1, firstSequence: 1, lastSequence: 1 },
      { what: "flow-updates", count: 1, firstSequence: 1, lastSequence: 1 },
    ]);
  });

  test("an agent that can't stay up leaves one snapshot behind, not one for each try", () => {
    const directory = temporaryDirectory("spool");
    open(directory).append("a");
    for (let i = 0; i < 20; i++) expect(open(directory).spool.begin()).toEqual({ ok: true });
    expect(segments(directory)).toHaveLength(2);
    const last = open(directory);
    expect(last.state.baseline).toBe("a");
    expect(last.drain()).toEqual(["payload of a"]);
  });

  test("files of others in the directory are left alone", () => {
    const directory = temporaryDirectory("spool");
    fs.writeFileSync(path.join(directory, "notes.txt"), "mine");
    fs.writeFileSync(path.join(directory, "segment-0000000001.spool"), "rubbish");
    const { append } = open(directory);
    append("a");
    expect(fs.readFileSync(path.join(directory, "notes.txt"), "utf8")).toBe("mine");
    expect(open(directory).state.baseline).toBe("a");
  });
});
