/** What the fleet's pages keep in their address: what colours the grid, the table's order, the open tab. */
import { parseAsString, parseAsStringLiteral } from "nuqs/server";
import { parseAsSort } from "@/view/url-params.ts";

export const GRID_COLORS = ["state", "load", "flow table"] as const;
export type GridColor = (typeof GRID_COLORS)[number];
export const HOST_SORTS = [
  "name",
  "state",
  "pods",
  "flows",
  "bytes",
  "drops",
  "cpu",
  "memory",
  "table",
  "seen",
] as const;
export type HostSort = (typeof HOST_SORTS)[number];
export const HOST_TABS = ["now", "containers", "dataplane", "kernel", "agent"] as const;

export const fleetParams = {
  color: parseAsStringLiteral(GRID_COLORS).withDefault("state"),
  sort: parseAsSort<HostSort>(HOST_SORTS).withDefault({ key: "state", descending: false }),
  find: parseAsString.withDefault(""),
  host: parseAsString,
};
export const hostParams = { tab: parseAsStringLiteral(HOST_TABS).withDefault("now") };
