import { parseFilter } from "@millrace/contract/filter";
import { expect, test } from "vitest";
import { nameFilter, pairFilter } from "./rollup-filter.ts";

test("names of rollups lead to the flows behind them", () => {
  expect(nameFilter("shop/web", "")).toBe("namespace=shop service=web");
  expect(nameFilter("web", "src.")).toBe("src.service=web");
  expect(nameFilter("203.0.113.7", "dst.")).toBe("dst.ip=203.0.113.7");
  expect(nameFilter("fd00::3", "src.")).toBe("src.ip=fd00::3");
  expect(pairFilter("shop/web", "other")).toBe("src.namespace=shop src.service=web");
});
test("whatever the name, the filter can be read", () => {
  for (const name of ["shop/my web", "a,b", "fd00::3", "::1", "10.0.0.1", "plain"])
    expect(parseFilter(pairFilter(name, name)).problems).toEqual([]);
});
