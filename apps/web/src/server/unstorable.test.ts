import { expect, test } from "vitest";
import { unstorable } from "./unstorable.ts";

test("a NUL anywhere is named with its field, and nothing else is a problem", () => {
  expect(unstorable({ hosts: ["a", "b"], filter: { pod: "web", port: 5 }, reason: null })).toBeUndefined();
  expect(unstorable(undefined)).toBeUndefined();
  expect(unstorable({ filter: { pod: "a\0b" } })).toBe("filter.pod: a NUL character can't be stored");
  expect(unstorable("\0")).toBe("input: a NUL character can't be stored");
});

test("half a surrogate pair is named likewise, in a name too; a whole pair is a character as any", () => {
  expect(unstorable({ filter: { pod: "a\ud800b" } })).toBe(
    "filter.pod: half a surrogate pair can't be stored",
  );
  expect(unstorable({ labels: { "\udc00": "x" } })).toBe(
    "labels: a name with half a surrogate pair can't be stored",
  );
  expect(unstorable({ "a\0": 1 })).toBe("input: a name with a NUL character can't be stored");
  expect(unstorable({ labels: { "😀": "😀" } })).toBeUndefined();
});

test("an input of a hundred thousand levels is refused, not descended into", () => {
  let deep: unknown = "\0";
  for (let n = 0; n < 100_000; n++) deep = [deep];
  expect(unstorable(deep)).toMatch(/nested too deeply/);
});
