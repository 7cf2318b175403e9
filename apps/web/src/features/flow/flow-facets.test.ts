import { expect, test } from "vitest";
import { termState } from "./flow-facets.tsx";

test("a facet knows whether its value is asked for, left out, or neither", () => {
  const filter = "verdict=dropped,unknown -src.service=web proto=TCP";
  expect(termState(filter, "verdict", "dropped")).toBe("only");
  expect(termState(filter, "src.service", "web")).toBe("without");
  expect(termState(filter, "src.service", "cart")).toBeNull();
  expect(termState(filter, "dst.service", "web")).toBeNull();
});
