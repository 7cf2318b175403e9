import type { FlowMap } from "@millrace/contract/map";
import { expect, test } from "vitest";
import { type Drawn, drawing } from "./drawing.ts";
import { aNode, anEdge } from "./flow-map.fixture.ts";
import { viewOf } from "./map-view.ts";

const names = ["a", "b", "c"];
const many = Array.from({ length: 40 }, (_, i) => anEdge("a", "b", { dst: `service ${i}`, bytes: 1 }));

function drawn(edges: FlowMap["edges"], over: Partial<Drawn> = {}) {
  const nodes = [...names, ...many.map((_, i) => String(i))].map((name) => aNode(name));
  const map = { by: "service", nodes, edges, seconds: 10 } as unknown as FlowMap;
  const places = new Map(nodes.map(({ id }, at) => [id, { x: at * 300, y: 0 }]));
  const links = { edge: () => "/flows", node: () => "/flows" };
  return drawing({
    ...{ map, view: viewOf(map, "bytes"), measure: "bytes", places, focus: null, hovered: null, links },
    ...over,
  });
}
const labels = (of: ReturnType<typeof drawn>) => of.edges.map((edge) => edge.data?.label ?? null);

test("a label has the rate, and what was dropped by glyph and share", () => {
  const [label] = labels(drawn([anEdge("a", "b", { bytes: 12_000, packets: 100, drops: 2, wouldDrop: 1 })]));
  expect(label).toBe("1.2 kB/s  ✕ 2 %  ◐");
});

test("of many edges the largest have a label, and those that somebody should see", () => {
  const trouble = anEdge("b", "c", { drops: 1, packets: 10 });
  const large = labels(drawn(many));
  expect(large.map((label) => label !== null)).toEqual(many.map((_, at) => at < 16));
  expect(labels(drawn([...many, trouble])).at(-1)).toBe("0 B/s  ✕ 10 %");
  const last = viewOf({ nodes: ["a", "39"].map((name) => aNode(name)), edges: many }, "bytes").edges.at(-1);
  expect(labels(drawn(many, { hovered: last?.id ?? "" })).at(-1)).toBe("0.1 B/s");
});

test("with a node in focus its neighbours stay and the others step back", () => {
  const { nodes, edges } = drawn([anEdge("a", "b"), anEdge("b", "c")], { focus: "service a" });
  const looks = Object.fromEntries(nodes.map(({ id, data }) => [id, data.look]));
  expect(looks).toMatchObject({ "service a": "focus", "service b": "plain", "service c": "far" });
  expect(edges.map((edge) => edge.data?.far)).toEqual([false, true]);
  expect(edges[1]?.data?.label).toBeNull();
});

test("what has no place yet isn't drawn, and nothing else is kept from it", () => {
  const places = new Map([["service a", { x: 0, y: 0 }]]);
  const { nodes, edges } = drawn([anEdge("a", "b")], { places });
  expect([nodes.length, edges.length]).toEqual([1, 0]);
});
