import { expect, test } from "vitest";
import { usableOf } from "./usable.ts";

const of = (...marks: string[]) =>
  marks.map((mark) => ({ mark, draining: mark.includes("d"), isOut: mark.includes("o") }));

test.each([
  ["who neither drains nor fails", ["1", "2d", "3o", "4"], ["1", "4"]],
  ["who fails, before one that drains", ["1o", "2d", "3do"], ["1o"]],
  ["all, when all drain", ["1d", "2do"], ["1d", "2do"]],
  ["none, when there is none", [], []],
])("given is %s", (_, backends, given) => {
  expect(usableOf(of(...backends)).map(({ mark }) => mark)).toEqual(given);
});
