import { expect, test } from "vitest";
import { LeaseTable } from "./lease-table.ts";

type Answer = { is: string | null };
function begin(room: { most?: number; mostAbsent?: number; idleMs?: number } = {}) {
  const clock = { ms: 0 };
  const isFound = ({ is }: Answer) => is !== null;
  const limits = { most: room.most ?? 10, mostAbsent: room.mostAbsent ?? 10, idleMs: room.idleMs ?? 0 };
  return { clock, table: new LeaseTable<Answer>({ nowMs: () => clock.ms, isFound, ...limits }) };
}
const there: Answer = { is: "there" };
const absent: Answer = { is: null };

test("an answer holds for its lease, is due before that ends, and is forgotten after", () => {
  const { clock, table } = begin();
  table.put("a", there, 100);
  table.put("b", absent, 100);
  clock.ms = 69_999;
  expect(table.due(() => true)).toEqual([]);
  clock.ms = 70_000;
  expect(table.due(() => true)).toEqual(["a"]);
  expect(table.due((key) => key !== "a")).toEqual([]);
  clock.ms = 99_999;
  expect([table.get("a"), table.expire()]).toEqual([there, []]);
  clock.ms = 100_000;
  expect([table.get("a"), table.last("a")]).toEqual([undefined, there]);
  expect(table.expire()).toEqual([
    ["a", there],
    ["b", absent],
  ]);
  expect([table.last("a"), table.size]).toEqual([undefined, 0]);
});

test("with nobody to ask what would be renewed holds on; what an earlier life knew is due at once, and holds as long", () => {
  const { clock, table } = begin({ idleMs: 100_000 });
  table.put("a", there, 1);
  table.put("gone", absent, 130);
  table.restore("b", there);
  clock.ms = 1000;
  expect(table.due()).toEqual(["a", "b"]);
  for (; clock.ms < 90_000; clock.ms += 30_000) table.hold();
  expect([table.get("a"), table.get("b")]).toEqual([there, there]);
  table.use("b");
  for (; clock.ms < 200_000; clock.ms += 30_000) {
    table.hold();
    table.expire();
  }
  expect([table.get("a"), table.get("b"), table.get("gone")]).toEqual([undefined, there, undefined]);
});

test("what was used not long ago is renewed too", () => {
  const { clock, table } = begin({ idleMs: 3000 });
  for (const key of ["used", "told", "idle"]) table.put(key, there, 1);
  clock.ms = 2000;
  table.use("told");
  expect(table.due((key) => key === "used")).toEqual(["used", "told", "idle"]);
  clock.ms = 4999;
  expect(table.due()).toEqual(["used", "told"]);
  clock.ms = 5000;
  expect(table.due()).toEqual([]);
});

test("of what is there the least recently used go, of what isn't the least recently answered", () => {
  const { clock, table } = begin({ most: 3, mostAbsent: 2 });
  for (const key of ["a", "b", "c"]) table.put(key, absent, 10);
  for (const key of ["d", "e", "f"]) table.put(key, there, 10);
  expect(table.makeRoom()).toEqual(["a"]);
  clock.ms = 1;
  table.use("d");
  table.put("g", there, 10);
  expect(table.makeRoom()).toEqual(["e"]);
  expect(table.keys()).toEqual(["b", "c", "d", "f", "g"]);
});

test("in doubt what is there is asked again, and of what isn't there nobody knows", () => {
  const { table } = begin();
  table.put("a", there, 100);
  table.put("b", absent, 100);
  expect(table.doubt()).toEqual(["b"]);
  expect([table.due(() => true), table.found(), table.get("b")]).toEqual([["a"], [["a", there]], undefined]);
});

test("what isn't urgent keeps its turn", () => {
  const { clock, table } = begin({ idleMs: 3_600_000 });
  for (const key of ["urgent", "other"]) table.put(key, there, 100);
  table.doubt((key) => key === "urgent");
  expect(table.due()).toEqual(["urgent"]);
  clock.ms = 70_000;
  expect(table.due()).toEqual(["urgent", "other"]);
});
