import { expect, test } from "vitest";
import { aNode, anEdge } from "./flow-map.fixture.ts";
import { neighbours, sortedEdges, touches, viewOf } from "./map-view.ts";

const map = {
  nodes: ["a", "b", "c"].map((name) => aNode(name)),
  edges: [
    anEdge("a", "b", { bytes: 100, rttP50Us: 10 }),
    anEdge("b", "c", { bytes: 50, drops: 2 }),
    anEdge("c", "c", { bytes: 7 }),
  ],
};

test("a node has what was opened to it and what it opened, by what is measured", () => {
  const sums = viewOf(map, "bytes").nodes.map(({ name, into, outOf }) => [name, into, outOf]);
  expect(sums).toEqual([
    ["a", 0, 100],
    ["b", 100, 50],
    ["c", 57, 7],
  ]);
  expect(viewOf(map, "drops").nodes.map(({ into }) => into)).toEqual([0, 0, 2]);
});

test("an edge's id has no space: elements are named by it", () => {
  const { edges } = viewOf(map, "bytes");
  expect(edges.map(({ id }) => id).filter((id) => id.includes(" "))).toEqual([]);
  expect(new Set(edges.map(({ id }) => id)).size).toBe(3);
});

test("neighbours are both those that open to it and those it opens to", () => {
  expect(neighbours(map.edges, "service b")).toEqual(new Set(["service a", "service b", "service c"]));
  expect(neighbours(map.edges, "service a")).toEqual(new Set(["service a", "service b"]));
  expect(map.edges.filter((edge) => touches(edge, "service c"))).toHaveLength(2);
});

test("edges without a round-trip time stand after those with one", () => {
  const { edges } = viewOf(map, "bytes");
  const names = (key: "rtt" | "bytes", descending: boolean) =>
    sortedEdges(edges, { key, descending }).map(({ from, to }) => from.name + to.name);
  expect(names("rtt", true)).toEqual(["ab", "bc", "cc"]);
  expect(names("bytes", false)).toEqual(["cc", "bc", "ab"]);
});
