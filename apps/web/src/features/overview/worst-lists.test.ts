import { parseFilter } from "@millrace/contract/filter";
import { expect, test } from "vitest";
import { talkerFilter } from "./worst-lists.tsx";

test("talkers by name and by address both lead to their flows", () => {
  expect(talkerFilter("web", "10.1.0.4")).toBe("src.service=web dst.ip=10.1.0.4");
  expect(parseFilter(talkerFilter("fd00::3", "cart")).problems).toEqual([]);
});
