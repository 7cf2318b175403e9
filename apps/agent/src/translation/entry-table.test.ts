import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import { type Entry, recordsOf, type Side, wordsOf } from "../testing/conntrack-record.ts";
import { EntryTable, ORIG, REPLY } from "./entry-table.ts";

const POD = "10.0.0.1";
const VIP = "10.96.0.10";
const BACKEND = "10.0.1.7";
const entry = (sport: number, op: 1 | 2 = 1, backend = BACKEND): Entry => ({
  op,
  orig: { src: POD, dst: VIP, sport, dport: 80 },
  reply: { src: backend, dst: POD, sport: 8080, dport: sport },
});
const words = (...entries: Entry[]) => new Uint32Array(recordsOf(...entries).buffer);
const sideOf = (table: EntryTable, tuple: Side, proto = 6) => table.find(wordsOf(tuple), 0, proto)?.side;

describe("the table of translated connections", () => {
  test("finds an entry by what either end sends, and by nothing else", () => {
    const table = new EntryTable();
    table.apply(words(entry(1000)));
    expect(sideOf(table, entry(1000).orig)).toBe(ORIG);
    expect(sideOf(table, entry(1000).reply)).toBe(REPLY);
    expect(sideOf(table, entry(1001).orig)).toBeUndefined();
    expect(sideOf(table, entry(1000).orig, 17)).toBeUndefined();
  });

  test("keeps what was destroyed until the next reading, for the flows that ended with it", () => {
    const table = new EntryTable();
    table.apply(words(entry(1000), entry(1000, 2)));
    expect(table.size).toBe(1);
    table.apply(words());
    expect(table.size).toBe(0);
  });

  test("keeps a connection that took a destroyed one's tuple", () => {
    const table = new EntryTable();
    table.apply(words(entry(1000), entry(1000, 2), entry(1000, 1, "10.0.1.8")));
    table.apply(words());
    expect(table.size).toBe(1);
    expect(sideOf(table, entry(1000, 1, "10.0.1.8").reply)).toBe(REPLY);
    expect(sideOf(table, entry(1000).reply)).toBeUndefined();
  });

  test("counts what it has no room for, and has room again when something ends", () => {
    const table = new EntryTable(2);
    table.apply(words(entry(1), entry(2), entry(3)));
    expect([table.size, table.refused]).toEqual([2, 1]);
    table.apply(words(entry(1, 2)));
    table.apply(words(entry(4)));
    expect(sideOf(table, entry(4).orig)).toBe(ORIG);
    expect([table.size, table.refused]).toEqual([2, 1]);
  });

  test("a dump replaces all", () => {
    const table = new EntryTable();
    table.apply(words(entry(1), entry(2)));
    table.replace(words(entry(2), entry(3)));
    expect([1, 2, 3].map((port) => sideOf(table, entry(port).orig))).toEqual([undefined, ORIG, ORIG]);
  });

  const step = fc.record({
    dump: fc.boolean(),
    told: fc.array(fc.tuple(fc.integer({ min: 1, max: 12 }), fc.constantFrom<1 | 2>(1, 2)), {
      maxLength: 12,
    }),
  });
  test.prop([fc.array(step, { maxLength: 40 })])("agrees with a plain set whatever is told", (steps) => {
    const table = new EntryTable();
    const plain = new Set<number>();
    for (const { dump, told } of steps) {
      if (dump) {
        plain.clear();
        for (const [port] of told) plain.add(port);
        table.replace(words(...told.map(([port]) => entry(port))));
      } else {
        for (const [port, op] of told) op === 1 ? plain.add(port) : plain.delete(port);
        table.apply(words(...told.map(([port, op]) => entry(port, op))));
        table.apply(words());
      }
      for (let port = 1; port <= 12; port++)
        for (const [tuple, side] of [
          [entry(port).orig, ORIG],
          [entry(port).reply, REPLY],
        ] as const)
          expect(sideOf(table, tuple)).toBe(plain.has(port) ? side : undefined);
      expect(table.size).toBe(plain.size);
    }
  });
});
