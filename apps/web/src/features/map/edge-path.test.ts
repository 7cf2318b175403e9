import { expect, test } from "vitest";
import { edgePath } from "./edge-path.ts";
import { NODE } from "./node-size.ts";

const at = (x: number, y: number) => ({ x, y });

test("an edge ahead leaves at the right and arrives at the left", () => {
  const { d, label } = edgePath(at(0, 0), at(400, 0));
  expect(d).toBe(`M160,25.1 C278.5,25.1 278.5,25.1 397,25.1`);
  expect(label.x).toBeCloseTo((NODE.width + 397) / 2, 0);
});

test("edges there and back between two nodes don't lie on each other", () => {
  const there = edgePath(at(0, 0), at(400, 0));
  const back = edgePath(at(400, 0), at(0, 0));
  expect(Math.abs(there.label.y - back.label.y)).toBeGreaterThan(16);
});

test("nodes above each other are joined around their sides: down on the right, up on the left", () => {
  expect(edgePath(at(0, 0), at(0, 200)).label.x).toBeGreaterThan(NODE.width);
  expect(edgePath(at(0, 200), at(0, 0)).label.x).toBeLessThan(0);
});

test("an edge from a node to itself goes over its top", () => {
  const { label } = edgePath(at(10, 100), at(10, 100));
  expect(label.x).toBeCloseTo(10 + NODE.width / 2, 0);
  expect(label.y).toBeLessThan(100);
});
