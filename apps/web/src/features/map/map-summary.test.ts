import type { FlowMap } from "@millrace/contract/map";
import { expect, test } from "vitest";
import { anEdge } from "./flow-map.fixture.ts";
import { restText } from "./map-summary.tsx";

const map = (rest: Partial<FlowMap["rest"]>) =>
  ({
    edges: [anEdge("a", "b", { bytes: 900 })],
    rest: { edges: 0, bytes: 0, opened: 0, drops: 0, ...rest },
  }) as unknown as FlowMap;

test("edges that aren't drawn are counted, with what they come to", () => {
  expect(restText(map({ edges: 23, bytes: 100 }), "bytes")).toBe("23 smaller edges not drawn, 10 % of bytes");
  expect(restText(map({ edges: 1 }), "drops")).toBe("1 smaller edge not drawn");
  expect(restText(map({}), "bytes")).toBeNull();
});
