/** The answer as it is drawn: every edge with its ends, every node with what goes in and out. Pure. */
import type { FlowMap, MapEdge, MapNode } from "@millrace/contract/map";
import type { MapMeasure } from "@millrace/contract/map-choice";
import type { SortChoice } from "@/view/url-params.ts";
import type { EdgeSort } from "./map-params.ts";

/** `id`: without a space, since elements are named by it. */
export type EdgeView = MapEdge & { id: string; from: MapNode; to: MapNode };
/** `into`: of the flows opened to it; `outOf`: of those that it opened. Of what is drawn. */
export type NodeView = MapNode & { into: number; outOf: number };
export type MapView = { nodes: NodeView[]; edges: EdgeView[] };

export function viewOf(map: Pick<FlowMap, "nodes" | "edges">, measure: MapMeasure): MapView {
  const nodes = new Map(map.nodes.map((node) => [node.id, { ...node, into: 0, outOf: 0 }]));
  const edges: EdgeView[] = [];
  for (const edge of map.edges) {
    const [from, to] = [nodes.get(edge.src), nodes.get(edge.dst)];
    if (!from || !to) continue;
    from.outOf += edge[measure];
    to.into += edge[measure];
    edges.push({ ...edge, id: [edge.src, edge.dst].map(encodeURIComponent).join(">"), from, to });
  }
  return { nodes: [...nodes.values()], edges };
}

/** The node and those it has an edge with. */
export function neighbours(edges: readonly Pick<MapEdge, "src" | "dst">[], id: string): Set<string> {
  const near = new Set([id]);
  for (const { src, dst } of edges) {
    if (src === id) near.add(dst);
    if (dst === id) near.add(src);
  }
  return near;
}

export const touches = ({ src, dst }: Pick<MapEdge, "src" | "dst">, id: string): boolean =>
  src === id || dst === id;

const KEYS: Record<EdgeSort, (edge: EdgeView) => string | number> = {
  source: ({ src }) => src,
  destination: ({ dst }) => dst,
  bytes: (edge) => edge.bytes,
  opened: (edge) => edge.opened,
  drops: (edge) => edge.drops,
  rtt: ({ rttP50Us }) => rttP50Us ?? -1,
};

export function sortedEdges(
  edges: readonly EdgeView[],
  { key, descending }: SortChoice<EdgeSort>,
): EdgeView[] {
  const sign = descending ? -1 : 1;
  return [...edges].sort((one, other) => {
    const [a, b] = [KEYS[key](one), KEYS[key](other)];
    if (a !== b) return a < b ? -sign : sign;
    return one.id < other.id ? -1 : 1;
  });
}
