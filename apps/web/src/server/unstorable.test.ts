import { expect, test } from "vitest";
import { unstorable } from "./unstorable.ts";

test("a NUL anywhere is named with its field, and nothing else is a problem", () => {
  expect(unstorable({ hosts: ["a", "b"], filter: { pod: "web", port: 5 }, reason: null })).toBeUndefined();
  expect(unstorable(undefined)).toBeUndefined();
  expect(unstorable({ filter: { pod: "a\0b" } })).toBe("filter.pod: a NUL character can't be stored");
  expect(unstorable("\0")).toBe("input: a NUL character can't be stored");
});

test("half a character, and what is in a name, is found too", () => {
  expect(unstorable({ reason: "\ud83d" })).toBe("reason: half a character can't be stored");
  expect(unstorable({ reason: "\ud83d\ude00" })).toBeUndefined();
  expect(unstorable({ labels: { "a\0": "b" } })).toBe("a name in labels: a NUL character can't be stored");
});

test("an input of a hundred thousand levels is refused, not descended into", () => {
  let deep: unknown = "\0";
  for (let n = 0; n < 100_000; n++) deep = [deep];
  expect(unstorable(deep)).toMatch(/nested too deeply/);
});
