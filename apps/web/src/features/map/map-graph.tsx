"use client";
/**
 * The drawing. Never imported directly: the page loads it, so that what draws and what places nodes stays out of its
 * first script. Pointers pan, zoom and open; the keyboard walks nodes and labels, or the table.
 */
import "@xyflow/react/dist/base.css";
import "./map-graph.css";
import type { FlowMap } from "@millrace/contract/map";
import type { MapMeasure } from "@millrace/contract/map-choice";
import { ReactFlow } from "@xyflow/react";
import { useRouter } from "next/navigation";
import { useState } from "react";
import { Button } from "@/ui/button.tsx";
import { Notice } from "@/ui/notice.tsx";
import { Skeleton } from "@/ui/skeleton.tsx";
import { useView } from "@/view/url-state.ts";
import { drawing } from "./drawing.ts";
import { ArrowHeads, DrawnEdge } from "./drawn-edge.tsx";
import { DrawnNode } from "./drawn-node.tsx";
import { MapControls } from "./map-controls.tsx";
import { MapLegend } from "./map-legend.tsx";
import { MapReading } from "./map-reading.tsx";
import type { MapView, NodeView } from "./map-view.ts";
import { useEdgeLinks } from "./use-edge-links.ts";
import { usePlaces } from "./use-places.ts";

type MapGraphProps = {
  map: FlowMap;
  view: MapView;
  measure: MapMeasure;
  focus: NodeView | null;
  onFocus: (id: string) => void;
  onTable: () => void;
};

const NODE_TYPES = { end: DrawnNode };
const EDGE_TYPES = { flows: DrawnEdge };
/** What it may be pressed for: nothing, since there is nothing to select, move or delete. */
const NO_KEYS = {
  deleteKeyCode: null,
  selectionKeyCode: null,
  multiSelectionKeyCode: null,
  panActivationKeyCode: null,
  disableKeyboardA11y: true,
};
const FIXED = {
  nodesDraggable: false,
  nodesConnectable: false,
  nodesFocusable: false,
  edgesFocusable: false,
  elementsSelectable: false,
};
export function MapGraph({ map, view, measure, focus, onFocus, onTable }: MapGraphProps) {
  const { filter } = useView();
  const links = useEdgeLinks(map.by, measure);
  const router = useRouter();
  const { places, error } = usePlaces(view, `${map.by}\n${filter}`);
  const [hovered, setHovered] = useState<string | null>(null);
  const drawn = drawing({
    ...{ map, view, measure, hovered, links },
    ...{ places: places ?? new Map(), focus: focus?.id ?? null },
  });
  if (error) return <Unplaced onTable={onTable} />;
  if (!places) return <Skeleton className="m-4 h-[calc(100%-2rem)] opacity-40" />;
  const read = view.edges.find(({ id }) => id === hovered);
  return (
    <ReactFlow
      aria-label={`Map: ${view.nodes.length} nodes, ${view.edges.length} edges. The table has the same.`}
      nodes={drawn.nodes}
      edges={drawn.edges}
      nodeTypes={NODE_TYPES}
      edgeTypes={EDGE_TYPES}
      minZoom={0.1}
      maxZoom={1.75}
      {...FIXED}
      {...NO_KEYS}
      onNodeClick={(_, node) => onFocus(node.id)}
      onNodeMouseEnter={(_, node) => setHovered(node.id)}
      onNodeMouseLeave={() => setHovered(null)}
      onEdgeMouseEnter={(_, edge) => setHovered(edge.id)}
      onEdgeMouseLeave={() => setHovered(null)}
      onEdgeClick={(_, edge) => edge.data?.href && router.push(edge.data.href)}
    >
      <ArrowHeads />
      <MapControls places={places} />
      <MapLegend measure={measure} />
      {read && <MapReading edge={read} map={map} />}
    </ReactFlow>
  );
}

function Unplaced({ onTable }: { onTable: () => void }) {
  return (
    <Notice
      tone="bad"
      title="The drawing failed: nodes could not be placed."
      actions={<Button onClick={onTable}>Show the table</Button>}
    >
      The table has the same edges. The drawing is tried again with the next figures.
    </Notice>
  );
}
