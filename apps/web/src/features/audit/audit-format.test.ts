import { expect, test } from "vitest";
import { detailText } from "./audit-format.ts";

test("a detail fits a line, and empty fields are left out of it", () => {
  expect(detailText({ role: "operator", was: null, hosts: ["h1"], why: "" })).toBe(
    'role=operator hosts=["h1"]',
  );
  expect(detailText({})).toBe("");
});
