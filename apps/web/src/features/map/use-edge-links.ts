"use client";
/** Links from the map to the flows that it was drawn of; null where no filter means exactly those. */
import type { MapNode } from "@millrace/contract/map";
import type { MapGroup, MapMeasure } from "@millrace/contract/map-choice";
import { useHref, useView } from "@/view/url-state.ts";
import type { EdgeView } from "./map-view.ts";
import { edgeFilter, withNode } from "./map-words.ts";

const SORT: Record<MapMeasure, string> = { bytes: "-bytes", opened: "-firstSeen", drops: "-drops" };

export type EdgeLinks = {
  edge: (edge: EdgeView) => string | null;
  /** Of the flows that were opened to it, or that it opened. */
  node: (node: MapNode, side: "src" | "dst") => string | null;
};

export function useEdgeLinks(by: MapGroup, measure: MapMeasure): EdgeLinks {
  const { filter } = useView();
  const link = useHref();
  const flows = (q: string | null) => (q === null ? null : link("/flows", { q, sort: SORT[measure] }));
  return {
    edge: ({ from, to }) => flows(edgeFilter(filter, from, to, by)),
    node: (node, side) => flows(withNode(filter, node, side, by)),
  };
}
