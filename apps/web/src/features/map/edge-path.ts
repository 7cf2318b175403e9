/** The curve of an edge between two nodes, and where its label stands. Pure. */
import type { Place } from "./map-layout.ts";
import { NODE } from "./node-size.ts";

export type EdgePath = { d: string; label: Place };
type Curve = { from: Place; out: Place; in: Place; to: Place };

/** Edges that meet run apart: those that go back, as the layout has it, by the lower half of a node's side. */
const [AHEAD_Y, BACK_Y] = [NODE.height * 0.38, NODE.height * 0.72];
const LEAST_BEND = 40;
const LOOP = { width: 60, height: 74 };
/** Room for the arrow. */
const GAP = 3;

export function edgePath(from: Place, to: Place): EdgePath {
  const curve = curveOf(from, to);
  const points = [curve.out, curve.in, curve.to].map(({ x, y }) => `${round(x)},${round(y)}`).join(" ");
  return { d: `M${round(curve.from.x)},${round(curve.from.y)} C${points}`, label: middle(curve) };
}

function curveOf(from: Place, to: Place): Curve {
  if (from === to || (from.x === to.x && from.y === to.y)) return loop(from);
  if (to.x >= from.x + NODE.width) return ahead(from, to);
  return from.x >= to.x + NODE.width ? back(from, to) : beside(from, to);
}

function ahead(from: Place, to: Place): Curve {
  const [a, b] = [
    { x: from.x + NODE.width, y: from.y + AHEAD_Y },
    { x: to.x - GAP, y: to.y + AHEAD_Y },
  ];
  const bend = Math.max(LEAST_BEND, (b.x - a.x) / 2);
  return { from: a, out: { x: a.x + bend, y: a.y }, in: { x: b.x - bend, y: b.y }, to: b };
}

function back(from: Place, to: Place): Curve {
  const [a, b] = [
    { x: from.x, y: from.y + BACK_Y },
    { x: to.x + NODE.width + GAP, y: to.y + BACK_Y },
  ];
  const bend = Math.max(LEAST_BEND, (a.x - b.x) / 2);
  return { from: a, out: { x: a.x - bend, y: a.y }, in: { x: b.x + bend, y: b.y }, to: b };
}

/** One above the other: around the right side going down, around the left going up. */
function beside(from: Place, to: Place): Curve {
  const down = to.y > from.y;
  const edge = (place: Place, gap: number) => (down ? place.x + NODE.width + gap : place.x - gap);
  const bend = (down ? 1 : -1) * (LEAST_BEND + Math.abs(to.y - from.y) * 0.2);
  const [a, b] = [
    { x: edge(from, 0), y: from.y + NODE.height / 2 },
    { x: edge(to, GAP), y: to.y + NODE.height / 2 },
  ];
  return { from: a, out: { x: a.x + bend, y: a.y }, in: { x: b.x + bend, y: b.y }, to: b };
}

/** From a node to itself: over its top. */
function loop({ x, y }: Place): Curve {
  const center = x + NODE.width / 2;
  return {
    from: { x: center + LOOP.width / 2, y },
    out: { x: center + LOOP.width, y: y - LOOP.height },
    in: { x: center - LOOP.width, y: y - LOOP.height },
    to: { x: center - LOOP.width / 2, y: y - GAP },
  };
}

/** A cubic curve at its half. */
function middle({ from, out, in: into, to }: Curve): Place {
  const at = (axis: "x" | "y") => round((from[axis] + 3 * out[axis] + 3 * into[axis] + to[axis]) / 8);
  return { x: at("x"), y: at("y") };
}
const round = (n: number): number => Math.round(n * 10) / 10;
