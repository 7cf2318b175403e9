import fc from "fast-check";
import { expect, test } from "vitest";
import { memberOfUpdate } from "../testing/naive-history.ts";
import { anUpdate, START_US, type UpdateRow } from "../testing/telemetry-rows.ts";
import type { Member } from "./member.ts";
import { type Pair, pairMembers } from "./pair.ts";

const SECOND = 1_000_000;
/** One observer's account of a life from second to second. */
const member = (
  id: string,
  side: "src" | "dst" | "?",
  from: number,
  to: number,
  over: Partial<UpdateRow> = {},
): Member => {
  const observer = { src: 0, dst: 1, "?": 2 }[side];
  const endpoint_id = { src: 1, dst: 2, "?": 3 }[side];
  const life = { first_seen: START_US + from * SECOND, last_seen: START_US + to * SECOND };
  return memberOfUpdate(
    anUpdate({ flow_id: id, observer, endpoint_id, counted: side === "src", ...life, ...over }),
  );
};
const shape = (pairs: Pair[]): string[] =>
  pairs.map((p) => `${p.join} ${p.primary.flowId}${p.other ? `+${p.other.flowId}` : ""}`).sort();

test("both ends of a flow are one, the counted one first", () => {
  expect(shape(pairMembers([member("b", "dst", 0.1, 9.9), member("a", "src", 0, 10)]))).toEqual([
    "tuple a+b",
  ]);
});

test("a tuple that is used again is joined life by life", () => {
  const lives = [0, 10, 20].flatMap((t) => [
    member(`a${t}`, "src", t, t + 9),
    member(`b${t}`, "dst", t + 0.2, t + 9.2),
  ]);
  expect(shape(pairMembers(lives))).toEqual(["tuple a0+b0", "tuple a10+b10", "tuple a20+b20"]);
});

test("an observer that began anew leaves its other life alone", () => {
  const pairs = pairMembers([
    member("a1", "src", 0, 50),
    member("a2", "src", 50.5, 100),
    member("b", "dst", 0, 100),
  ]);
  expect(shape(pairs)).toEqual(["single a2", "tuple a1+b"]);
});

test("two of the same end, the same interface, or of lives apart are not one flow", () => {
  const apart = (a: Member, b: Member) =>
    expect(pairMembers([a, b]).map((p) => p.join)).toEqual(["single", "single"]);
  apart(member("a", "src", 0, 10), member("b", "src", 0, 10, { endpoint_id: 9 }));
  apart(member("a", "src", 0, 10), member("b", "dst", 0, 10, { endpoint_id: 1 }));
  apart(member("a", "src", 0, 10), member("b", "dst", 13, 20));
});

test("different tuples under one pair key are different flows", () => {
  const pairs = pairMembers([member("a", "src", 0, 10), member("b", "dst", 0, 10, { dst_port: 81 })]);
  expect(shape(pairs)).toEqual(["single a", "single b"]);
});

test("ends that don't know who opened the flow are joined, whichever way round they tell it", () => {
  const swapped = { src: "10.0.0.2", dst: "10.0.0.1", src_port: 80, dst_port: 40_000 };
  expect(shape(pairMembers([member("a", "src", 0, 10), member("b", "?", 0, 10, swapped)]))).toEqual([
    "tuple a+b",
  ]);
});

test("across a NAT the sequence number of the opening joins them", () => {
  const beyond = { pair_key: "2", dst: "10.9.9.9", isn: 77 };
  const here = member("a", "src", 0, 10, { isn: 77 });
  expect(shape(pairMembers([here, member("b", "dst", 0.1, 10, beyond)]))).toEqual(["opening a+b"]);
  expect(shape(pairMembers([here, member("b", "dst", 9, 10, beyond)]))).toEqual(["single a", "single b"]);
  expect(shape(pairMembers([here, member("b", "dst", 0, 10, { ...beyond, isn: 78 })]))).toEqual([
    "single a",
    "single b",
  ]);
  const unseen = [member("a", "src", 0, 10), member("b", "dst", 0, 10, { ...beyond, isn: 0 })];
  expect(shape(pairMembers(unseen))).toEqual(["single a", "single b"]);
});

test("every account is in exactly one pair, whatever their order", () => {
  const any = fc.record({
    side: fc.constantFrom("src" as const, "dst" as const, "?" as const),
    from: fc.nat({ max: 30 }),
    for: fc.nat({ max: 20 }),
    key: fc.constantFrom("1", "2"),
    isn: fc.constantFrom(0, 5),
  });
  fc.assert(
    fc.property(fc.array(any, { maxLength: 12 }), fc.integer(), (parts, seed) => {
      const all = parts.map((p, i) =>
        member(`f${i}`, p.side, p.from, p.from + p.for, { pair_key: p.key, isn: p.isn }),
      );
      const pairs = pairMembers(all);
      const ids = pairs.flatMap((p) => [p.primary.flowId, ...(p.other ? [p.other.flowId] : [])]);
      expect(ids.sort()).toEqual(all.map((m) => m.flowId).sort());
      const shuffled = [...all].sort(
        (a, b) => ((a.flowId.charCodeAt(1) * seed) % 7) - ((b.flowId.charCodeAt(1) * seed) % 7),
      );
      expect(shape(pairMembers(shuffled))).toEqual(shape(pairs));
    }),
  );
});
