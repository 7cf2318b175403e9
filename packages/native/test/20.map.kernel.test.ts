// Reading and writing maps of every kind, one element at a time and in bulk.
import { afterAll, describe, expect, test } from "vitest";
import { type BpfMap, openObject, openPinnedMap } from "../lib/native.ts";
import { fixture, u32, u64 } from "./fixture.ts";
import { Testbed } from "./testbed.ts";

const bed = new Testbed("map");
const object = openObject(fixture("maps"));
object.load();
afterAll(() => {
  object.close();
  bed.close();
});

function filled(count: number): BpfMap {
  const map = object.map("hash");
  map.deleteBatch(map.readAll().keys, map.readAll().count);
  const keys = u32(...Array.from({ length: count }, (_, i) => i));
  const values = Buffer.concat(Array.from({ length: count }, (_, i) => u64(BigInt(i), 0n)));
  map.updateBatch(keys, values, count);
  return map;
}

function keysOf(contents: { count: number; keys: Buffer }): number[] {
  return Array.from({ length: contents.count }, (_, i) => contents.keys.readUInt32LE(i * 4)).sort(
    (a, b) => a - b,
  );
}

test("a map brings the types it was made with along, also when it is opened by its pin", () => {
  const file = `${bed.pins()}/typed`;
  object.map("hash").pin(file);
  const pinned = openPinnedMap(file);
  const types = pinned.btf();
  expect(types?.struct("pair")?.members.map(({ name, offset }) => [name, offset])).toEqual([
    ["first", 0],
    ["second", 8],
    ["third", 12],
  ]);
  types?.close();
  pinned.close();
  expect(() => pinned.btf()).toThrow(/closed/);
});

describe("single elements", () => {
  test.each(["hash", "lru_hash"])("%s: what was written is read, then deleted once", (name) => {
    const map = object.map(name);
    const value = Buffer.alloc(map.stride, 7);
    map.update(u32(5), value);
    expect(map.lookup(u32(5))).toEqual(value);
    expect(map.lookup(u32(6))).toBeUndefined();
    expect(map.delete(u32(5))).toBe(true);
    expect(map.delete(u32(5))).toBe(false);
  });

  test("an array has all its keys and deletes none", () => {
    const map = object.map("array");
    map.update(u32(15), u32(42));
    expect(map.lookup(u32(15))).toEqual(u32(42));
    expect(map.lookup(u32(16))).toBeUndefined();
    expect(() => map.delete(u32(1))).toThrow(/EINVAL/);
  });

  test.each(["percpu_hash", "percpu_array", "lru_percpu_hash"])(
    "%s: a value has a slot for each possible CPU",
    (name) => {
      const map = object.map(name);
      expect(map.perCpu).toBe(true);
      expect(map.stride).toBe(map.cpus * 8);
      const value = Buffer.alloc(map.stride);
      for (let cpu = 0; cpu < map.cpus; cpu++) value.writeUInt32LE(100 + cpu, cpu * 8);
      map.update(u32(1), value);
      expect(map.lookup(u32(1))).toEqual(value);
    },
  );

  test("a prefix trie finds the longest prefix", () => {
    const map = object.map("trie");
    map.update(Buffer.from([8, 0, 0, 0, 10, 0, 0, 0]), u32(8));
    map.update(Buffer.from([16, 0, 0, 0, 10, 1, 0, 0]), u32(16));
    expect(map.lookup(Buffer.from([32, 0, 0, 0, 10, 1, 2, 3]))).toEqual(u32(16));
    expect(map.lookup(Buffer.from([32, 0, 0, 0, 10, 2, 2, 3]))).toEqual(u32(8));
  });

  test("a queue takes values without a key", () => {
    const map = object.map("queue");
    map.update(Buffer.alloc(0), u32(1));
    map.update(Buffer.alloc(0), u32(2));
    expect(map.lookup(Buffer.alloc(0))).toEqual(u32(1));
  });

  test("an inner map is put into its place by descriptor", () => {
    const outer = object.map("outer");
    const other = openObject(fixture("maps"));
    expect(() => outer.update(u32(0), u32(object.map("hash").fd))).toThrow(/EINVAL/);
    other.close();
    expect(outer.lookup(u32(0))).toBeUndefined();
  });

  test("create fails on what is there, exist on what is not", () => {
    const map = filled(1);
    expect(() => map.update(u32(0), u64(0n, 0n), "create")).toThrow(/EEXIST/);
    expect(() => map.update(u32(1), u64(0n, 0n), "exist")).toThrow(/ENOENT/);
    map.update(u32(1), u64(0n, 0n), "create");
    map.update(u32(1), u64(1n, 0n), "exist");
  });

  test("a full map is an E2BIG error that names it", () => {
    const map = object.map("one_bucket");
    map.update(u64(1n), u64(1n));
    expect(() => map.update(u64(2n), u64(1n))).toThrow(
      expect.objectContaining({ code: "E2BIG", object: "one_bucket" }),
    );
  });

  test("walking by keys visits each once", () => {
    const map = filled(100);
    const seen = new Set<number>();
    for (let key = map.nextKey(); key; key = map.nextKey(key)) seen.add(key.readUInt32LE(0));
    expect(seen.size).toBe(100);
  });

  test("keys and values of a wrong size are refused before the kernel sees them", () => {
    const map = object.map("hash");
    expect(() => map.lookup(u64(1n))).toThrow("hash.lookup key: expected 4 bytes, got 8");
    expect(() => map.update(u32(1), u32(1))).toThrow("hash.update value: expected 16 bytes, got 4");
    expect(() => map.update(u32(1), u64(1n, 1n), "creat" as never)).toThrow("did you mean 'create'");
  });
});

describe("in bulk", () => {
  test("chunks by cursor bring every element once", () => {
    const map = filled(1000);
    const seen: number[] = [];
    let cursor: Buffer | undefined;
    do {
      const chunk = map.lookupBatch({ max: 64, cursor });
      seen.push(...keysOf(chunk));
      cursor = chunk.cursor;
    } while (cursor);
    expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  });

  test("a chunk smaller than a hash bucket grows instead of failing", () => {
    const map = filled(4096);
    let count = 0;
    let cursor: Buffer | undefined;
    do {
      const chunk = map.lookupBatch({ max: 1, cursor });
      count += chunk.count;
      cursor = chunk.cursor;
    } while (cursor);
    expect(count).toBe(4096);
  });

  test("reading with deletion empties the map", () => {
    const map = filled(500);
    let count = 0;
    let cursor: Buffer | undefined;
    do {
      const chunk = map.lookupBatch({ max: 128, cursor, deleteToo: true });
      count += chunk.count;
      cursor = chunk.cursor;
    } while (cursor);
    expect(count).toBe(500);
    expect(map.readAll().count).toBe(0);
  });

  test("a whole map is read with its values beside their keys", () => {
    const all = filled(4096).readAll();
    expect(all.count).toBe(4096);
    for (let i = 0; i < all.count; i++) {
      expect(all.values.readBigUInt64LE(i * 16)).toBe(BigInt(all.keys.readUInt32LE(i * 4)));
    }
  });

  test("buffers that are large enough are used again, too small ones are replaced", () => {
    const map = filled(1000);
    const first = map.readAll();
    const again = map.readAll(first);
    expect(again.keys).toBe(first.keys);
    expect(again.values).toBe(first.values);
    const small = { keys: Buffer.alloc(40), values: Buffer.alloc(160) };
    const grown = map.readAll(small);
    expect(grown.count).toBe(1000);
    expect(grown.keys).not.toBe(small.keys);
    expect(keysOf(grown)).toEqual(keysOf(first));
  });

  test.each(["percpu_hash", "lru_hash", "trie", "array", "percpu_array"])("%s is read whole", (name) => {
    const map = object.map(name);
    const all = map.readAll();
    const byKey = new Map<string, Buffer>();
    for (let key = map.nextKey(); key; key = map.nextKey(key)) {
      byKey.set(key.toString("hex"), map.lookup(key) ?? Buffer.alloc(0));
    }
    expect(all.count).toBe(byKey.size);
    for (let i = 0; i < all.count; i++) {
      const key = all.keys.subarray(i * map.keySize, (i + 1) * map.keySize).toString("hex");
      expect(all.values.subarray(i * map.stride, (i + 1) * map.stride)).toEqual(byKey.get(key));
    }
  });

  test("an empty map reads as nothing", () => {
    expect(filled(0).readAll().count).toBe(0);
    expect(filled(0).lookupBatch().cursor).toBeUndefined();
  });

  test("a bulk delete skips what is not there and counts the rest", () => {
    const map = filled(10);
    expect(map.deleteBatch(u32(100, 0, 1, 101, 2, 102), 6)).toBe(3);
    expect(keysOf(map.readAll())).toEqual([3, 4, 5, 6, 7, 8, 9]);
  });

  test("a bulk update with 'create' stops at the first that exists and says where", () => {
    const map = filled(3);
    const values = Buffer.alloc(16 * 3);
    expect(() => map.updateBatch(u32(10, 1, 11), values, 3, "create")).toThrow(/EEXIST.*after 1 of 3/);
  });

  test("a map without keys says so", () => {
    expect(() => object.map("queue").readAll()).toThrow(/no keys/);
  });
});

test("a pinned map is found again by its path, a missing one names it", () => {
  const path = `${bed.pins()}/array`;
  object.map("array").pin(path);
  expect(openPinnedMap(path)).toMatchObject({ type: "array", maxEntries: 16 });
  expect(() => object.map("array").pin(path)).toThrow(/EEXIST/);
  expect(() => openPinnedMap(`${path}-not`)).toThrow(
    expect.objectContaining({ code: "ENOENT", object: `${path}-not` }),
  );
});

test("a frozen map takes no more writes", () => {
  const other = openObject(fixture("maps"));
  other.load();
  const map = other.map("array");
  map.freeze();
  expect(() => map.update(u32(0), u32(1))).toThrow(/EPERM/);
  expect(map.lookup(u32(0))).toEqual(u32(0));
  other.close();
});
