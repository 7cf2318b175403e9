import { expect, test } from "vitest";
import { ALL_CARRIED, carriedBy } from "./carried.ts";

test("filters of classic tc carry what tcx carries", () => {
  expect(carriedBy("tc")).toEqual(ALL_CARRIED);
});
