/** What the map keeps in its address besides time and filter, and in which order its table stands. */
import { MAP_GROUPS, MAP_MEASURES } from "@millrace/contract/map-choice";
import { parseAsString, parseAsStringLiteral } from "nuqs/server";
import { parseAsSort } from "@/view/url-params.ts";

export const MAP_VIEWS = ["graph", "table"] as const;
export const EDGE_SORTS = ["source", "destination", "bytes", "opened", "drops", "rtt"] as const;
export type EdgeSort = (typeof EDGE_SORTS)[number];

export const mapParams = {
  by: parseAsStringLiteral(MAP_GROUPS).withDefault("service"),
  measure: parseAsStringLiteral(MAP_MEASURES).withDefault("bytes"),
  view: parseAsStringLiteral(MAP_VIEWS).withDefault("graph"),
  /** The node that is looked at: its neighbours stay, the others step back. */
  node: parseAsString,
  sort: parseAsSort<EdgeSort>(EDGE_SORTS),
};
