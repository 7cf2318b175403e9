/** Nodes and edges as the drawing library takes them: placed, with their look and their links. Pure. */
import type { FlowMap } from "@millrace/contract/map";
import type { MapMeasure } from "@millrace/contract/map-choice";
import { percent, type Quantity, text } from "@millrace/contract/units";
import { VERDICT_GLYPH } from "@millrace/contract/verdict";
import { type Edge, type Node, Position } from "@xyflow/react";
import { type EdgeTone, edgeTone, edgeWidth } from "./edge-look.ts";
import { type EdgePath, edgePath } from "./edge-path.ts";
import type { Places } from "./map-layout.ts";
import { type EdgeView, type MapView, type NodeView, neighbours, touches } from "./map-view.ts";
import { dropShare, nodeNote, nodeTitle, rateOf } from "./map-words.ts";
import { NODE } from "./node-size.ts";
import type { EdgeLinks } from "./use-edge-links.ts";

export type NodeFace = {
  title: string;
  note: string;
  into: { rate: Quantity | null; href: string | null };
  outOf: { rate: Quantity | null; href: string | null };
  look: "plain" | "focus" | "far";
};
export type EdgeFace = {
  path: EdgePath;
  width: number;
  tone: EdgeTone;
  far: boolean;
  /** null: only the line. */
  label: string | null;
  /** What a screen reader hears of the label. */
  title: string;
  href: string | null;
};
export type FaceNode = Node<NodeFace, "end">;
export type FaceEdge = Edge<EdgeFace, "flows">;

export type Drawn = {
  map: FlowMap;
  view: MapView;
  measure: MapMeasure;
  places: Places;
  focus: string | null;
  /** The id of an edge or of a node. */
  hovered: string | null;
  links: EdgeLinks;
};

/** More labels would cover each other: of smaller edges those have one that somebody should see. */
const MOST_LABELS = 16;

export function drawing(of: Drawn): { nodes: FaceNode[]; edges: FaceEdge[] } {
  const most = Math.max(0, ...of.view.edges.map((edge) => edge[of.measure]));
  const near = of.focus === null ? null : neighbours(of.view.edges, of.focus);
  return {
    nodes: of.view.nodes.flatMap((node) => nodeFace(node, near, of)),
    edges: of.view.edges.flatMap((edge, at) => edgeFace(edge, { most, large: at < MOST_LABELS }, of)),
  };
}

/** Known beforehand: nothing has to be measured, so nothing is drawn twice. */
const SIDES = [
  { type: "source", position: Position.Right, x: NODE.width, y: NODE.height / 2, width: 1, height: 1 },
  { type: "target", position: Position.Left, x: 0, y: NODE.height / 2, width: 1, height: 1 },
] as const;

function nodeFace(node: NodeView, near: ReadonlySet<string> | null, of: Drawn): FaceNode[] {
  const position = of.places.get(node.id);
  if (!position) return [];
  const far = near !== null && !near.has(node.id);
  const data: NodeFace = {
    title: nodeTitle(node, of.map.by),
    note: nodeNote(node),
    into: { rate: rateOf(node.into, of.measure, of.map), href: of.links.node(node, "dst") },
    outOf: { rate: rateOf(node.outOf, of.measure, of.map), href: of.links.node(node, "src") },
    look: far ? "far" : node.id === of.focus ? "focus" : "plain",
  };
  const fixed = { ...NODE, measured: NODE, handles: [...SIDES], ariaRole: "group" as const };
  return [{ id: node.id, type: "end", position, data, ...fixed, ariaLabel: data.title } as FaceNode];
}

function edgeFace(edge: EdgeView, { most, large }: { most: number; large: boolean }, of: Drawn): FaceEdge[] {
  const [from, to] = [of.places.get(edge.src), of.places.get(edge.dst)];
  if (!from || !to) return [];
  const isNear = of.focus === null || touches(edge, of.focus);
  const isHovered = of.hovered === edge.id || (of.hovered !== null && touches(edge, of.hovered));
  const isTrouble = edge.drops > 0 || edge.wouldDrop > 0;
  const isLabelled = large || of.focus !== null || isHovered || isTrouble;
  const label = labelOf(edge, of);
  const title = `${nodeTitle(edge.from, of.map.by)} to ${nodeTitle(edge.to, of.map.by)}`;
  const data: EdgeFace = {
    path: edgePath(from, to),
    width: edgeWidth(edge[of.measure], most),
    tone: edgeTone(edge),
    far: !isNear,
    label: isNear && isLabelled ? label : null,
    title: `Flows from ${title}: ${label}`,
    href: of.links.edge(edge),
  };
  return [{ id: edge.id, source: edge.src, target: edge.dst, type: "flows", data, ariaLabel: title }];
}

/** The rate, and what was dropped by glyph and share: colour alone says nothing. */
function labelOf(edge: EdgeView, { measure, map }: Drawn): string {
  const rate = rateOf(edge[measure], measure, map);
  const parts = [rate ? text(rate) : "–"];
  if (edge.drops > 0) parts.push(`${VERDICT_GLYPH.dropped} ${text(percent(dropShare(edge)))}`);
  if (edge.wouldDrop > 0) parts.push(VERDICT_GLYPH["would-drop"]);
  return parts.join("  ");
}
