import { parseFilter } from "@millrace/contract/filter";
import { expect, test } from "vitest";
import { piecesOf } from "./filter-underlines.tsx";

test("the pieces are the text, and the bad one is the word in question", () => {
  const text = "proto=TCP verdct=dropped rtt>5";
  const pieces = piecesOf(text, parseFilter(text).problems);
  expect(pieces.map((p) => p.text).join("")).toBe(text);
  expect(pieces.filter((p) => p.bad).map((p) => p.text)).toEqual(["verdct=dropped", "rtt>5"]);
});
test("problems that overlap don't repeat text", () => {
  const both = [
    { start: 0, end: 6, message: "a" },
    { start: 2, end: 4, message: "b" },
  ];
  expect(
    piecesOf("abcdefgh", both)
      .map((p) => p.text)
      .join(""),
  ).toBe("abcdefgh");
});
